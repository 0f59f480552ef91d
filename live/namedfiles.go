package live

import (
	"slices"

	"github.com/lateengo/gateway/spec"
)

// filesNamedBy returns the files that declarations name: with certificates, keys,
// revocation lists and limits.
func filesNamedBy(d *spec.Declarations) []string {
	var out []string
	add := func(paths ...string) {
		for _, p := range paths {
			if p != "" {
				out = append(out, p)
			}
		}
	}
	for i := range d.Servers {
		t := d.Servers[i].TLS
		if t == nil {
			continue
		}
		add(t.ServerCertificate, t.PrivateKey, t.CACertificates, t.CACRL)
		for _, c := range t.TLSCertificates {
			add(c.ServerCertificate, c.PrivateKey)
		}
	}
	client := func(t *spec.ClientTLS) {
		if t != nil {
			add(t.ClientCertificate, t.PrivateKey, t.CACertificates, t.CACRL)
		}
	}
	policy := func(p *spec.TrafficPolicy) {
		if p == nil {
			return
		}
		client(p.TLS)
		for i := range p.PortLevelSettings {
			client(p.PortLevelSettings[i].TLS)
		}
	}
	for i := range d.DestinationRules {
		r := &d.DestinationRules[i]
		policy(r.TrafficPolicy)
		for j := range r.Subsets {
			policy(r.Subsets[j].TrafficPolicy)
		}
	}
	add(d.Files...)
	slices.Sort(out)
	return slices.Compact(out)
}
