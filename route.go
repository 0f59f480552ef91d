package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

// Route returns a middleware that does all that a route does with the requests that
// match it, and sends them to the handler that it wraps; other requests go to that
// handler unchanged. So several features need one wrapper:
//
//	gateway.Route(spec.Route{
//		Match:      []spec.Match{{URI: spec.Prefix("/v1")}},
//		Rewrite:    &spec.Rewrite{URI: "/"},
//		RateLimits: []spec.RateLimit{{Requests: 100, Unit: time.Second}},
//	})
//
// Features run in the order that spec.Route draws. Paths and headers are the client's
// own, without normalization; within a mounted chi router, paths are relative to the
// mount. Rate limits have buckets of their own. The zero Route changes nothing.
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
