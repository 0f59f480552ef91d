package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/validate"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// RateLimit returns a middleware that passes requests within the limit to the
// wrapped handler, and answers all others with 429. It has its own buckets. The
// error joins a *spec.Error for each problem. A limit with a Provider is a problem: see
// RateLimitPolicy.
func RateLimit(l spec.RateLimit) (func(http.Handler) http.Handler, error) {
	r := spec.Route{RateLimits: []spec.RateLimit{l}}
	return feature(&r)
}

// RateLimitPolicy returns a middleware that passes requests within all limits of a
// policy to the wrapped handler, and answers all others as the policy says. The limiter
// counts the limits that several replicas share: those of Global, and those of Limits with
// the Provider spec.DefaultProvider. If it is nil, this process counts alone.
//
// The policy applies to all requests, so Targets, VirtualHosts and Selector must be empty.
// A Provider other than spec.DefaultProvider is a problem too. The error joins a
// *spec.Error for each problem.
func RateLimitPolicy(p spec.RateLimitPolicy, limiter ratelimit.Limiter) (func(http.Handler) http.Handler, error) {
	p.Origin = caller("RateLimitPolicy", p.Namespace, p.Name)
	f := new(findings.List)
	at := f.At(p.Origin)
	for _, c := range []struct {
		field string
		used  bool
	}{
		{"targetRefs", len(p.Targets) > 0},
		{"virtualHosts", len(p.VirtualHosts) > 0},
		{"selector", len(p.Selector) > 0},
	} {
		if c.used {
			at.Field(c.field).Errorf(spec.CodeUnsupported, "a policy around a handler has no target: it applies to all requests")
		}
	}
	p.Targets, p.VirtualHosts, p.Selector = nil, nil, nil
	needsGateway := func(at findings.Place, provider string) {
		if provider != "" && provider != spec.DefaultProvider {
			at.Field("provider").Errorf(spec.CodeUnsupported, "a limit with the provider %q needs a Gateway: the limiter of a middleware is %q", provider, spec.DefaultProvider)
		}
	}
	for i, l := range p.Limits {
		needsGateway(at.Field("limits").Index(i), l.Provider)
	}
	if p.Global != nil {
		needsGateway(at.Field("global"), p.Global.Provider)
	}
	validate.All(&spec.Declarations{RateLimits: []spec.RateLimitPolicy{p}}, validate.Options{DefaultNamespace: "default"}, f)
	if err := f.Err(); err != nil {
		return nil, err
	}
	if _, err := compile.LimitPolicy(&p, limiter, http.NotFoundHandler()); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		h, _ := compile.LimitPolicy(&p, limiter, next)
		return h
	}, nil
}
