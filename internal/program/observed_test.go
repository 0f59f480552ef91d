package program_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/accesslog"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// An observer keeps the outcomes that it gets.
type observer struct {
	mu       sync.Mutex
	outcomes []observe.Outcome
	got      chan struct{}
}

func newObserver() *observer { return &observer{got: make(chan struct{}, 100)} }

func (o *observer) Observe(outcome *observe.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.outcomes = append(o.outcomes, *outcome)
	o.got <- struct{}{}
}

func (*observer) Headers() (request, response []string) {
	return []string{"user-agent", "x-forwarded-for"}, []string{"x-answer"}
}

// next waits for an outcome and returns the first one.
func (o *observer) next(t *testing.T) observe.Outcome {
	t.Helper()
	select {
	case <-o.got:
	case <-t.Context().Done():
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	require.NotEmpty(t, o.outcomes)
	first := o.outcomes[0]
	o.outcomes = o.outcomes[1:]
	return first
}

// summary returns what the endings differ in: status, flags, details, the cluster and
// the earlier tries.
func summary(o *observe.Outcome) string {
	cluster := "-"
	if o.Destination != nil {
		cluster = o.Destination.Cluster
	}
	text := fmt.Sprintf("%d %s %s %s", o.Status, orDash(o.Flags), orDash(o.Details), cluster)
	for _, try := range o.Tries {
		text += fmt.Sprintf(" [%d %s]", try.Status, orDash(try.Flag))
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Each way in which a request can end has its outcome, with Envoy's flags and details.
func TestOutcomes(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	answers := func(codes ...int) http.Handler {
		n := 0
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			code := codes[min(n, len(codes)-1)]
			n++
			w.WriteHeader(code)
		})
	}
	to := []spec.Destination{{Host: "app", Port: 80}}
	retry := &spec.Retry{Attempts: 2, On: []string{"5xx"}, Backoff: time.Millisecond}
	const app = " outbound|80||app.default.svc.cluster.local"
	tests := []struct {
		name    string
		route   spec.Route
		backend http.Handler
		url     string
		request *http.Request
		want    string
	}{
		{"a handler answers", spec.Route{Destinations: to}, answers(204), "", nil, "204 - via_upstream" + app},
		{"a handler writes nothing", spec.Route{Destinations: to}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "", nil, "200 - via_upstream" + app},
		{"no route", spec.Route{Match: []spec.Match{{URI: spec.Prefix("/other")}}, Destinations: to}, answers(200), "", nil, "404 NR route_not_found -"},
		{"nothing is behind the destination", spec.Route{Destinations: []spec.Destination{{Host: "none", Port: 80}}}, answers(200), "", nil, "503 NC cluster_not_found outbound|80||none.default.svc.cluster.local"},
		{"a connection is refused", spec.Route{Destinations: to}, nil, closed.URL, nil,
			"503 UF,URX upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}" + app + " [0 UF] [0 UF]"},
		{"a redirect", spec.Route{Redirect: &spec.Redirect{URI: "/new"}}, nil, "", nil, "301 - direct_response -"},
		{"a direct response", spec.Route{DirectResponse: &spec.DirectResponse{Status: 418}}, nil, "", nil, "418 - direct_response -"},
		{"a fault", spec.Route{Destinations: to, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 555, Percent: 100}}}, answers(200), "", nil, "555 FI fault_filter_abort -"},
		{"a delay", spec.Route{Destinations: to, Fault: &spec.Fault{Delay: &spec.FaultDelay{Fixed: time.Millisecond, Percent: 100}}}, answers(200), "", nil, "200 DI via_upstream" + app},
		{"a preflight", spec.Route{Destinations: to, CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.test")}}}, answers(200), "",
			testhttp.Request(t, "OPTIONS", "/", "Origin: https://a.test", "Access-Control-Request-Method: GET"), "200 - cors_response -"},
		{"a retry that wins", spec.Route{Destinations: to, Retry: retry}, answers(503, 200), "", nil, "200 - via_upstream" + app + " [503 -]"},
		{"retries that are used up", spec.Route{Destinations: to, Retry: retry}, answers(503), "", nil, "503 URX via_upstream" + app + " [503 -] [503 -]"},
		{"a request that is malformed", spec.Route{Destinations: to}, answers(200), "", testhttp.Request(t, "GET", "/a%00b"), "400 DPE path_normalization_failed -"},
		{"an upgrade to something else", spec.Route{Destinations: to}, answers(200), "", testhttp.Request(t, "GET", "/", "Connection: upgrade", "Upgrade: foo"), "403 - upgrade_failed -"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newObserver()
			b := gateway.New().Observe(o).Route(tt.route)
			if tt.backend != nil {
				b.Backend("app", tt.backend)
			}
			if tt.url != "" {
				b.BackendURL("app", tt.url)
			}
			gw := testgateway.Built(t, b)
			r := tt.request
			if r == nil {
				r = testhttp.Request(t, "GET", "/")
			}
			w := testgateway.Serve(gw, r)
			got := o.next(t)
			require.Equal(t, tt.want, summary(&got))
			require.Equal(t, w.Code, got.Status, "what the client got")
			require.NotZero(t, got.Start)
			require.GreaterOrEqual(t, got.Duration, got.FirstByte)
			require.NotZero(t, got.FirstByte)
			require.Empty(t, o.outcomes, "one outcome for each request")
			began := time.Duration(0)
			for _, try := range got.Tries {
				require.GreaterOrEqual(t, try.Began, began)
				began = try.Began + try.Duration
			}
			require.GreaterOrEqual(t, got.Sent, began, "one try after the other")
			require.GreaterOrEqual(t, got.Duration, got.Sent)
			require.Equal(t, got.Destination != nil, got.Sent > 0)
			requireShown(t, &got)
		})
	}
}

// requireShown requires that the access log and the counts show an outcome.
func requireShown(t *testing.T, o *observe.Outcome) {
	t.Helper()
	format, err := accesslog.Text("%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%")
	require.NoError(t, err)
	var lines bytes.Buffer
	logger := accesslog.New(&lines, format)
	logger.Observe(o)
	require.NoError(t, logger.Close())
	cluster := "-"
	if o.Destination != nil {
		cluster = o.Destination.Cluster
	}
	require.Equal(t, fmt.Sprintf("%d %s %s %s\n", o.Status, orDash(o.Flags), orDash(o.Details), cluster), lines.String())

	var counts metrics.Metrics
	counts.Observe(o)
	series := counts.Series()
	require.Len(t, series, 1)
	require.Equal(t, []metrics.Result{{Status: o.Status, Flags: o.Flags, Protocol: "http", Count: 1}}, series[0].Results)
	require.Equal(t, uint64(len(o.Tries)), series[0].Retries)
	require.Equal(t, o.Status == 0 || o.Status >= 500, series[0].Failures() == 1)
}

func TestOutcomeOfALimit(t *testing.T) {
	o := newObserver()
	gw := testgateway.Built(t, gateway.New().Observe(o).Backend("app", testhttp.Saying("app")).Route(spec.Route{
		Destinations: []spec.Destination{{Host: "app"}}, RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}},
	}))
	testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
	testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
	allowed, refused := o.next(t), o.next(t)
	require.Equal(t, 200, allowed.Status)
	require.Empty(t, allowed.Limit)
	require.Equal(t, "429 RL local_rate_limited -", summary(&refused))
	require.Equal(t, "1 per 1h0m0s", refused.Limit)
}

// The outcome says what was asked, by whom, and where it went.
func TestOutcomeOfARequest(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Answer", "42")
		_, _ = w.Write([]byte("hello"))
	}))
	defer behind.Close()
	o := newObserver()
	gw := testgateway.Built(t, gateway.New().Observe(o).BackendURL("app/v1", behind.URL).
		DestinationRule(spec.DestinationRule{Name: "app", Host: "app", Subsets: []spec.Subset{{Name: "v1"}}}).
		VirtualService(spec.VirtualService{Name: "shop", Hosts: []string{"*"}, Routes: []spec.Route{{
			Name: "cart", Match: []spec.Match{{Name: "any", URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "app", Port: 80, Subset: "v1"}},
		}}}))
	s := httptest.NewServer(gw.Listener(80))
	defer s.Close()
	r, err := http.NewRequest("POST", s.URL+"/cart/7?x=1", strings.NewReader("abc"))
	require.NoError(t, err)
	r.Header.Set("User-Agent", "test")
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "hello", string(body))

	got := o.next(t)
	require.Equal(t, "POST http "+strings.TrimPrefix(s.URL, "http://")+" /cart/7?x=1 HTTP/1.1", strings.Join([]string{got.Method, got.Scheme, got.Authority, got.Path, got.Protocol}, " "))
	require.Equal(t, "0.0.0.0_80 http.80 *", got.Listener+" "+got.RouteConfig+" "+got.VirtualHost)
	require.Equal(t, "default/shop cart.any", got.VirtualService+" "+got.Route)
	require.Equal(t, &observe.Destination{Cluster: "outbound|80|v1|app.default.svc.cluster.local", Host: "app.default.svc.cluster.local", Port: 80, Subset: "v1", Weight: 1, Total: 1}, got.Destination)
	require.Equal(t, behind.Listener.Addr().String(), got.Endpoint)
	require.Equal(t, "HTTP/1.1", got.UpstreamProtocol)
	require.Equal(t, s.Listener.Addr().String(), got.LocalAddress)
	require.Equal(t, "127.0.0.1", got.ClientAddress)
	require.Equal(t, int64(3), got.RequestBytes)
	require.Equal(t, int64(5), got.ResponseBytes)
	require.NotEmpty(t, got.RequestID)
	require.Equal(t, http.Header{"User-Agent": {"test"}, "X-Forwarded-For": {"127.0.0.1"}}, got.RequestHeader)
	require.Equal(t, http.Header{"X-Answer": {"42"}}, got.ResponseHeader)
}

// A response that is cut, a client that goes, and a handler that panics.
func TestOutcomesOfBrokenRequests(t *testing.T) {
	type setup struct {
		name    string
		handler http.HandlerFunc
		ask     func(t *testing.T, conn net.Conn)
		want    string
	}
	const app = " outbound|80||app.default.svc.cluster.local"
	read := func(t *testing.T, conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	for _, tt := range []setup{
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}, read, "200 UC upstream_reset_after_response_started" + app},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("oops") }, read, "0 LR handler_panic" + app},
		{"the client goes", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, func(t *testing.T, conn net.Conn) { require.NoError(t, conn.Close()) }, "0 DC downstream_remote_disconnect" + app},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newObserver()
			gw := testgateway.Built(t, gateway.New().Observe(o).Backend("app", tt.handler).Route(spec.Route{Destinations: []spec.Destination{{Host: "app", Port: 80}}}))
			s := httptest.NewUnstartedServer(gw)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.Start()
			defer s.Close()
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
			require.NoError(t, err)
			tt.ask(t, conn)
			got := o.next(t)
			require.Equal(t, tt.want, summary(&got))
			requireShown(t, &got)
		})
	}
}

// An upgraded connection has one outcome, at its end, with the bytes of both ways.
func TestOutcomeOfAnUpgrade(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	}))
	defer behind.Close()
	o := newObserver()
	gw := testgateway.Built(t, gateway.New().Observe(o).BackendURL("app", behind.URL).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}))
	s := httptest.NewServer(gw)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 101, response.StatusCode)
	_, err = io.WriteString(conn, "hi\n")
	require.NoError(t, err)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "echo hi\n", line)
	require.NoError(t, conn.Close())
	got := o.next(t)
	require.True(t, got.Upgraded)
	require.Equal(t, 101, got.Status)
	require.Equal(t, int64(3), got.RequestBytes)
	require.GreaterOrEqual(t, got.ResponseBytes, int64(8))
	require.Equal(t, "via_upstream", got.Details)
}

// Mirrors have outcomes of their own.
func TestOutcomesOfMirrors(t *testing.T) {
	o := newObserver()
	gw := testgateway.Built(t, gateway.New().Observe(o).Backend("app", testhttp.Saying("app")).
		Backend("copy", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "copy", Port: 80}}}}))
	testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
	byMirror := map[bool]observe.Outcome{}
	for range 2 {
		got := o.next(t)
		byMirror[got.Mirror] = got
	}
	require.Len(t, byMirror, 2)
	copied := byMirror[true]
	require.Equal(t, "500 - via_upstream outbound|80||copy.default.svc.cluster.local", summary(&copied))
}

// Requests that go to the next handler are observed too.
func TestOutcomeOfTheNextHandler(t *testing.T) {
	o := newObserver()
	gw := testgateway.Built(t, gateway.New().Observe(o).Backend("app", testhttp.Saying("app")).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/app")}}, Destinations: []spec.Destination{{Host: "app"}}}))
	testgateway.Serve(gw.Middleware(testhttp.Saying("next")), testhttp.Request(t, "GET", "/x"))
	got := o.next(t)
	require.Equal(t, 200, got.Status)
	require.Equal(t, "NR", got.Flags)
	require.Nil(t, got.Destination)
}

// Without observers, nothing is allocated for them.
func TestNoObserverCostsNothing(t *testing.T) {
	of := func(b *gateway.Builder) float64 {
		gw := testgateway.Built(t, b.Backend("app", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}))
		r := testhttp.Request(t, "GET", "/")
		w := testhttp.NewDiscarding()
		return testing.AllocsPerRun(100, func() { gw.ServeHTTP(w, r) })
	}
	without, with := of(gateway.New()), of(gateway.New().Observe(observe.Func(func(*observe.Outcome) {})))
	require.Less(t, with-without, 4.0)
	t.Logf("%v allocations without observers, %v with one", without, with)
}

// The memory of a record is used again. No request may show in the outcome of another.
func TestOutcomesAreApart(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-answer", r.URL.Path)
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	defer remote.Close()
	o := &observer{got: make(chan struct{}, 4000)}
	g, err := gateway.New().Observe(o).BackendURL("cart", remote.URL).
		Route(spec.Route{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "cart"}}}).
		Route(spec.Route{Name: "old", Match: []spec.Match{{URI: spec.Prefix("/old")}}, Redirect: &spec.Redirect{URI: "/new"}}).Build()
	require.NoError(t, err)
	defer g.Close()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				for _, path := range []string{"/cart", "/old", "/none"} {
					r := httptest.NewRequest("GET", fmt.Sprintf("http://shop.test%s/%d/%d", path, i, j), nil)
					r.RequestURI = r.URL.Path
					r.Header.Set("User-Agent", r.URL.Path)
					g.InPlace().ServeHTTP(httptest.NewRecorder(), r)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, outcome := range o.outcomes {
		require.False(t, seen[outcome.Path])
		seen[outcome.Path] = true
		require.Equal(t, []string{outcome.Path}, outcome.RequestHeader["User-Agent"])
		switch route, _, _ := strings.Cut(outcome.Path[1:], "/"); route {
		case "cart":
			require.Equal(t, "200 - via_upstream outbound|80||cart.default.svc.cluster.local", summary(&outcome))
			require.Equal(t, []string{outcome.Path}, outcome.ResponseHeader["X-Answer"])
			require.Equal(t, int64(len(outcome.Path)), outcome.ResponseBytes)
			require.Equal(t, "cart", outcome.Route)
		case "old":
			require.Equal(t, "301 - direct_response -", summary(&outcome))
			require.Equal(t, "old", outcome.Route)
		case "none":
			require.Equal(t, "404 NR route_not_found -", summary(&outcome))
			require.Empty(t, outcome.Route)
		}
	}
	require.Len(t, seen, 8*50*3)
}
