package gateway

import (
	"net/http"
	"path"
	"runtime"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/validate"
	"github.com/lateengo/gateway/spec"
)

// Match returns a middleware that sends the requests which match to
// matched, and leaves the others to the handler that it wraps. The path is
// compared as it was sent, without normalisation; within a mounted chi router,
// below the mount. Headers are the client's own. The zero Match sends all
// requests to matched.
//
// The error joins an *Error for each problem. Conditions on a server or a
// workload (Port, Gateways, SourceLabels, SourceNamespace) are one: they need a
// Gateway.
func Match(m spec.Match, matched http.Handler) (func(http.Handler) http.Handler, error) {
	var f findings.List
	o := caller("Middleware", "", "")
	at := f.At(o).Field("match")
	if matched == nil {
		at.Errorf("the handler for what matches is nil")
	}
	for _, c := range []struct {
		field string
		used  bool
	}{
		{"port", m.Port != 0},
		{"gateways", len(m.Gateways) > 0},
		{"sourceLabels", len(m.SourceLabels) > 0},
		{"sourceNamespace", m.SourceNamespace != ""},
	} {
		if c.used {
			at.Field(c.field).Errorf("a condition on the server or the workload needs a Gateway")
		}
	}
	f.Add(checkRoute((&spec.Route{Match: []spec.Match{m}, Origin: o})))
	if err := f.Err(); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Match(&m, matched, next) }, nil
}

// checkRoute validates a route of which one field is of interest, as declared by a
// person who uses it as a middleware.
func checkRoute(r *spec.Route) error {
	own := *r
	if own.Redirect == nil && own.DirectResponse == nil && len(own.Destinations) == 0 {
		own.Destinations = []spec.Destination{{Host: compile.WrappedHost}}
	}
	d := &spec.Declarations{VirtualServices: []spec.VirtualService{{
		Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{own}, Origin: own.Origin,
	}}}
	f := new(findings.List)
	validate.All(d, validate.Options{DefaultNamespace: "default"}, f)
	for i, l := range own.RateLimits {
		if l.Provider != "" {
			f.At(own.Origin).Field("rateLimits").Index(i).Field("provider").Errorf("a limit with a provider needs a Gateway")
		}
	}
	return f.Err()
}

// routeMiddleware makes a middleware of a route without match: the same leaves that
// a Gateway's program is made of, and nothing else. It is called by the methods
// that people call.
func routeMiddleware(r *spec.Route) (func(http.Handler) http.Handler, error) {
	own := *r
	own.Origin = spec.Origin{Kind: "Middleware"}
	if _, file, line, ok := runtime.Caller(2); ok {
		own.Origin.File, own.Origin.Line = path.Base(file), line
	}
	if err := checkRoute(&own); err != nil {
		return nil, err
	}
	if own.Redirect == nil && own.DirectResponse == nil {
		own.Destinations = []spec.Destination{{Host: compile.WrappedHost}}
		own.Retry = new(spec.Retry) // a handler is called once
	}
	return func(next http.Handler) http.Handler { return compile.Route(&own, next) }, nil
}
