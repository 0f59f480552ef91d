package gateway

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// pick returns one of several values.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// randomRoute returns a route with random parts.
func randomRoute(r *rand.Rand) spec.Route {
	paths := []string{"/", "/a", "/a/", "/a/b", "/b"}
	var route spec.Route
	for range r.IntN(3) {
		m := spec.Match{URI: pick(r, spec.StringMatch{}, spec.Prefix(pick(r, paths...)), spec.Exact(pick(r, paths...)), spec.Regex("/a/?.*"))}
		if r.IntN(3) == 0 {
			m.Method = spec.Exact(pick(r, "GET", "POST"))
		}
		if r.IntN(4) == 0 {
			m.Headers = map[string]spec.StringMatch{pick(r, "x-a", "x-request-id", "x-forwarded-proto", "connection"): pick(r, spec.StringMatch{}, spec.Exact("1"), spec.Exact("http"))}
		}
		route.Match = append(route.Match, m)
	}
	operations := func() spec.HeaderOperations {
		o := spec.HeaderOperations{}
		if r.IntN(2) == 0 {
			o.Set = map[string]string{pick(r, "x-a", "x-b", "x-forwarded-proto"): pick(r, "1", "%REQ(X-A)%", "%REQ(:PATH)%", "%RESPONSE_CODE%", "%REQ(X-FORWARDED-FOR)%")}
		}
		if r.IntN(2) == 0 {
			o.Add = map[string]string{pick(r, "x-a", "x-b"): pick(r, "2", "%PROTOCOL%")}
		}
		if r.IntN(2) == 0 {
			o.Remove = []string{pick(r, "x-a", "x-b", "cookie")}
		}
		return o
	}
	if r.IntN(2) == 0 {
		route.Headers = spec.Headers{Request: operations(), Response: operations()}
	}
	if r.IntN(4) == 0 {
		route.CORS = &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}, AllowMethods: []string{"*"}, UnmatchedPreflights: spec.UnmatchedPreflights(r.IntN(2))}
	}
	switch r.IntN(6) {
	case 0:
		route.Redirect = &spec.Redirect{URI: pick(r, "/new", "/new?z"), Scheme: pick(r, "", "https"), Code: pick(r, 0, 302, 307), Port: pick(r, 0, 80, 8080)}
		return route
	case 1:
		route.DirectResponse = &spec.DirectResponse{Status: pick(r, 200, 201, 204, 302, 404, 503), Body: pick(r, nil, []byte("body"))}
		return route
	}
	if r.IntN(8) == 0 {
		route.Fault = &spec.Fault{Abort: &spec.FaultAbort{Percent: 100, HTTPStatus: 418}}
		if r.IntN(2) == 0 {
			route.Fault.Abort = &spec.FaultAbort{Percent: 100, GRPCStatus: "UNAVAILABLE"}
		}
	}
	if r.IntN(2) == 0 {
		route.Rewrite = pick(r, &spec.Rewrite{URI: pick(r, "/", "/x", "/x/")}, &spec.Rewrite{Authority: "b.com"}, &spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: "b", Rewrite: "c"}})
	}
	for i := range 1 + r.IntN(3) {
		route.Destinations = append(route.Destinations, spec.Destination{
			Host: pick(r, "one", "two", "missing"), Weight: 1 + i*r.IntN(3), Headers: pick(r, spec.Headers{}, spec.Headers{Request: operations(), Response: operations()}),
		})
	}
	if r.IntN(4) == 0 {
		route.Timeout = time.Minute
	}
	return route
}

// randomRequest returns a function that returns the same random request at each
// call.
func randomRequest(t *testing.T, r *rand.Rand) func() *http.Request {
	method := pick(r, "GET", "GET", "POST", "HEAD", "OPTIONS")
	target := pick(r, "/", "/a", "/a/", "/a/b", "/a/b/c", "/b", "/c", "/a%2Fb", "/a/../b", "/a%00", "//a") + pick(r, "", "?q=1", "?")
	var headers []string
	for _, h := range []string{
		"X-A: 1", "X-A: 2", "X-B: 1", "Cookie: c=1", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Request-Id: mine", "Connection: X-A",
		"Connection: X-Forwarded-For", "Origin: https://a.com", "Origin: https://b.com", "Access-Control-Request-Method: PUT", "Content-Type: application/grpc",
		"X-Envoy-Retry-On: 5xx", "Referer: none", "Te: trailers", "Upgrade: other",
	} {
		if r.IntN(4) == 0 {
			headers = append(headers, h)
		}
	}
	host, secure := pick(r, "a.com", "a.com:8080", "b a"), r.IntN(3) == 0
	return func() *http.Request {
		q := testhttp.Request(t, method, target, headers...)
		q.Host = host
		if secure {
			testhttp.OverTLS(q)
		}
		return q
	}
}

// A gateway does what it decides: the kind, the answer byte for byte, and the
// requests to the destinations.
func TestDecisionEqualsServing(t *testing.T) {
	kinds := map[DecisionKind]int{}
	seeds, few := uint64(300), 10
	if testing.Short() {
		seeds, few = 120, 1
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		var drawn uint64
		spies := map[string]*testhttp.Spy{"one": new(testhttp.Spy), "two": new(testhttp.Spy)}
		b := New().Semantics(Semantics(r.IntN(2))).Random(func() uint64 { return drawn }).TrustedProxies(r.IntN(2)).
			Backend("one", spies["one"]).Backend("two", spies["two"])
		for range 1 + r.IntN(4) {
			b.Route(randomRoute(r))
		}
		gw := built(t, b)
		for range 30 {
			again := randomRequest(t, r)
			d := gw.Decide(again())
			kinds[d.Kind]++
			about := fmt.Sprintf("seed %d: %v\n%s\n%+v", seed, gw, again().RequestURI, d)
			if d.Kind != DecisionForward {
				w := httptest.NewRecorder()
				gw.ServeHTTP(w, again())
				require.Equal(t, d.Status, w.Code, about)
				require.Equal(t, d.Body, w.Body.String(), about)
				require.Equal(t, d.Header, w.Header(), about)
				require.Equal(t, d.Location, w.Header().Get("Location"), about)
				continue
			}
			require.NotEmpty(t, d.Destinations, about)
			next := uint64(0)
			for _, dest := range d.Destinations {
				for _, spy := range spies {
					spy.Got = nil
				}
				drawn = next
				next += uint64(dest.Weight)
				w := httptest.NewRecorder()
				gw.ServeHTTP(w, again())
				if dest.Missing {
					require.True(t, w.Code == 503 || w.Header().Get("Grpc-Status") == "14", about)
					continue
				}
				require.Equal(t, 200, w.Code, about)
				var got *http.Request
				for _, spy := range spies {
					if spy.Got != nil {
						require.Nil(t, got, "one destination alone")
						got = spy.Got
					}
				}
				require.Equal(t, dest.Method, got.Method, about)
				require.Equal(t, dest.Authority, got.Host, about)
				require.Equal(t, dest.Path, got.RequestURI, about)
				require.Equal(t, withoutID(dest.Headers), withoutID(got.Header), about)
			}
			require.Equal(t, next, uint64(d.Destinations[0].Total), about)
		}
	}
	for _, kind := range []DecisionKind{DecisionForward, DecisionRedirect, DecisionDirectResponse, DecisionAbort, DecisionPreflight, DecisionNotFound, DecisionBadRequest} {
		require.Greater(t, kinds[kind], few, "%s is among what was drawn: %v", kind, kinds)
	}
}

// withoutID returns headers without those that are new for each request.
func withoutID(h http.Header) http.Header {
	out := h.Clone()
	out.Del("X-Request-Id")
	return out
}

// A decision has the reason for a 503.
func TestReasonsOfMissingDestinations(t *testing.T) {
	address := []spec.Endpoint{{Address: "192.0.2.1"}}
	for _, tt := range []struct {
		name string
		to   spec.Destination
		want string
	}{
		{"a name that nothing has", spec.Destination{Host: "nothing"}, "no backend and no ServiceEntry has its name"},
		{"a backend", spec.Destination{Host: "spy"}, ""},
		{"a subset that no rule has", spec.Destination{Host: "spy", Subset: "v2"}, "there is no subset v2"},
		{"a subset without a rule", spec.Destination{Host: "nothing", Subset: "v2"}, "there is no subset v2"},
		{"a subset", spec.Destination{Host: "spy", Subset: "v1"}, ""},
		{"a service", spec.Destination{Host: "service.test", Port: 80}, ""},
		{"a port that a service does not have", spec.Destination{Host: "service.test", Port: 81}, "its ServiceEntry has no port 81"},
		{"a service without endpoints", spec.Destination{Host: "dns.test", Port: 80, Subset: "v1"}, "its ServiceEntry has no endpoint for it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gw := built(t, New().Backend("spy", new(testhttp.Spy)).
				DestinationRule(spec.DestinationRule{Name: "spy", Host: "spy", Subsets: []spec.Subset{{Name: "v1"}}}).
				DestinationRule(spec.DestinationRule{Name: "dns", Host: "dns.test", Subsets: []spec.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}}}).
				Service(spec.Service{Name: "service", Hosts: []string{"service.test"}, Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}}, Resolution: spec.ResolveStatic, Endpoints: address}).
				Service(spec.Service{Name: "dns", Hosts: []string{"dns.test"}, Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}}, Resolution: spec.ResolveDNS}).
				Route(spec.Route{Destinations: []spec.Destination{tt.to}, Mirrors: []spec.Mirror{{Destination: tt.to}}}))
			d := gw.Decide(testhttp.Request(t, "GET", "/"))
			require.Equal(t, tt.want, d.Destinations[0].Reason)
			require.Equal(t, tt.want != "", d.Destinations[0].Missing)
			require.Equal(t, tt.want, d.Route.Mirrors[0].Reason)
			require.Equal(t, tt.want != "", d.Route.Mirrors[0].Missing)
		})
	}
}

func TestDecisionDrawsAndCountsNothing(t *testing.T) {
	draws := 0
	gw := built(t, New().Random(func() uint64 { draws++; return 0 }).Backend("*", new(testhttp.Spy)).Route(spec.Route{
		Destinations: []spec.Destination{{Host: "a", Weight: 1}, {Host: "b", Weight: 1}}, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 500, Percent: 50}},
		RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}},
	}))
	for range 3 {
		d := gw.Decide(testhttp.Request(t, "GET", "/"))
		require.Equal(t, DecisionForward, d.Kind)
		require.Equal(t, []string{"00000000-0000-4000-8000-000000000000"}, d.Destinations[0].Headers["X-Request-Id"])
	}
	require.Zero(t, draws)
	require.Equal(t, 500, serve(gw, testhttp.Request(t, "GET", "/")).Code)
}

func TestDecisionChangesNoRequest(t *testing.T) {
	gw, _ := routed(t, Envoy, spec.Route{Rewrite: &spec.Rewrite{URI: "/x", Authority: "b.com"}, Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"x-a": "1"}, Remove: []string{"x-b"}}}})
	r := testhttp.Request(t, "GET", "/a?b", "X-B: 1", "Connection: X-C", "X-C: 1")
	before := r.Clone(r.Context())
	gw.Decide(r)
	require.Equal(t, before.Header, r.Header)
	require.Equal(t, before.URL, r.URL)
	require.Equal(t, before.Host, r.Host)
	require.Equal(t, before.RequestURI, r.RequestURI)
}

func TestDecisionTellsOfItsRoute(t *testing.T) {
	half := 50.0
	gw := built(t, New().Semantics(Envoy).Backend("one", new(testhttp.Spy)).VirtualService(spec.VirtualService{
		Name: "shop", Namespace: "prod", Hosts: []string{"*.com"}, Gateways: []string{"*"}, Routes: []spec.Route{
			{Match: []spec.Match{{URI: spec.Exact("/none")}}, DirectResponse: &spec.DirectResponse{Status: 200}},
			{
				Name: "products", Match: []spec.Match{{Name: "v1", URI: spec.Prefix("/products"), Headers: map[string]spec.StringMatch{"x-a": spec.Exact("1")}}},
				Rewrite: &spec.Rewrite{URI: "/"}, Timeout: 2 * time.Second, Retry: &spec.Retry{Attempts: 3, On: []string{"503", "reset"}, PerTryTimeout: time.Second},
				Fault: &spec.Fault{Delay: &spec.FaultDelay{Fixed: time.Second, Percent: 1.5}, Abort: &spec.FaultAbort{GRPCStatus: "ABORTED", Percent: 50}},
				CORS:  &spec.CORS{}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "shadow"}, Percent: &half}},
				RateLimits:   []spec.RateLimit{{Requests: 10, Unit: time.Second, Per: []spec.LimitKey{{RemoteAddress: true}}}},
				Destinations: []spec.Destination{{Host: "one", Weight: 9}, {Host: "two", Port: 81, Subset: "v2", Weight: 1}},
			},
		},
	}))
	d := gw.Decide(testhttp.Request(t, "GET", "/products/./7?x=1", "X-A: 1"))
	require.Equal(t, DecisionForward, d.Kind)
	require.Equal(t, "0.0.0.0_80", d.Listener)
	require.Equal(t, "http.80", d.RouteConfig)
	require.Equal(t, "*.com", d.VirtualHost)
	require.Equal(t, "/products/7?x=1", d.Path)
	require.Equal(t, &DecidedRoute{
		VirtualService: "prod/shop", Name: "products.v1", Index: 1, Match: "prefix /products", Timeout: 2 * time.Second,
		Retry:   &DecidedRetry{Attempts: 3, On: []string{"reset", "retriable-status-codes"}, Codes: []int{503}, PerTryTimeout: time.Second, AvoidSameHost: true},
		Mirrors: []DecidedMirror{{Cluster: "outbound|80||shadow.prod.svc.cluster.local", Percent: 50, Missing: true, Reason: "no backend and no ServiceEntry has its name"}},
		Fault:   &DecidedFault{Delay: time.Second, DelayPercent: 1.5, AbortStatus: 200, GRPCStatus: 10, AbortPercent: 50},
		CORS:    true, RateLimits: []DecidedLimit{{Limit: "10 per 1s, each remote address", Applies: true, Descriptor: []string{"remote_address=192.0.2.1"}}},
	}, d.Route)
	require.Len(t, d.Destinations, 2)
	require.Equal(t, "outbound|81|v2|two.prod.svc.cluster.local", d.Destinations[1].Cluster)
	require.True(t, d.Destinations[1].Missing)
	require.Equal(t, "there is no subset v2", d.Destinations[1].Reason)
	require.Equal(t, "//7?x=1", d.Destinations[1].Path)

	text, err := json.Marshal(gw.Decide(testhttp.Request(t, "GET", "/nothing")))
	require.NoError(t, err)
	require.JSONEq(t, `{"kind":"notFound","reason":"no route","status":404,"listener":"0.0.0.0_80","routeConfig":"http.80","virtualHost":"*.com",
		"path":"/nothing","header":{"Server":["istio-envoy"]}}`, string(text))
}

func TestDecisionOfAListener(t *testing.T) {
	gw := built(t, New().
		Server(spec.Server{Gateway: "gw", Port: 80, Hosts: []string{"*"}}).
		Server(spec.Server{Gateway: "gw", Port: 443, PortName: "https", Hosts: []string{"a.com"}, Protocol: "HTTPS", TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c"}}))
	secure := func(name string) *http.Request {
		r := testhttp.OverTLS(testhttp.Request(t, "GET", "/"))
		r.TLS.ServerName = name
		return r
	}
	for _, row := range []struct {
		port   int
		r      *http.Request
		kind   DecisionKind
		reason string
	}{
		{80, testhttp.Request(t, "GET", "/"), DecisionNotFound, "no route: blackhole, no VirtualService is bound here"},
		{80, secure("a.com"), DecisionNoServer, "TLS on a plain-text listener, or plain text on a TLS listener"},
		{443, testhttp.Request(t, "GET", "/"), DecisionNoServer, "TLS on a plain-text listener, or plain text on a TLS listener"},
		{443, secure("a.com"), DecisionNotFound, "no route: blackhole, no VirtualService is bound here"},
		{443, secure("b.com"), DecisionNoServer, "no filter chain for this server name"},
		{443, secure(""), DecisionNoServer, "no filter chain for this server name"},
		{81, testhttp.Request(t, "GET", "/"), DecisionNoServer, "no listener"},
	} {
		d := gw.Listener(row.port).Decide(row.r)
		require.Equal(t, row.kind, d.Kind, strconv.Itoa(row.port))
		require.Equal(t, row.reason, d.Reason)
	}
}

// A decision tells which limits meet the request, and counts nothing.
func TestDecidedLimits(t *testing.T) {
	user, address := spec.LimitKey{Header: "X-User"}, spec.LimitKey{RemoteAddress: true}
	limit := spec.RateLimit{Requests: 1, Unit: time.Hour}
	of := func(change func(*spec.RateLimit)) spec.RateLimit {
		l := limit
		change(&l)
		return l
	}
	for _, row := range []struct {
		limit   spec.RateLimit
		headers []string
		want    DecidedLimit
	}{
		{limit, nil, DecidedLimit{Limit: "1 per 1h0m0s", Applies: true, Descriptor: []string{"generic_key=route default//#0"}}},
		{of(func(l *spec.RateLimit) { l.Per = []spec.LimitKey{user, address} }), []string{"X-User: ann"},
			DecidedLimit{Limit: "1 per 1h0m0s, each x-user, each remote address", Applies: true, Descriptor: []string{"x-user=ann", "remote_address=192.0.2.1"}}},
		{of(func(l *spec.RateLimit) { l.Per = []spec.LimitKey{user} }), nil, DecidedLimit{Limit: "1 per 1h0m0s, each x-user"}},
		{of(func(l *spec.RateLimit) { l.Per, l.OnMissingKey = []spec.LimitKey{user}, spec.MissingKeyDeny }), nil,
			DecidedLimit{Limit: "1 per 1h0m0s, each x-user, refused without a key", Refuses: true}},
		{of(func(l *spec.RateLimit) { l.When = &spec.Match{Method: spec.Exact("POST")} }), nil, DecidedLimit{Limit: `1 per 1h0m0s, when method exact "POST"`}},
	} {
		gw := built(t, New().Backend("a", testhttp.Saying("a")).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{row.limit}}))
		for range 3 {
			d := gw.Decide(testhttp.Request(t, "GET", "/", row.headers...))
			require.Equal(t, []DecidedLimit{row.want}, d.Route.RateLimits)
		}
	}
}
