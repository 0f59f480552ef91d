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

// checkRoute validates a route with one feature, as used for a middleware.
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
			f.At(own.Origin).Field("rateLimits").Index(i).Field("provider").Errorf(spec.CodeUnsupported, "a limit with a provider needs a Gateway")
		}
	}
	return f.Err()
}

// feature returns the middleware of a route with one feature. Only exported
// functions may call it: it records the line of their caller.
func feature(r *spec.Route) (func(http.Handler) http.Handler, error) {
	own := *r
	own.Origin = spec.Origin{Kind: "Middleware", Go: true}
	if _, file, line, ok := runtime.Caller(2); ok {
		own.Origin.File, own.Origin.Line = path.Base(file), line
	}
	if err := checkRoute(&own); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Route(&own, next) }, nil
}

// onlyRequests reports the conditions of a match that need a Gateway.
func onlyRequests(at findings.Place, m *spec.Match) {
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
			at.Field(c.field).Errorf(spec.CodeUnsupported, "a condition on the server or the workload needs a Gateway")
		}
	}
}
