package program

import (
	"github.com/lateengo/gateway/internal/match"
)

// takesHeader reports whether a destination may get the received header map:
// the gateway owns it, and no longer needs it. Only computed values and the
// handling of gRPC read it later.
func (d *Destination) takesHeader(v *match.View) bool {
	return v.Owned && !d.Computes && v.Request.Header != nil && !isGRPC(v.Request)
}

// handsOver reports whether a destination that takes the header gets the
// received request itself, because the gateway does nothing after the one call
// of the backend. There are two reasons against it. The trailers of a body of
// unknown length are added to the received request, and a destination must not
// see unannounced ones. And net/http's server uses the request's authority for
// server push.
func (rt *Route) handsOver(v *match.View, d *Destination) bool {
	return v.Owned && d.Backend != nil && d.Authority == "" && v.Chi == nil && v.Request.ContentLength >= 0 &&
		len(rt.Mirrors) == 0 && rt.Timeout == 0 && rt.Retry.PerTry == 0 && !(rt.Retry.Attempts > 0 && rt.Retry.Declared)
}

// A forgetter is a response writer whose server uses the memory of a request again if
// nothing refers to the request or the writer when the handler returns.
type forgetter interface{ RequestForgotten() }
