package shadow_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// words are the texts of shadows without what is the same in all of them.
func words(shadows []inspect.Shadow) []string {
	var out []string
	for _, s := range shadows {
		f := s.Place.Finding()
		text := string(s.Kind) + " " + f.Field + ": " + s.Text
		if s.Code != "" {
			text += " [" + string(s.Code) + "]"
		}
		out = append(out, text)
	}
	return out
}

func TestShadows(t *testing.T) {
	type headers = map[string]spec.StringMatch
	exact, prefix, regex, present := spec.Exact, spec.Prefix, spec.Regex, spec.StringMatch{}
	to := func(matches ...spec.Match) spec.Route {
		return spec.Route{Match: matches, DirectResponse: &spec.DirectResponse{Status: 200}}
	}
	uri := func(m spec.StringMatch) spec.Match { return spec.Match{URI: m} }
	with := func(m spec.StringMatch, h headers) spec.Match { return spec.Match{URI: m, Headers: h} }
	without := func(m spec.StringMatch, h headers) spec.Match { return spec.Match{URI: m, WithoutHeaders: h} }
	for _, row := range []struct {
		name   string
		routes []spec.Route
		want   []string
	}{
		{"routes beside each other", []spec.Route{to(uri(prefix("/a"))), to(uri(prefix("/b")))}, nil},
		{"the more specific route first", []spec.Route{to(uri(prefix("/a/b"))), to(uri(prefix("/a")))}, nil},
		{"the more specific route last", []spec.Route{to(uri(prefix("/a"))), to(uri(prefix("/a/b")))},
			[]string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a/b [IST0130]"}},
		{"only the routes that are needed to cover it", []spec.Route{to(uri(exact("/a"))), to(uri(prefix("/a/"))), to(uri(prefix("/a"))), to(uri(prefix("/a")))},
			[]string{"route http[3]: is never reached: http[0] and http[2] together take all of its requests. GET http://shop.test/a goes to http[0] [IST0130]"}},
		{"a prefix that ends in a slash", []spec.Route{to(uri(prefix("/a/"))), to(uri(prefix("/a")))}, nil},
		{"an exact path behind a prefix", []spec.Route{to(uri(prefix("/a"))), to(uri(exact("/a")))},
			[]string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a [IST0130]"}},
		{"a catch-all first", []spec.Route{to(), to(uri(exact("/a")))},
			[]string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a [IST0130]"}},
		{"a catch-all last", []spec.Route{to(uri(exact("/a"))), to()}, nil},
		{"two catch-alls", []spec.Route{to(), to()}, []string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/ [IST0130]"}},
		{"a match behind a catch-all of the same route", []spec.Route{to(uri(prefix("/")), uri(exact("/a")))},
			[]string{"match http[0].match[1]: has no effect: http[0].match[0] takes all of its requests, such as GET http://shop.test/a [IST0131]"}},
		{"one match of two", []spec.Route{to(uri(prefix("/a"))), to(uri(exact("/a/b")), uri(exact("/b")))},
			[]string{"match http[1].match[0]: has no effect: http[0] takes all of its requests, such as GET http://shop.test/a/b [IST0131]"}},
		{"both matches", []spec.Route{to(uri(prefix("/a"))), to(uri(exact("/b"))), to(uri(exact("/a/b")), uri(exact("/b")))},
			[]string{"route http[2]: is never reached: http[0] and http[1] together take all of its requests. GET http://shop.test/a/b goes to http[0] [IST0130]"}},
		{"the same header", []spec.Route{to(with(prefix("/a"), headers{"x": exact("1")})), to(with(prefix("/a/b"), headers{"x": exact("1")}))},
			[]string{`route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a/b -H 'x: 1' [IST0130]`}},
		{"another value of the header", []spec.Route{to(with(prefix("/a"), headers{"x": exact("1")})), to(with(prefix("/a/b"), headers{"x": exact("2")}))}, nil},
		{"a value behind presence", []spec.Route{to(with(prefix("/a"), headers{"x": present})), to(with(prefix("/a"), headers{"x": exact("1")}))},
			[]string{`route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a -H 'x: 1' [IST0130]`}},
		{"presence behind a value", []spec.Route{to(with(prefix("/a"), headers{"x": exact("1")})), to(with(prefix("/a"), headers{"x": present}))}, nil},
		{"a value behind a regex for it", []spec.Route{to(with(prefix("/a"), headers{"x": regex("v[0-9]")})), to(with(prefix("/a"), headers{"x": exact("v1")}))},
			[]string{`route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a -H 'x: v1' [IST0130]`}},
		{"a value behind a regex for others", []spec.Route{to(with(prefix("/a"), headers{"x": regex("v[0-9]")})), to(with(prefix("/a"), headers{"x": exact("v10")}))}, nil},
		{"with and without cover all", []spec.Route{to(with(prefix("/a"), headers{"x": exact("1")})), to(without(prefix("/a"), headers{"x": exact("1")})), to(uri(prefix("/a/b")))},
			[]string{"route http[2]: is never reached: http[1] and http[0] together take all of its requests. GET http://shop.test/a/b goes to http[1] [IST0130]"}},
		{"with and without another value", []spec.Route{to(with(prefix("/a"), headers{"x": exact("1")})), to(without(prefix("/a"), headers{"x": prefix("1")})), to(uri(prefix("/a/b")))},
			[]string{"partial http[2].match[0]: does not get GET http://shop.test/a/b: http[1] matches it too and comes first"}},
		{"a regex behind a prefix for all of it", []spec.Route{to(uri(prefix("/api/"))), to(uri(regex("/api/v[0-9]+/.*")))},
			[]string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/api/v1/ [IST0130]"}},
		{"a regex behind a prefix for a part of it", []spec.Route{to(uri(prefix("/api/v1"))), to(uri(regex("/api/v[0-9]+/.*")))},
			[]string{"partial http[1].match[0]: does not get GET http://shop.test/api/v1/: http[0] matches it too and comes first"}},
		{"a regex behind another prefix", []spec.Route{to(uri(prefix("/ap/"))), to(uri(regex("/api/v[0-9]+/.*")))}, nil},
		{"regexes that cover a third one", []spec.Route{to(uri(regex("/v[0-4].*"))), to(uri(regex("/v[5-9].*"))), to(uri(regex("/v[0-9]/users")))},
			[]string{"route http[2]: is never reached: http[0] and http[1] together take all of its requests. GET http://shop.test/v1/users goes to http[0] [IST0130]"}},
		{"one method of a path", []spec.Route{to(spec.Match{URI: prefix("/api"), Method: exact("GET")}), to(uri(prefix("/api/admin")))},
			[]string{"partial http[1].match[0]: does not get GET http://shop.test/api/admin: http[0] matches it too and comes first"}},
		{"another method of a path", []spec.Route{to(spec.Match{URI: prefix("/api"), Method: exact("POST")}), to(uri(prefix("/api/admin")))}, nil},
		{"a part of a later, more general route", []spec.Route{to(spec.Match{URI: prefix("/api"), Method: exact("GET")}), to(uri(prefix("/api")))}, nil},
		{"letter case", []spec.Route{to(spec.Match{URI: prefix("/A"), IgnoreURICase: true}), to(uri(exact("/a")))},
			[]string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a [IST0130]"}},
		{"a query", []spec.Route{to(spec.Match{URI: prefix("/a"), QueryParams: headers{"q": present}}), to(spec.Match{URI: prefix("/a"), QueryParams: headers{"q": exact("1")}})},
			[]string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET 'http://shop.test/a?q=1' [IST0130]"}},

		{"a header that must be and must not be", []spec.Route{to(spec.Match{Headers: headers{"x": exact("1")}, WithoutHeaders: headers{"x": present}})},
			[]string{`impossible http[0].match[0].withoutHeaders[x]: matches no request: header x exact "1" and header x absent exclude each other`}},
		{"a header that must be, but not so", []spec.Route{to(spec.Match{Headers: headers{"x": exact("1")}, WithoutHeaders: headers{"x": exact("2")}})},
			[]string{"condition http[0].match[0].withoutHeaders[x].exact: has no effect: every request that satisfies the other conditions of the match satisfies this one"}},
		{"a header that must be, but not all so", []spec.Route{to(spec.Match{Headers: headers{"x": present}, WithoutHeaders: headers{"x": exact("2")}})}, nil},
		{"a path that is not normal", []spec.Route{to(uri(exact("/a/../b")))},
			[]string{`impossible http[0].match[0].uri.exact: matches no request: no request has a path exact "/a/../b". Paths are compared in normal form: this one is "/b"`}},
		{"an escape that is not normal", []spec.Route{to(uri(prefix("/%7Euser")))},
			[]string{`impossible http[0].match[0].uri.prefix: matches no request: no request has a path prefix "/%7Euser". Paths are compared in normal form: this one is "/~user"`}},
		{"an authority of another host", []spec.Route{to(spec.Match{Authority: exact("cart.test")})},
			[]string{`impossible http[0].match[0].authority.exact: matches no request: no request has the authority exact "cart.test"`}},
		{"an authority with a port", []spec.Route{to(spec.Match{Authority: exact("shop.test:80")})}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			for i := range row.routes {
				row.routes[i].Origin = spec.Origin{}
			}
			b := gateway.New().VirtualService(spec.VirtualService{
				Name: "shop", Hosts: []string{"shop.test"}, Gateways: []string{"*"}, Routes: row.routes, Origin: spec.Origin{Kind: "VirtualService", Name: "shop"},
			})
			require.Equal(t, row.want, words(testgateway.Built(t, b).Shadows()))
		})
	}
}

// Several VirtualServices have one host.
func TestShadowsBetweenVirtualServices(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	service := func(name string, created time.Time, hosts []string, uris ...spec.StringMatch) spec.VirtualService {
		vs := spec.VirtualService{Name: name, Namespace: "n", Hosts: hosts, Gateways: []string{"*"}, Created: created, Origin: spec.Origin{Kind: "VirtualService", Namespace: "n", Name: name}}
		for _, u := range uris {
			vs.Routes = append(vs.Routes, spec.Route{Match: []spec.Match{{URI: u}}, DirectResponse: &spec.DirectResponse{Status: 200}})
		}
		return vs
	}
	shop, www := []string{"shop.test"}, []string{"shop.test", "www.test"}
	prefix := spec.Prefix
	for _, row := range []struct {
		name     string
		services []spec.VirtualService
		want     []string
	}{
		{"other hosts", []spec.VirtualService{service("a", day, shop, prefix("/a")), service("b", day, []string{"www.test"}, prefix("/a"))}, nil},
		{"the first in the alphabet", []spec.VirtualService{service("b", day, shop, prefix("/a/b")), service("a", day, shop, prefix("/a"))}, []string{
			"route http[0]: is never reached: VirtualService n/a http[0] takes all of its requests, such as GET http://shop.test/a/b. VirtualService n/a comes before n/b: both are of the same age, and its name is first in the alphabet [IST0130]"}},
		{"the older one", []spec.VirtualService{service("a", day, shop, prefix("/a/b")), service("b", day.Add(-time.Hour), shop, prefix("/a"))}, []string{
			"route http[0]: is never reached: VirtualService n/b http[0] takes all of its requests, such as GET http://shop.test/a/b. VirtualService n/b comes before n/a: it is older [IST0130]"}},
		{"the more specific one first", []spec.VirtualService{service("a", day, shop, prefix("/a/b")), service("b", day, shop, prefix("/a"))}, nil},
		{"a catch-all moves to the end", []spec.VirtualService{service("a", day, shop, prefix("/")), service("b", day, shop, prefix("/a"))}, nil},
		{"one of two hosts", []spec.VirtualService{service("a", day, shop, prefix("/a")), service("b", day, www, prefix("/a/b"), prefix("/a/c"))}, []string{
			"host hosts[0]: no request for shop.test reaches these routes: VirtualService n/a comes first and takes them, such as GET http://shop.test/a/b to VirtualService n/a http[0]. It comes first because both are of the same age, and its name is first in the alphabet"}},
		{"one of two hosts, for one of two routes", []spec.VirtualService{service("a", day, shop, prefix("/a")), service("b", day, www, prefix("/a/b"), prefix("/c"))}, nil},
		{"a name in a wildcard", []spec.VirtualService{service("a", day, []string{"*.shop.test"}, prefix("/a")), service("b", day, []string{"www.shop.test"}, prefix("/a"))}, nil},
		{"overlapping", []spec.VirtualService{service("a", day, shop, spec.Regex("/a/.*x?")), service("b", day, shop, spec.Regex("/a.*"))}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := gateway.New()
			for _, vs := range row.services {
				b.VirtualService(vs)
			}
			require.Equal(t, row.want, words(testgateway.Built(t, b).Shadows()))
		})
	}
}

// A route that is dead at one port and alive at another is not dead.
func TestRoutesOfSeveralPorts(t *testing.T) {
	server := func(port int) spec.Server {
		return spec.Server{Gateway: "gw", Namespace: "n", Port: port, PortName: "http-" + strconv.Itoa(port), Protocol: spec.ProtocolHTTP, Hosts: []string{"*"}}
	}
	vs := spec.VirtualService{Name: "a", Namespace: "n", Hosts: []string{"shop.test"}, Gateways: []string{"gw"}, Origin: spec.Origin{Kind: "VirtualService", Namespace: "n", Name: "a"}, Routes: []spec.Route{
		{Match: []spec.Match{{URI: spec.Prefix("/a"), Port: 80}}, DirectResponse: &spec.DirectResponse{Status: 200}},
		{Match: []spec.Match{{URI: spec.Prefix("/a/b")}}, DirectResponse: &spec.DirectResponse{Status: 200}},
	}}
	require.Empty(t, testgateway.Built(t, gateway.New().Server(server(80)).Server(server(8080)).VirtualService(vs)).Shadows())
	require.Equal(t, []string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a/b [IST0130]"},
		words(testgateway.Built(t, gateway.New().Server(server(80)).VirtualService(vs)).Shadows()))

	vs.Routes[0].Match[0].Port = 0
	require.Equal(t, []string{"route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test:8080/a/b [IST0130]"},
		words(testgateway.Built(t, gateway.New().Server(server(8080)).VirtualService(vs)).Shadows()), "the port is a part of the URL")
}

// The places are those of the YAML, also for the routes of delegates.
func TestPlacesOfShadows(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().Load(istio.Reader("shop.yaml", strings.NewReader(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root, namespace: web}
spec:
  hosts: [shop.test]
  gateways: [any]
  http:
  - match:
    - uri: {prefix: /a}
    delegate: {name: part}
  - match:
    - uri: {prefix: /a/b}
    directResponse: {status: 200}
  - match:
    - uri: {prefix: /a/c}
    delegate: {name: other}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: part, namespace: web}
spec:
  http:
  - name: all
    directResponse: {status: 200}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other, namespace: web}
spec:
  http:
  - directResponse: {status: 200}
`))))
	var got []string
	for _, s := range gw.Shadows() {
		got = append(got, s.String())
		d := ask(t, gw, s.Witness)
		require.Equal(t, s.Takers[0].Place.Finding().Line, d.Route.Origin.Line)
	}
	require.Equal(t, []string{
		`shop.yaml:11:5: VirtualService web/root: spec.http[1]: is never reached: VirtualService web/part http[0] "all" (line 23) takes all of its requests, such as GET http://shop.test/a/b [IST0130]`,
		`shop.yaml:14:5: VirtualService web/root: spec.http[2]: is never reached: VirtualService web/part http[0] "all" (line 23) takes all of its requests, such as GET http://shop.test/a/c [IST0130]`,
	}, got)
}

func TestSubsetsOfDeadRoutes(t *testing.T) {
	subset := func(path, subset string) spec.Route {
		return spec.Route{Match: []spec.Match{{URI: spec.Prefix(path)}}, Destinations: []spec.Destination{{Host: "reviews", Subset: subset}}}
	}
	shadows := func(routes ...spec.Route) []string {
		b := gateway.New().VirtualService(spec.VirtualService{
			Name: "shop", Hosts: []string{"shop.test"}, Gateways: []string{"*"}, Routes: routes, Origin: spec.Origin{Kind: "VirtualService", Name: "shop"},
		})
		return words(testgateway.Built(t, b).Shadows())
	}
	dead := "route http[1]: is never reached: http[0] takes all of its requests, such as GET http://shop.test/a/b [IST0130]"
	require.Equal(t, []string{dead, `subset http[1].route[0].destination.subset: no request reaches the subset "v2" of reviews.default.svc.cluster.local: only routes that are never reached have it`},
		shadows(subset("/a", "v1"), subset("/a/b", "v2")))
	require.Equal(t, []string{dead}, shadows(subset("/a", "v2"), subset("/a/b", "v2")), "another route has it")
}

func TestZeroGateway(t *testing.T) {
	require.Empty(t, new(gateway.Gateway).Shadows())
}

func TestLimitsThatCountNothing(t *testing.T) {
	limited := func(path, when string) spec.Route {
		l := spec.RateLimit{Requests: 1, Unit: time.Minute}
		if when != "" {
			l.When = &spec.Match{URI: spec.Prefix(when)}
		}
		return spec.Route{Match: []spec.Match{{URI: spec.Prefix(path)}}, DirectResponse: &spec.DirectResponse{Status: 200}, RateLimits: []spec.RateLimit{l}}
	}
	shadows := func(policy *spec.RateLimitPolicy, routes ...spec.Route) []string {
		for i := range routes {
			routes[i].Name = "r" + strconv.Itoa(i)
		}
		b := gateway.New().VirtualService(spec.VirtualService{
			Name: "shop", Hosts: []string{"shop.test"}, Gateways: []string{"*"}, Routes: routes, Origin: spec.Origin{Kind: "VirtualService", Name: "shop"},
		})
		if policy != nil {
			b.RateLimit(*policy)
		}
		var out []string
		for _, s := range testgateway.Built(t, b).Shadows() {
			if s.Kind == inspect.ShadowLimit {
				out = append(out, s.Place.Finding().Field+": "+s.Text)
			}
		}
		return out
	}
	require.Empty(t, shadows(nil, limited("/a", "/a/b"), limited("/b", "")))
	require.Equal(t, []string{"rateLimits[0]: limits nothing: its conditions hold for no request of the routes that have it"}, shadows(nil, limited("/a", "/b")))
	require.Empty(t, shadows(nil, limited("/a", ""), limited("/a/b", "")), "the route says it")

	policy := &spec.RateLimitPolicy{Name: "p", Origin: spec.Origin{Kind: "RateLimitConfig", Name: "p"},
		Targets: []spec.TargetRef{{Kind: "VirtualService", Name: "shop", SectionName: "r1"}}, Limits: []spec.RateLimit{{Requests: 1, Unit: time.Minute}}}
	plain := func(path string) spec.Route {
		return spec.Route{Match: []spec.Match{{URI: spec.Prefix(path)}}, DirectResponse: &spec.DirectResponse{Status: 200}}
	}
	require.Empty(t, shadows(policy, plain("/a"), plain("/b")))
	require.Equal(t, []string{"limits[0]: limits nothing: it is only for routes that are never reached"}, shadows(policy, plain("/a"), plain("/a/b")))
}
