package limit_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// Only the policies of the most specific level count.
func TestPolicyPrecedence(t *testing.T) {
	at := func(name, namespace string, requests int, targets ...spec.TargetRef) spec.RateLimitPolicy {
		return spec.RateLimitPolicy{Name: name, Namespace: namespace, Targets: targets, Limits: []spec.RateLimit{{Requests: requests, Unit: time.Hour}}}
	}
	levels := []spec.RateLimitPolicy{
		at("route", "shop", 1, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: "cart"}),
		at("vs", "shop", 2, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: ""}),
		at("server", "gws", 3, spec.TargetRef{Kind: "Gateway", Name: "gw", SectionName: "http"}),
		at("gateway", "gws", 4, spec.TargetRef{Kind: "Gateway", Name: "gw", SectionName: ""}),
		at("namespace", "gws", 5),
		at("root", resource.RootNamespace, 6),
	}
	elsewhere := []spec.RateLimitPolicy{
		at("route", "shop", 1, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: "other"}),
		at("vs", "shop", 1, spec.TargetRef{Kind: "VirtualService", Name: "vs2", SectionName: ""}),
		at("other-namespace", "gws", 1, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: ""}),
		at("server", "gws", 1, spec.TargetRef{Kind: "Gateway", Name: "gw", SectionName: "https"}),
		at("gateway", "shop", 1, spec.TargetRef{Kind: "Gateway", Name: "gw", SectionName: ""}),
		at("namespace", "shop", 1),
	}
	build := func(policies ...spec.RateLimitPolicy) *gateway.Gateway {
		b := gateway.New().Backend("*", testhttp.AnswerOK).
			Server(spec.Server{Gateway: "gw", Namespace: "gws", Port: 80, PortName: "http", Protocol: "HTTP", Hosts: []string{"*/*"}}).
			VirtualService(spec.VirtualService{Name: "vs", Namespace: "shop", Hosts: []string{"a.com"}, Gateways: []string{"gws/gw"}, Routes: []spec.Route{
				{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "a"}}},
				{Name: "rest", Destinations: []spec.Destination{{Host: "a"}}},
			}})
		for _, p := range policies {
			b.RateLimit(p)
		}
		return testgateway.Built(t, b)
	}
	count := func(gw *gateway.Gateway, path string) int {
		passed := 0
		for range 20 {
			if testgateway.Serve(gw, httptest.NewRequest("GET", "http://a.com"+path, nil)).Code == 200 {
				passed++
			}
		}
		return passed
	}
	for i := range levels {
		require.Equal(t, levels[i].Limits[0].Requests, count(build(levels[i:]...), "/cart"), levels[i].Name)
	}
	require.Equal(t, 2, count(build(levels...), "/rest"), "the route's policy is that of another route")
	require.Equal(t, 20, count(build(elsewhere...), "/cart"))

	// All policies of one level count.
	require.Equal(t, 3, count(build(at("p", "shop", 9, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: ""}), at("q", "shop", 3, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: ""})), "/cart"))
	// A policy that is attached twice takes one token.
	twice := at("p", "shop", 4, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: ""}, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: ""})
	require.Equal(t, 4, count(build(twice), "/cart"))
	// All targets of a policy share its counts.
	gw := build(at("p", "shop", 4, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: "cart"}, spec.TargetRef{Kind: "VirtualService", Name: "vs", SectionName: "rest"}))
	require.Equal(t, 4, count(gw, "/cart"))
	require.Equal(t, 0, count(gw, "/rest"))
}

// Equal limits of different routes and policies count separately.
func TestLimitsCountApart(t *testing.T) {
	limits := []spec.RateLimit{{Requests: 2, Unit: time.Hour}, {Requests: 2, Unit: time.Hour}}
	gw := testgateway.Built(t, gateway.New().Backend("*", testhttp.AnswerOK).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/a")}}, Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/b")}}, Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}).
		Route(spec.Route{Name: "same", Match: []spec.Match{{URI: spec.Prefix("/c")}}, Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}).
		Route(spec.Route{Name: "same", Match: []spec.Match{{URI: spec.Prefix("/d")}}, Destinations: []spec.Destination{{Host: "a"}}, RateLimits: limits}))
	for _, path := range []string{"/a", "/b", "/c", "/d"} {
		for _, want := range []int{200, 200, 429} {
			require.Equal(t, want, testgateway.Serve(gw, httptest.NewRequest("GET", "http://a.com"+path, nil)).Code, path)
		}
	}
	gw = testgateway.Built(t, gateway.New().Backend("*", testhttp.AnswerOK).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).
		RateLimit(spec.RateLimitPolicy{Limits: limits[:1]}).RateLimit(spec.RateLimitPolicy{Limits: limits[:1]}))
	require.Equal(t, []int{200, 200, 429}, testhttp.Codes(gw, 3))
}

// A route is one route on any number of ports.
func TestARouteIsLimitedAcrossServers(t *testing.T) {
	b := gateway.New().Backend("*", testhttp.AnswerOK).VirtualService(spec.VirtualService{
		Name: "vs", Hosts: []string{"*"}, Gateways: []string{"a", "b"},
		Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{{Requests: 3, Unit: time.Hour}}}},
	})
	for i, name := range []string{"a", "b"} {
		b.Server(spec.Server{Gateway: name, Port: 80 + i, PortName: "http", Protocol: "HTTP", Hosts: []string{"*"}})
	}
	gw := testgateway.Built(t, b)
	passed := 0
	for i := range 10 {
		if testgateway.Serve(gw.Listener(80+i%2), testhttp.From(testhttp.Client)).Code == 200 {
			passed++
		}
	}
	require.Equal(t, 3, passed)
}

func TestCountsOutliveReplacements(t *testing.T) {
	route := func(name string, l spec.RateLimit) spec.Route {
		return spec.Route{Name: name, Match: []spec.Match{{URI: spec.Prefix("/")}}, Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{l}}
	}
	limit := spec.RateLimit{Requests: 2, Unit: time.Hour, Per: perClient}
	before := route("cart", limit)
	first := spec.Route{Match: []spec.Match{{URI: spec.Exact("/first")}}, Destinations: []spec.Destination{{Host: "a"}}}
	changed := func(change func(*spec.RateLimit)) spec.Route {
		l := limit
		change(&l)
		return route("cart", l)
	}
	for _, row := range []struct {
		name  string
		after []spec.Route
		kept  bool
	}{
		{"nothing changed", []spec.Route{before}, true},
		{"a route came before", []spec.Route{first, before}, true},
		{"another treatment of failures", []spec.Route{changed(func(l *spec.RateLimit) { l.OnStoreFailure = spec.StoreFailureAllow })}, true},
		{"another name", []spec.Route{route("basket", limit)}, false},
		{"more requests", []spec.Route{changed(func(l *spec.RateLimit) { l.Requests = 3 })}, false},
		{"another unit", []spec.Route{changed(func(l *spec.RateLimit) { l.Unit = time.Minute })}, false},
		{"another burst", []spec.Route{changed(func(l *spec.RateLimit) { l.Burst = 3 })}, false},
		{"another key", []spec.Route{changed(func(l *spec.RateLimit) { l.Per = nil })}, false},
		{"another condition", []spec.Route{changed(func(l *spec.RateLimit) { l.When = &spec.Match{Method: spec.Exact("GET")} })}, false},
		{"another bound", []spec.Route{changed(func(l *spec.RateLimit) { l.MaxKeys = 7 })}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw := testgateway.Built(t, gateway.New().Backend("*", testhttp.AnswerOK).Route(before))
			require.Equal(t, []int{200, 200, 429}, testhttp.Codes(gw, 3))
			b := gateway.New().Backend("*", testhttp.AnswerOK)
			for _, r := range row.after {
				b.Route(r)
			}
			require.NoError(t, gw.Replace(b))
			require.Equal(t, row.kept, testhttp.Codes(gw, 1)[0] == 429)
		})
	}
}
