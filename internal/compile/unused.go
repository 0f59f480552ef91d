package compile

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// missing warns of a destination with nothing behind it, if there is something
// behind other names. at is the place of the destination.
func (c *Compiler) missing(at findings.Place, d *spec.Destination, namespace string) {
	host := resource.FullHost(d.Host, namespace)
	registered := c.backends.ports[host] != nil || slices.ContainsFunc(c.O.Backends, func(b Backend) bool {
		return b.Name.Host == d.Host || resource.FullHost(b.Name.Host, c.O.Namespace) == host
	})
	declared := c.services.Find(host, namespace) != nil
	switch {
	case d.Subset != "":
		// If there is a DestinationRule without the subset, validation has warned.
		if c.useRule(host, namespace, "") == nil {
			at.Field("subset").Warnf("IST0101", "no DestinationRule is for %s, so it has no subset %q: requests get 503", d.Host, d.Subset)
		}
	case registered || declared || len(c.O.Backends) == 0:
	default:
		at.Field("host").WarnSuggestf("", suggest.Closest(d.Host, c.backendHosts()), "no backend and no ServiceEntry is named %q: requests get 503", d.Host)
	}
}

// backendHosts are the hosts of registered backends.
func (c *Compiler) backendHosts() []string {
	var hosts []string
	for i := range c.O.Backends {
		if host := c.O.Backends[i].Name.Host; host != "*" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// unused warns of backends, limiters and credentials that nothing names.
func (c *Compiler) unused() {
	for i := range c.O.Backends {
		b := &c.O.Backends[i]
		if b.Name.Host == "*" {
			continue
		}
		written, full := c.destinationHosts()
		if written[b.Name.Host] || full[resource.FullHost(b.Name.Host, c.O.Namespace)] {
			continue
		}
		c.At(b.Origin).WarnSuggestf("", suggest.Closest(b.Name.Host, slices.Sorted(maps.Keys(written))), "no route has the destination %q: the backend is not used", b.Name.Host)
	}
	var providers []string
	for key := range c.policies.stores {
		providers = append(providers, key.Provider)
	}
	slices.Sort(providers)
	for _, provider := range slices.Sorted(maps.Keys(c.O.Limiters)) {
		if c.O.Limiters[provider] != nil && !slices.Contains(providers, provider) {
			c.At(spec.Origin{Kind: "Limiter", Name: provider}).WarnSuggestf("", suggest.Closest(provider, providers), "no rate limit has the provider %q: the limiter is not used", provider)
		}
	}
	named := c.credentialNames()
	for _, name := range slices.Sorted(maps.Keys(c.O.Credentials)) {
		if !slices.Contains(named, strings.TrimSuffix(name, "-cacert")) {
			c.At(spec.Origin{Kind: "Credential", Name: name}).WarnSuggestf("", suggest.Closest(name, named), "no credentialName is %q: the credential is not used", name)
		}
	}
}

// destinationHosts returns the hosts of all destinations, as written and as full
// names.
func (c *Compiler) destinationHosts() (written, full map[string]bool) {
	if c.written != nil {
		return c.written, c.full
	}
	written, full = map[string]bool{}, map[string]bool{}
	c.written, c.full = written, full
	type named struct{ host, namespace string }
	seen := map[named]bool{}
	for i := range c.D.VirtualServices {
		vs := &c.D.VirtualServices[i]
		namespace := cmp.Or(vs.Namespace, c.O.Namespace)
		add := func(d *spec.Destination) {
			if n := (named{d.Host, namespace}); !seen[n] {
				seen[n] = true
				written[d.Host], full[resource.FullHost(d.Host, namespace)] = true, true
			}
		}
		for j := range vs.Routes {
			r := &vs.Routes[j]
			for k := range r.Destinations {
				add(&r.Destinations[k])
			}
			for k := range r.Mirrors {
				add(&r.Mirrors[k].Destination)
			}
		}
	}
	return written, full
}

// credentialNames returns the names of the credentials that servers and
// DestinationRules use.
func (c *Compiler) credentialNames() []string {
	names := map[string]bool{}
	add := func(name string) {
		if name = strings.TrimSuffix(strings.TrimPrefix(name, "kubernetes://"), "-cacert"); name != "" {
			names[name] = true
		}
	}
	client := func(t *spec.ClientTLS) {
		if t != nil {
			add(t.CredentialName)
		}
	}
	policy := func(p *spec.TrafficPolicy) {
		if p != nil {
			client(p.TLS)
			for i := range p.PortLevelSettings {
				client(p.PortLevelSettings[i].TLS)
			}
		}
	}
	for i := range c.D.DestinationRules {
		rule := &c.D.DestinationRules[i]
		policy(rule.TrafficPolicy)
		for j := range rule.Subsets {
			policy(rule.Subsets[j].TrafficPolicy)
		}
	}
	for i := range c.D.Servers {
		t := c.D.Servers[i].TLS
		if t == nil {
			continue
		}
		for _, name := range append([]string{t.CredentialName, t.CACertCredentialName}, t.CredentialNames...) {
			add(name)
		}
		if t.Mode == spec.TLSIstioMutual {
			add("default")
		}
	}
	return slices.Sorted(maps.Keys(names))
}
