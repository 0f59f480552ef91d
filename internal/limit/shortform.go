package limit

import (
	"strings"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// describeKey returns the key of a limit in the short form as text.
func (p *Limit) describeKey() string {
	var b strings.Builder
	for _, k := range p.Spec.Per {
		if k.RemoteAddress {
			b.WriteString(", each remote address")
		}
		if k.Header != "" {
			b.WriteString(", each " + strings.ToLower(k.Header))
		}
	}
	for _, text := range p.conditions() {
		b.WriteString(", when " + text)
	}
	switch p.Spec.OnMissingKey {
	case spec.MissingKeyShare:
		b.WriteString(", all without a key together")
	case spec.MissingKeyDeny:
		b.WriteString(", refused without a key")
	}
	return b.String()
}

// conditions returns the limit's conditions as text.
func (p *Limit) conditions() []string {
	var out []string
	if p.URI != nil {
		out = append(out, "uri "+p.URI.String())
	}
	for i := range p.When {
		out = append(out, p.When[i].String())
	}
	return out
}

// applies reports whether the limit's conditions hold.
func (p *Limit) applies(v *match.View) bool {
	if p.URI != nil && !p.URI.Holds(v.Path) {
		return false
	}
	for i := range p.When {
		if !p.When[i].Holds(v) {
			return false
		}
	}
	return true
}

// Denies reports whether a request is refused because it lacks a part of the key.
func (p *Limit) Denies(v *match.View) bool {
	if p.Spec.OnMissingKey != spec.MissingKeyDeny || !p.applies(v) {
		return false
	}
	for i := range p.Spec.Per {
		if p.Spec.Per[i].RemoteAddress {
			if !clientNetwork(v.Edge.ClientAddress(v.Request)).IsValid() {
				return true
			}
		} else if _, ok := v.Value(&p.Headers[i]); !ok {
			return true
		}
	}
	return false
}

// shortKey is Key for the short form.
func (p *Limit) shortKey(v *match.View) (bucket.Key, bool) {
	if !p.applies(v) {
		return 0, false
	}
	share := p.Spec.OnMissingKey == spec.MissingKeyShare
	var buffer [128]byte
	text := buffer[:0]
	for i := range p.Spec.Per {
		if p.Spec.Per[i].RemoteAddress {
			network := clientNetwork(v.Edge.ClientAddress(v.Request))
			switch {
			case network.IsValid():
				text = appendNetwork(text, network)
			case share:
				text = append(text, '0')
			default:
				return 0, false
			}
			continue
		}
		value, ok := v.Value(&p.Headers[i])
		if !ok && !share {
			return 0, false
		}
		text = appendValue(text, value)
	}
	return p.Buckets.Hash(text), true
}

// shortDescriptor is Descriptor for the short form.
func (p *Limit) shortDescriptor(v *match.View) (ratelimit.Descriptor, bool) {
	d := ratelimit.Descriptor{Requests: p.Spec.Requests, Unit: p.Spec.Unit, Burst: p.Spec.Burst, Algorithm: algorithm(p.Spec.Algorithm)}
	if !p.applies(v) {
		return d, false
	}
	if p.condition != "" {
		d.Entries = append(d.Entries, ratelimit.Entry{Key: "condition", Value: p.condition})
	}
	share := p.Spec.OnMissingKey == spec.MissingKeyShare
	for i, k := range p.Spec.Per {
		if k.RemoteAddress {
			text := ""
			if network := clientNetwork(v.Edge.ClientAddress(v.Request)); network.IsValid() {
				text = networkText(network)
			} else if !share {
				return d, false
			}
			d.Entries = append(d.Entries, ratelimit.Entry{Key: "remote_address", Value: text})
			continue
		}
		value, ok := v.Value(&p.Headers[i])
		if !ok && !share {
			return d, false
		}
		d.Entries = append(d.Entries, ratelimit.Entry{Key: strings.ToLower(k.Header), Value: value})
	}
	if len(d.Entries) == 0 {
		d.Entries = []ratelimit.Entry{{Key: "generic_key", Value: p.Domain}}
	}
	return d, true
}

// algorithm returns the algorithm of a limit as a Limiter gets it.
func algorithm(a spec.LimitAlgorithm) ratelimit.Algorithm {
	if a == spec.LimitFixedWindow {
		return ratelimit.AlgorithmFixedWindow
	}
	return ratelimit.AlgorithmGCRA
}
