package program

import (
	"github.com/lateengo/gateway/internal/match"
)

// takesHeader reports whether a destination may get the header map that came: the
// gateway owns it, and has no use of its own for it any more. Only computed values
// and what is done for gRPC look at it later.
func (d *Destination) takesHeader(v *match.View) bool {
	return v.Owned && !d.Computes && v.Request.Header != nil && !isGRPC(v.Request)
}

// handsOver reports whether a destination that takes the header gets the very
// request that came, since the gateway does nothing after the one call of the
// backend. A body of unknown length brings its trailers to the request that came,
// where a destination does not see those that were not announced; and net/http's
// server pushes in the name of the request's authority.
func (rt *Route) handsOver(v *match.View, d *Destination) bool {
	return v.Owned && d.Backend != nil && d.Authority == "" && v.Chi == nil && v.Request.ContentLength >= 0 &&
		len(rt.Mirrors) == 0 && rt.Timeout == 0 && rt.Retry.PerTry == 0 && !(rt.Retry.Attempts > 0 && rt.Retry.Declared)
}
