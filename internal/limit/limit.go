// Package limit enforces rate limits. The main types are Limit, a compiled
// spec.RateLimit; Buckets, its token buckets in this process; and Store, a shared
// ratelimit.Limiter that may fail.
package limit

import (
	"fmt"
	"strings"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Limit is a compiled spec.RateLimit. Routes that share a limit share its
// buckets.
type Limit struct {
	Spec spec.RateLimit
	// Domain is the namespace and name of the policy, or of the route.
	Domain string
	When   []match.Condition
	URI    *match.URI
	// Headers are the sources of the headers in the key, indexed like Spec.Per.
	Headers []match.Source
	Buckets *Buckets
	// Store counts instead of the buckets, which replace it if it fails. It is
	// nil for a limit of this process only.
	Store *Store
	// text and condition are what Describe sets.
	text, condition string
}

// Describe sets the texts of the limit, when all else is set.
func (p *Limit) Describe() {
	p.condition = strings.Join(p.conditions(), ", ")
	p.text = p.describe()
}

// String returns the limit as the printed program shows it.
func (p *Limit) String() string { return p.text }

func (p *Limit) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d per %s", p.Spec.Requests, p.Spec.Unit)
	if p.Spec.Burst > 0 {
		fmt.Fprintf(&b, ", %d at once", p.Spec.Burst)
	}
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
	if p.Spec.Mode == spec.LimitShadow {
		b.WriteString(", refuses nothing")
	}
	if p.Store != nil {
		fmt.Fprintf(&b, ", counted by %s", p.Spec.Provider)
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

// Key returns the key of a request's bucket. Without one the request is not
// limited: its conditions do not hold, or a part of the key is missing and not shared.
func (p *Limit) Key(v *match.View) (Key, bool) {
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

// Descriptor returns what a store counts for a request.
func (p *Limit) Descriptor(v *match.View) (ratelimit.Descriptor, bool) {
	d := ratelimit.Descriptor{Requests: p.Spec.Requests, Unit: p.Spec.Unit, Burst: p.Spec.Burst}
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
