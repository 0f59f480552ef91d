package gateway

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The policies of the most specific level count, and no others.
func TestPolicyPrecedence(t *testing.T) {
	at := func(name, namespace string, requests int, targets ...TargetRef) RateLimitPolicy {
		return RateLimitPolicy{Name: name, Namespace: namespace, Targets: targets, Limits: []RateLimit{{Requests: requests, Unit: time.Hour}}}
	}
	levels := []RateLimitPolicy{
		at("route", "shop", 1, TargetRef{"VirtualService", "vs", "cart"}),
		at("vs", "shop", 2, TargetRef{"VirtualService", "vs", ""}),
		at("server", "gws", 3, TargetRef{"Gateway", "gw", "http"}),
		at("gateway", "gws", 4, TargetRef{"Gateway", "gw", ""}),
		at("namespace", "gws", 5),
		at("root", rootNamespace, 6),
	}
	elsewhere := []RateLimitPolicy{
		at("route", "shop", 1, TargetRef{"VirtualService", "vs", "other"}),
		at("vs", "shop", 1, TargetRef{"VirtualService", "vs2", ""}),
		at("other-namespace", "gws", 1, TargetRef{"VirtualService", "vs", ""}),
		at("server", "gws", 1, TargetRef{"Gateway", "gw", "https"}),
		at("gateway", "shop", 1, TargetRef{"Gateway", "gw", ""}),
		at("namespace", "shop", 1),
	}
	build := func(policies ...RateLimitPolicy) *Gateway {
		b := New().Backend("*", answerOK).
			Server(Server{Gateway: "gw", Namespace: "gws", Port: 80, PortName: "http", Protocol: "HTTP", Hosts: []string{"*/*"}}).
			VirtualService(VirtualService{Name: "vs", Namespace: "shop", Hosts: []string{"a.com"}, Gateways: []string{"gws/gw"}, Routes: []Route{
				{Name: "cart", Match: []Match{{URI: Prefix("/cart")}}, Split: Split{{Host: "a"}}},
				{Name: "rest", Split: Split{{Host: "a"}}},
			}})
		for _, p := range policies {
			b.RateLimit(p)
		}
		return built(t, b)
	}
	count := func(gw *Gateway, path string) int {
		passed := 0
		for range 20 {
			if serve(gw, httptest.NewRequest("GET", "http://a.com"+path, nil)).Code == 200 {
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
	require.Equal(t, 3, count(build(at("p", "shop", 9, TargetRef{"VirtualService", "vs", ""}), at("q", "shop", 3, TargetRef{"VirtualService", "vs", ""})), "/cart"))
	// A policy that is attached twice takes one token.
	twice := at("p", "shop", 4, TargetRef{"VirtualService", "vs", ""}, TargetRef{"VirtualService", "vs", ""})
	require.Equal(t, 4, count(build(twice), "/cart"))
	// All that a policy is attached to share its counts.
	gw := build(at("p", "shop", 4, TargetRef{"VirtualService", "vs", "cart"}, TargetRef{"VirtualService", "vs", "rest"}))
	require.Equal(t, 4, count(gw, "/cart"))
	require.Equal(t, 0, count(gw, "/rest"))
}

// Limits that look alike are still those of different routes and policies.
func TestLimitsCountApart(t *testing.T) {
	limits := []RateLimit{{Requests: 2, Unit: time.Hour}, {Requests: 2, Unit: time.Hour}}
	gw := built(t, New().Backend("*", answerOK).
		Route(Route{Match: []Match{{URI: Prefix("/a")}}, Split: Split{{Host: "a"}}, RateLimits: limits}).
		Route(Route{Match: []Match{{URI: Prefix("/b")}}, Split: Split{{Host: "a"}}, RateLimits: limits}).
		Route(Route{Name: "same", Match: []Match{{URI: Prefix("/c")}}, Split: Split{{Host: "a"}}, RateLimits: limits}).
		Route(Route{Name: "same", Match: []Match{{URI: Prefix("/d")}}, Split: Split{{Host: "a"}}, RateLimits: limits}))
	for _, path := range []string{"/a", "/b", "/c", "/d"} {
		for _, want := range []int{200, 200, 429} {
			require.Equal(t, want, serve(gw, httptest.NewRequest("GET", "http://a.com"+path, nil)).Code, path)
		}
	}
	gw = built(t, New().Backend("*", answerOK).Route(Route{Split: Split{{Host: "a"}}}).
		RateLimit(RateLimitPolicy{Limits: limits[:1]}).RateLimit(RateLimitPolicy{Limits: limits[:1]}))
	require.Equal(t, []int{200, 200, 429}, codes(gw, 3))
}

// A route is one route on however many ports.
func TestARouteIsLimitedAcrossServers(t *testing.T) {
	b := New().Backend("*", answerOK).VirtualService(VirtualService{
		Name: "vs", Hosts: []string{"*"}, Gateways: []string{"a", "b"},
		Routes: []Route{{Split: Split{{Host: "a"}}, RateLimits: []RateLimit{{Requests: 3, Unit: time.Hour}}}},
	})
	for i, name := range []string{"a", "b"} {
		b.Server(Server{Gateway: name, Port: 80 + i, PortName: "http", Protocol: "HTTP", Hosts: []string{"*"}})
	}
	gw := built(t, b)
	passed := 0
	for i := range 10 {
		if serve(gw.Listener(80+i%2), from(client)).Code == 200 {
			passed++
		}
	}
	require.Equal(t, 3, passed)
}

func TestCountsOutliveReplacements(t *testing.T) {
	route := func(name string, l RateLimit) Route {
		return Route{Name: name, Match: []Match{{URI: Prefix("/")}}, Split: Split{{Host: "a"}}, RateLimits: []RateLimit{l}}
	}
	limit := RateLimit{Requests: 2, Unit: time.Hour, Per: perAddress}
	before := route("cart", limit)
	first := Route{Match: []Match{{URI: Exact("/first")}}, Split: Split{{Host: "a"}}}
	changed := func(change func(*RateLimit)) Route {
		l := limit
		change(&l)
		return route("cart", l)
	}
	for _, row := range []struct {
		name  string
		after []Route
		kept  bool
	}{
		{"nothing changed", []Route{before}, true},
		{"a route came before", []Route{first, before}, true},
		{"another treatment of failures", []Route{changed(func(l *RateLimit) { l.OnStoreFailure = FailAllow })}, true},
		{"another name", []Route{route("basket", limit)}, false},
		{"more requests", []Route{changed(func(l *RateLimit) { l.Requests = 3 })}, false},
		{"another unit", []Route{changed(func(l *RateLimit) { l.Unit = time.Minute })}, false},
		{"another key", []Route{changed(func(l *RateLimit) { l.Per = nil })}, false},
		{"another condition", []Route{changed(func(l *RateLimit) { l.When = &Match{Method: Exact("GET")} })}, false},
		{"another bound", []Route{changed(func(l *RateLimit) { l.MaxKeys = 7 })}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw := built(t, New().Backend("*", answerOK).Route(before))
			require.Equal(t, []int{200, 200, 429}, codes(gw, 3))
			b := New().Backend("*", answerOK)
			for _, r := range row.after {
				b.Route(r)
			}
			require.NoError(t, gw.Replace(b))
			require.Equal(t, row.kept, codes(gw, 1)[0] == 429)
		})
	}
}
