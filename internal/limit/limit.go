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
}

// String returns the limit as the printed program shows it.
func (p *Limit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d per %s", p.Spec.Requests, p.Spec.Unit)
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
	if p.Spec.Provider != "" {
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

// Key returns the key of a request's bucket. Without one the request is not
// limited: a header of the key is missing, or the client has no IP address.
func (p *Limit) Key(v *match.View) (Key, bool) {
	if !p.applies(v) {
		return Key{}, false
	}
	var buffer [128]byte
	text := buffer[:0]
	for i := range p.Spec.Per {
		if p.Spec.Per[i].RemoteAddress {
			network := clientNetwork(v.Edge.ClientAddress(v.Request))
			if !network.IsValid() {
				return Key{}, false
			}
			text = appendNetwork(text, network)
			continue
		}
		value, ok := v.Value(&p.Headers[i])
		if !ok {
			return Key{}, false
		}
		text = appendValue(text, value)
	}
	return p.Buckets.key(text), true
}

// Descriptor returns what a store counts for a request.
func (p *Limit) Descriptor(v *match.View) (ratelimit.Descriptor, bool) {
	d := ratelimit.Descriptor{Requests: p.Spec.Requests, Unit: p.Spec.Unit}
	if !p.applies(v) {
		return d, false
	}
	if conditions := p.conditions(); len(conditions) > 0 {
		d.Entries = append(d.Entries, ratelimit.Entry{Key: "condition", Value: strings.Join(conditions, ", ")})
	}
	for i, k := range p.Spec.Per {
		if k.RemoteAddress {
			network := clientNetwork(v.Edge.ClientAddress(v.Request))
			if !network.IsValid() {
				return d, false
			}
			d.Entries = append(d.Entries, ratelimit.Entry{Key: "remote_address", Value: networkText(network)})
			continue
		}
		value, ok := v.Value(&p.Headers[i])
		if !ok {
			return d, false
		}
		d.Entries = append(d.Entries, ratelimit.Entry{Key: strings.ToLower(k.Header), Value: value})
	}
	if len(d.Entries) == 0 {
		d.Entries = []ratelimit.Entry{{Key: "generic_key", Value: p.Domain}}
	}
	return d, true
}
