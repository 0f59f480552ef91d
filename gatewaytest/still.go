package gatewaytest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/question"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// A stillGateway serves requests with destinations that answer at once.
type stillGateway struct {
	gateway *gateway.Gateway
	drawn   atomic.Uint64
	answer  atomic.Pointer[Answer]
	// refused means that a limit refused the latest request.
	refused atomic.Bool
}

// newStill builds a stillGateway of changed declarations.
func (t *Tester) newStill(d *spec.Declarations) (*stillGateway, error) {
	s := new(stillGateway)
	var err error
	s.gateway, _, err = t.build(d, nil, func(b *gateway.Builder) {
		b.Random(s.drawn.Load).Observe(observe.Func(func(o *observe.Outcome) {
			s.refused.Store(slices.Contains(strings.Split(o.Flags, ","), observe.FlagRateLimited))
		}))
	}, http.HandlerFunc(s.backend))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// backend is the destination of requests.
func (s *stillGateway) backend(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.answer.Load().write(w)
}

func (a *Answer) write(w http.ResponseWriter) {
	for name, lines := range a.Header {
		for _, line := range lines {
			w.Header().Add(name, line)
		}
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = io.WriteString(w, a.Body)
}

// serve serves the request of a case. drawn is the random number. It says whether a limit
// has refused the request in s.refused.
func (s *stillGateway) serve(c *Case, q *question.Question, drawn uint64) *httptest.ResponseRecorder {
	s.drawn.Store(drawn)
	s.answer.Store(&c.Backend)
	w := httptest.NewRecorder()
	q.Serve(s.gateway, w)
	return w
}

// withoutChance returns declarations without limits, faults, mirrors and retries: each
// request then gets the same answer, at once.
func withoutChance(d *spec.Declarations) *spec.Declarations {
	out := *d
	out.RateLimits, out.RateLimitDomains = nil, nil
	out.VirtualServices = changedRoutes(d.VirtualServices, func(r *spec.Route) { r.RateLimits = nil })
	return &out
}

// changedRoutes returns VirtualServices without faults, mirrors and retries, with other
// changes of each route.
func changedRoutes(list []spec.VirtualService, change func(*spec.Route)) []spec.VirtualService {
	list = slices.Clone(list)
	for i := range list {
		list[i].Routes = slices.Clone(list[i].Routes)
		for j := range list[i].Routes {
			r := &list[i].Routes[j]
			r.Fault, r.Mirrors = nil, nil
			if r.Retry != nil || len(r.Destinations) > 0 {
				r.Retry = new(spec.Retry)
			}
			change(r)
		}
	}
	return list
}

// answering returns services that run nowhere, so that the backend for all others stands
// behind them: a test sends nothing. Those of which a gateway has no endpoints stay.
func answering(services []spec.Service) []spec.Service {
	services = slices.Clone(services)
	for i := range services {
		s := &services[i]
		if s.Resolution == spec.ResolveNone {
			continue
		}
		s.Kubernetes, s.Resolution = true, spec.ResolveStatic
		s.Endpoints, s.WorkloadSelector, s.Discovery, s.Alias = nil, nil, "", ""
	}
	return services
}

// An offline resolver knows no name. Services that are found by DNS begin to look for
// their endpoints when they are built.
type offline struct{}

func (offline) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("a test looks up no name")
}

// slowUnit is the unit of limits for which time stands still: no token comes back while a
// case is checked.
const slowUnit = 365 * 24 * time.Hour

// withSlowLimits returns declarations whose limits get no new tokens in the time that a
// test takes.
func withSlowLimits(d *spec.Declarations) *spec.Declarations {
	out := *d
	out.Services = answering(d.Services)
	out.VirtualServices = changedRoutes(d.VirtualServices, func(r *spec.Route) {
		r.RateLimits = slowLimits(r.RateLimits)
	})
	out.RateLimits = slices.Clone(d.RateLimits)
	for i := range out.RateLimits {
		p := &out.RateLimits[i]
		p.Limits = slowLimits(p.Limits)
		if p.Local != nil {
			local := *p.Local
			if local.Bucket != nil {
				bucket := *local.Bucket
				bucket.FillInterval = slowUnit
				local.Bucket = &bucket
			}
			local.Descriptors = slices.Clone(local.Descriptors)
			for j := range local.Descriptors {
				local.Descriptors[j].Bucket.FillInterval = slowUnit
			}
			p.Local = &local
		}
		if p.Global != nil {
			global := *p.Global
			global.Descriptors = slowTree(global.Descriptors)
			p.Global = &global
		}
	}
	out.RateLimitDomains = slices.Clone(d.RateLimitDomains)
	for i := range out.RateLimitDomains {
		out.RateLimitDomains[i].Descriptors = slowTree(out.RateLimitDomains[i].Descriptors)
	}
	return &out
}

func slowLimits(limits []spec.RateLimit) []spec.RateLimit {
	limits = slices.Clone(limits)
	for i := range limits {
		limits[i].Unit = slowUnit
	}
	return limits
}

// slowTree slows the limits of a descriptor tree.
func slowTree(tree []spec.DescriptorLimit) []spec.DescriptorLimit {
	tree = slices.Clone(tree)
	for i := range tree {
		if r := tree[i].Limit; r != nil && r.Unit > 0 {
			rate := *r
			rate.Unit = slowUnit
			tree[i].Limit = &rate
		}
		tree[i].Descriptors = slowTree(tree[i].Descriptors)
	}
	return tree
}
