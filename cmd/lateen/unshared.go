package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// printUnshared warns that limits count in this process only, though a store could
// count them for all replicas.
func printUnshared(w io.Writer, d *spec.Declarations, h *sharing) {
	if !h.given() && sharable(d) {
		fmt.Fprintf(w, "warning: rate limits are counted in this process only: with --%s or --%s all replicas count them together\n", redisFlag, serviceFlag)
	}
}

// sharable reports whether there are limits that a store would count.
func sharable(d *spec.Declarations) bool {
	shared := func(l spec.RateLimit) bool {
		return l.Provider == spec.DefaultProvider && l.Mode != spec.LimitDisabled
	}
	return slices.ContainsFunc(d.RateLimits, func(p spec.RateLimitPolicy) bool {
		global := p.Global != nil && cmp.Or(p.Global.Provider, spec.DefaultProvider) == spec.DefaultProvider
		return p.Mode != spec.LimitDisabled && (global || slices.ContainsFunc(p.Limits, shared))
	}) || slices.ContainsFunc(d.VirtualServices, func(vs spec.VirtualService) bool {
		return slices.ContainsFunc(vs.Routes, func(r spec.Route) bool { return slices.ContainsFunc(r.RateLimits, shared) })
	})
}
