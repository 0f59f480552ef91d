package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

// Route returns a middleware that applies a route to matching requests, and sends
// them to the wrapped handler. Other requests reach that handler unchanged. So
// several features need only one middleware:
//
//	gateway.Route(spec.Route{
//		Match:      []spec.Match{{URI: spec.Prefix("/v1")}},
//		Rewrite:    &spec.Rewrite{URI: "/"},
//		RateLimits: []spec.RateLimit{{Requests: 100, Unit: time.Second}},
//	})
//
// Features run in the order that is shown at spec.Route. Paths and headers are the
// client's own, without normalization; in a mounted chi router, paths are relative
// to the mount. Rate limits have their own buckets. The zero Route changes nothing.
//
// The error joins a *spec.Error for each problem. Destinations, Delegate, Retry and
// Mirrors are problems: they need a Gateway. So are conditions on a server or a
// workload, and a limit with a Provider.
func Route(r spec.Route) (func(http.Handler) http.Handler, error) {
	var f findings.List
	own := r
	own.Origin = caller("Middleware", "", r.Name)
	at := f.At(own.Origin)
	for _, c := range []struct {
		field string
		used  bool
	}{
		{"destinations", len(r.Destinations) > 0},
		{"delegate", r.Delegate != nil},
		{"retry", r.Retry != nil},
		{"mirrors", len(r.Mirrors) > 0},
	} {
		if c.used {
			at.Field(c.field).Errorf(spec.CodeUnsupported, "needs a Gateway: a middleware has one handler, and calls it once")
		}
	}
	for i := range r.Match {
		onlyRequests(at.Field("match").Index(i), &r.Match[i])
	}
	if len(f.Errors) == 0 {
		f.Add(checkRoute(&own))
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Route(&own, next) }, nil
}
