// Package limit says what rate limits count for a request, and with what. The main types
// are Limit, a compiled spec.RateLimit or a part of the full form of a
// spec.RateLimitPolicy; Set, the limits of a route; and Store, a shared ratelimit.Limiter
// that may fail. Package bucket counts in this process.
package limit

import (
	"fmt"
	"strings"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Limit is a compiled limit. Routes that share a limit share its counters.
//
// It is one of four kinds: a spec.RateLimit in the short form, whose key Spec.Per has; a
// bucket of a spec.LocalRateLimit for descriptors (Local); the bucket of a
// spec.LocalRateLimit for all requests (General); and a spec.GlobalRateLimit for the
// descriptors of one spec.RateLimitDescriptor (Global).
type Limit struct {
	// Spec has the numbers and the settings. Of a Global only the settings are set.
	Spec spec.RateLimit
	// Domain is the namespace and name of the policy or of the route, or the domain
	// of a Global.
	Domain string
	When   []match.Condition
	URI    *match.URI
	// Headers are the sources of the headers in the key, indexed like Spec.Per.
	Headers []match.Source
	// Local, General and Global are nil but for these kinds.
	Local   *Local
	General *General
	Global  *Global
	// Buckets count in this process. They are nil for a Global.
	Buckets *bucket.Buckets
	// Store counts instead of the buckets, which replace it if it fails. It is
	// nil for a limit of this process only.
	Store *Store
	// Origin and Field are the declaration of the limit, and the field in it.
	Origin *spec.Origin
	Field  string
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
	if p.Global != nil {
		b.WriteString(p.Global.describe(p.Domain))
	} else {
		fmt.Fprintf(&b, "%d per %s", p.Spec.Requests, p.Spec.Unit)
	}
	if p.Spec.Burst > 0 {
		fmt.Fprintf(&b, ", %d at once", p.Spec.Burst)
	}
	if p.Spec.Algorithm == spec.LimitFixedWindow {
		b.WriteString(", in fixed windows")
	}
	switch {
	case p.Local != nil:
		b.WriteString(p.Local.describe())
	case p.General != nil:
		b.WriteString(p.General.describe())
	default:
		b.WriteString(p.describeKey())
	}
	if p.Spec.Mode == spec.LimitShadow {
		b.WriteString(", refuses nothing")
	}
	if p.Store != nil {
		fmt.Fprintf(&b, ", counted by %s", p.Spec.Provider)
	}
	return b.String()
}

// Shared reports whether the limit is counted with a store, or like one: together with
// the other limits of its domain.
func (p *Limit) Shared() bool { return p.Store != nil || p.Global != nil }

// Hits is the cost of a request.
func (p *Limit) Hits() int {
	switch {
	case p.Local != nil:
		return p.Local.Actions.Hits
	case p.Global != nil:
		return p.Global.Actions.Hits
	}
	return 1
}

// Key returns the key of a request's bucket. Without one the request is not limited:
// its conditions do not hold, or a part of the key is missing and not shared.
func (p *Limit) Key(v *match.View) (bucket.Key, bool) {
	switch {
	case p.Local != nil:
		return p.Local.key(p.Buckets, v)
	case p.General != nil:
		return p.General.key(p.Buckets, v)
	}
	return p.shortKey(v)
}

// Counts reports whether the limit has something to count for a request, or refuses it
// for what it lacks.
func (p *Limit) Counts(v *match.View) bool {
	if p.Global != nil {
		q, ok := p.Question(v)
		return ok && (q.Met != nil || p.Global.Tree == nil)
	}
	_, on := p.Key(v)
	return on || p.Denies(v)
}

// Descriptor returns what the limit counts for a request, as a store gets it.
func (p *Limit) Descriptor(v *match.View) (ratelimit.Descriptor, bool) {
	switch {
	case p.Local != nil:
		return p.Local.descriptor(p, v)
	case p.General != nil:
		_, on := p.General.key(p.Buckets, v)
		return ratelimit.Descriptor{Requests: p.Spec.Requests, Unit: p.Spec.Unit, Burst: p.Spec.Burst}, on
	case p.Global != nil:
		q, ok := p.Question(v)
		return q.Descriptor, ok
	}
	return p.shortDescriptor(v)
}
