package program_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// The tests of requests and responses also pass for requests that the gateway
// owns.
func TestNothingDiffersWhenOwned(t *testing.T) {
	testgateway.Owned = true
	defer func() { testgateway.Owned = false }()
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"edge headers", TestEdgeHeadersOfAStranger},
		{"internal headers", TestEveryInternalHeaderIsTakenOff},
		{"operations on edge headers", TestOperationsOnEdgeHeaders},
		{"trusted proxies", TestTrustedProxies},
		{"headers of one connection", TestHeadersOfOneConnection},
		{"nominated headers", TestNominatedHeaders},
		{"what no route takes", TestWhatNoRouteTakesPassesAsItCame},
		{"conditions on edge headers", TestConditionsSeeTheEdgesHeaders},
		{"client certificate", TestClientCertificateIsForwardedOnlyIfVerified},
		{"operations of one level", TestHeaderOperationsOfOneLevel},
		{"operations of two levels", TestHeaderOperationsOfTwoLevels},
		{"computed values", TestComputedValuesDoNotEndTheirLine},
		{"operators", TestOperators},
		{"operators on plain text", TestOperatorsOnPlainText},
		{"operators on answers", TestOperatorsOnAnswersOfTheGateway},
		{"operators on edge headers", TestOperatorsSeeTheEdgesHeaders},
		{"operators on the client's address", TestTrustedClientAddressOperators},
		{"rewrite", TestRewriteReplacesWhatMatched},
		{"regex rewrite", TestRegexRewrite},
		{"original path and host", TestOriginalPathAndHost},
		{"authority", TestAuthorityPrecedence},
		{"rewrite to what is no path", TestRewriteToWhatIsNoPath},
		{"absolute target", TestAbsoluteTarget},
		{"CORS", TestCORSOnResponses},
		{"mirror", TestMirrorGetsWhatTheDestinationGets},
		{"missing destination", TestMissingDestinationGetsNoResponseOperations},
		{"Envoy's response headers", TestEnvoyHeadersOnResponses},
		{"timeout", TestTimeout},
		{"gRPC timeout", TestGRPCTimeout},
	} {
		t.Run(test.name, test.run)
	}
}

// A drawnExchange is a configuration and a request to it, derived from some
// bytes.
type drawnExchange struct {
	semantics gateway.Semantics
	trusted   int
	random    uint64
	route     spec.Route
	// request returns the request, a new one each time.
	request func() *http.Request
}

// A dice draws numbers from its bytes until they are used up.
type dice []byte

// below draws a number below n.
func (d *dice) below(n int) int {
	if len(*d) == 0 {
		return 0
	}
	drawn := int((*d)[0]) % n
	*d = (*d)[1:]
	return drawn
}

// oneOf draws one of some values.
func oneOf[T any](d *dice, values ...T) T { return values[d.below(len(values))] }

// Header names in canonical form.
var drawnNames = []string{
	"X-A", "X-B", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Content-Type", "Te", "Referer", "Cookie",
	"X-Envoy-Internal", "X-Envoy-Original-Path", "X-Forwarded-Client-Cert", "Upgrade", "Connection", "Keep-Alive",
	"User-Agent", "Accept", "Grpc-Timeout", "Origin", "Expect", "X-Envoy-External-Address", "Trailer", "X-Envoy-Attempt-Count",
}

var drawnValues = []string{
	"a", "b, c", "1.2.3.4", "10.0.0.1, 5.6.7.8", "https", "http", "application/grpc", "application/grpc-web", "text/plain", "trailers, x",
	"http://a.com/b", "/relative", "websocket", "upgrade", "close, X-A", "keep-alive", "5S", "http://allowed.example", "",
}

// drawnOperations are the values of header operations. Half of them are
// constants, for which the gateway need not read the request again.
var drawnOperations = []string{
	"x", "%REQ(X-A)%", "y", "%REQ(X-FORWARDED-FOR)%", "z", "%REQ(X-REQUEST-ID)%", "https", "%DOWNSTREAM_REMOTE_ADDRESS%", "1.1.1.1",
	"%REQ(:path)%-%PROTOCOL%", "application/grpc", "%QUERY_PARAM(x)%", "text/plain", "%REQ(:authority)%", "1S", "%PATH(WQ)%",
}

func (d *dice) operations() spec.HeaderOperations {
	o := spec.HeaderOperations{Set: map[string]string{}, Add: map[string]string{}}
	for range d.below(3) {
		name, value := oneOf(d, drawnNames...), oneOf(d, drawnOperations...)
		switch d.below(3) {
		case 0:
			o.Set[name] = value
		case 1:
			o.Add[name] = value
		default:
			o.Remove = append(o.Remove, name)
		}
	}
	return o
}

func (d *dice) route() spec.Route {
	r := spec.Route{
		Match:        []spec.Match{{URI: oneOf(d, spec.Prefix("/"), spec.Prefix("/a"), spec.Exact("/a/b"))}},
		Headers:      spec.Headers{Request: d.operations()},
		Destinations: []spec.Destination{{Host: "one", Weight: 50, Headers: spec.Headers{Request: d.operations()}}, {Host: oneOf(d, "two", "missing"), Weight: 50}},
		Rewrite:      oneOf(d, nil, &spec.Rewrite{URI: "/"}, &spec.Rewrite{URI: "/new"}, &spec.Rewrite{URI: "/new?y=2"}, &spec.Rewrite{Authority: "new.example"}),
	}
	if d.below(2) == 0 {
		r.Destinations = r.Destinations[:1]
	}
	if d.below(2) == 0 {
		r.Headers.Response = d.operations()
	}
	switch d.below(8) {
	case 0:
		r.Timeout = time.Minute
	case 1:
		r.Retry = &spec.Retry{Attempts: 1, On: []string{"5xx"}}
	case 2:
		r.Mirrors = []spec.Mirror{{Destination: spec.Destination{Host: "two"}}}
	case 3:
		r.CORS = &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("http://allowed.example")}}
	}
	return r
}

func (d *dice) request() *http.Request {
	body := oneOf(d, "", "body")
	r := httptest.NewRequest(oneOf(d, "GET", "POST", "HEAD", "OPTIONS"),
		oneOf(d, "/a/b?x=1", "/a/", "/", "/a/%2Fb?", "http://b.example/a/c"), strings.NewReader(body))
	r.ContentLength = int64(oneOf(d, len(body), -1))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for range d.below(12) {
		key, value := oneOf(d, drawnNames...), oneOf(d, drawnValues...)
		r.Header[key] = append(r.Header[key], value)
	}
	if d.below(6) == 0 {
		below := chi.NewRouteContext()
		below.RoutePath = "/b"
		r = r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, below))
	}
	return r
}

func drawExchange(data []byte) drawnExchange {
	d := dice(data)
	x := drawnExchange{
		semantics: oneOf(&d, gateway.Native, gateway.Envoy), trusted: d.below(3), random: uint64(d.below(256)), route: d.route(),
	}
	x.request = func() *http.Request {
		rest := d
		return rest.request()
	}
	return x
}

// A seenExchange is everything that is visible of a request that was served.
type seenExchange struct {
	// received is what destinations and mirrors received, sorted.
	received []string
	status   int
	header   http.Header
	body     string
}

// serve serves the request. It returns nil if the route is not valid.
func (x *drawnExchange) serve(t *testing.T, r *http.Request, handler func(*gateway.Gateway) http.Handler) *seenExchange {
	s := new(seenExchange)
	var mu sync.Mutex
	backend := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			routePath := ""
			if below := chiroute.Context(r.Context()); below != nil {
				routePath = below.RoutePath
			}
			s.received = append(s.received, fmt.Sprintf("%s %s %s %s %+v %d %q %v %q %s", name, r.Method, r.Host, r.RequestURI, *r.URL,
				r.ContentLength, r.Header, r.Trailer, body, routePath))
			if recorder, ok := w.(upstream.FailureRecorder); ok && len(r.Header)%3 == 0 {
				recorder.UpstreamFailed(upstream.Failure{Status: http.StatusServiceUnavailable, Body: "failed"})
				return
			}
			w.Header().Set("X-A", r.Header.Get("X-A"))
			w.WriteHeader(oneOf(&dice{byte(len(r.Header))}, http.StatusOK, http.StatusServiceUnavailable))
			_, _ = io.WriteString(w, "answer")
		})
	}
	gw, err := gateway.New().Semantics(x.semantics).TrustedProxies(x.trusted).Random(func() uint64 { return x.random }).
		Route(x.route).Backend("one", backend("one")).Backend("two", backend("two")).Build()
	if err != nil {
		return nil
	}
	w := httptest.NewRecorder()
	handler(gw).ServeHTTP(w, r)
	require.NoError(t, gw.Close()) // waits for mirrors
	slices.Sort(s.received)
	w.Header().Del("X-Envoy-Upstream-Service-Time")
	s.status, s.header, s.body = w.Code, w.Header(), w.Body.String()
	return s
}

// checkOwnership compares how a gateway serves a request that it owns with how
// it serves one that it does not own. It reports whether a destination got the
// request, and whether its header map was taken.
func checkOwnership(t *testing.T, data []byte) (received, taken bool) {
	x := drawExchange(data)
	lent, given := x.request(), x.request()
	want := x.serve(t, lent, func(g *gateway.Gateway) http.Handler { return g })
	require.Equal(t, want, x.serve(t, given, (*gateway.Gateway).InPlace))
	came := x.request()
	require.Equal(t, came.Header, lent.Header)
	require.Equal(t, came.URL, lent.URL)
	require.Equal(t, came.Host, lent.Host)
	require.Equal(t, came.RequestURI, lent.RequestURI)
	return want != nil && len(want.received) > 0, !reflect.DeepEqual(came.Header, given.Header)
}

func TestOwnedRequestsAreServedAsLentOnes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	exchanges := 3000
	if testing.Short() {
		exchanges = 600
	}
	var received, taken int
	data := make([]byte, 80)
	for range exchanges {
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		r, k := checkOwnership(t, data)
		if r {
			received++
		}
		if k {
			taken++
		}
	}
	t.Logf("%d of %d reached a destination, %d with the header map that came", received, exchanges, taken)
	require.Greater(t, received, exchanges/3)
	require.Greater(t, taken, exchanges/10)
}

func FuzzOwnership(f *testing.F) {
	f.Add([]byte("a route, and a request to it"))
	f.Fuzz(func(t *testing.T, data []byte) { checkOwnership(t, data) })
}

func TestTimeIsUpForOwnedRequests(t *testing.T) {
	for name, route := range map[string]spec.Route{
		"route": {Timeout: time.Millisecond},
		"try":   {Retry: &spec.Retry{Attempts: 1, PerTryTimeout: time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Native, route)
			spy.Then = func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Second):
				}
			}
			w := httptest.NewRecorder()
			gw.InPlace().ServeHTTP(w, testhttp.Request(t, "GET", "/"))
			require.Equal(t, http.StatusGatewayTimeout, w.Code)
		})
	}
}

// Trailers are added to the request that net/http's server made.
func TestTrailersOfOwnedRequests(t *testing.T) {
	for _, announced := range []string{"", "Trailer: X-T\r\n"} {
		var got []http.Header
		gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{})
		spy.Then = func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			got = append(got, r.Trailer)
		}
		for _, h := range []http.Handler{gw, gw.InPlace()} {
			server := httptest.NewServer(h)
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a.com\r\nTransfer-Encoding: chunked\r\n"+announced+
				"Connection: close\r\n\r\n1\r\na\r\n0\r\nX-T: t\r\n\r\n")
			require.NoError(t, err)
			_, err = io.ReadAll(conn)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
			server.Close()
		}
		require.Len(t, got, 2)
		require.Equal(t, got[0], got[1])
	}
}

// The client's request decides whether it is gRPC, whatever its destination
// gets.
func TestFailureOfAnOwnedRequestIsAnsweredAsItCame(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: spec.Headers{
		Request: testhttp.Ops{Set: testhttp.Lines{"content-type": "application/grpc"}}, Response: testhttp.Ops{Set: testhttp.Lines{"x-a": "1"}},
	}})
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		w.(upstream.FailureRecorder).UpstreamFailed(upstream.Failure{Status: http.StatusBadGateway})
	}
	for _, h := range []http.Handler{gw, gw.InPlace()} {
		require.Equal(t, http.StatusBadGateway, testgateway.Serve(h, testhttp.Request(t, "GET", "/")).Code)
	}
}
