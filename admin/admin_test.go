package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary returns a gateway with a split, its metrics, and its pages.
func canary(t *testing.T, fails func() bool) (*gateway.Gateway, *Pages, *time.Time) {
	t.Helper()
	counts := new(metrics.Metrics)
	answer := func(fails func() bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if fails() {
				w.WriteHeader(500)
			}
		})
	}
	n := uint64(0)
	gw, err := gateway.New().Observe(counts).Random(func() uint64 { n++; return n }).
		Backend("cart/v1", answer(func() bool { return false })).Backend("cart/v2", answer(fails)).
		DestinationRule(spec.DestinationRule{Name: "cart", Host: "cart", Subsets: []spec.Subset{{Name: "v1"}, {Name: "v2"}}}).
		VirtualService(spec.VirtualService{Name: "shop", Hosts: []string{"shop.test"}, Routes: []spec.Route{
			{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "cart", Subset: "v1", Weight: 90}, {Host: "cart", Subset: "v2", Weight: 10}}},
			{Name: "old", Match: []spec.Match{{URI: spec.Prefix("/<script>")}}, Redirect: &spec.Redirect{URI: "/new"}},
			{Name: "gone", Match: []spec.Match{{URI: spec.Prefix("/gone")}}, Destinations: []spec.Destination{{Host: "nowhere"}}},
		}}).Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	return gw, newPages(gw, Config{Metrics: counts}, func() time.Time { return now }), &now
}

func send(gw *gateway.Gateway, path string, n int) {
	for range n {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "shop.test"
		gw.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func get(t *testing.T, h http.Handler, path string, set ...func(*http.Request)) (int, string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "localhost:9901"
	for _, f := range set {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestStatusPage(t *testing.T) {
	failing := 0
	gw, p, now := canary(t, func() bool { failing++; return failing%4 == 0 })
	_, before := get(t, p, "/")
	require.Contains(t, before, "default/shop cart")
	require.NotContains(t, before, "Splits", "there are no requests to compare")
	send(gw, "/cart/1", 1000)
	send(gw, "/gone", 1)
	send(gw, "/none", 2)
	*now = now.Add(10 * time.Second)
	code, page := get(t, p, "/")
	require.Equal(t, 200, code)
	for _, text := range []string{
		"outbound|80|v1|cart.default.svc.cluster.local", "90/100", "1,003", "100</b><span class=\"soft\">requests per second",
		"503: no backend", "redirect 301 uri &#34;/new&#34;", "/&lt;script&gt;",
	} {
		require.Contains(t, page, text)
	}
	require.Regexp(t, `cart/v2 fails more often than cart/v1: 2\d\.\d % against 0\.0 % \(99 % sure\)\.`, page)
	require.NotContains(t, page, "<script", "what the configuration says is escaped")

	_, found := get(t, p, "/?q=gone")
	require.Contains(t, found, "1 of 3")
	require.NotContains(t, found, "default/shop old")
	require.NotContains(t, found, "http-equiv", "a page with a search does not refresh itself")
	_, none := get(t, p, "/?q=%22%3E%3Cem%3E")
	require.Contains(t, none, "No route has this text")
	require.NotContains(t, none, `"><em>`)
}

func TestStatusJSON(t *testing.T) {
	gw, p, now := canary(t, func() bool { return false })
	send(gw, "/cart/1", 100)
	*now = now.Add(10 * time.Second)
	code, text := get(t, p, "/status.json")
	require.Equal(t, 200, code)
	var d struct {
		Generation uint64
		Total      Figures
		Listeners  []observe.Listener
		Figures    []struct {
			Route, Destination string
			Requests           uint64
			Rate               float64
		}
		Warnings []string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	require.Equal(t, uint64(1), d.Generation)
	require.Equal(t, uint64(100), d.Total.Requests)
	require.InDelta(t, 10, d.Total.Rate, 0.001)
	require.Len(t, d.Listeners[0].Tables[0].Hosts[0].Routes, 3)
	require.Len(t, d.Figures, 2)
	require.Equal(t, "cart", d.Figures[0].Route)
	require.NotEmpty(t, d.Warnings)

	require.NoError(t, gw.Replace(gateway.New()))
	_, text = get(t, p, "/status.json")
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	require.Equal(t, uint64(2), d.Generation)
}

// A configuration that was not taken over is shown with its errors.
func TestFailedConfiguration(t *testing.T) {
	gw, err := gateway.New().Build()
	require.NoError(t, err)
	defer gw.Close()
	var failure error
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	p := New(gw, Config{Failed: func() (time.Time, error) { return at, failure }})
	for _, path := range []string{"/", "/status", "/status.json"} {
		failure = nil
		code, page := get(t, p, path)
		require.Equal(t, 200, code)
		require.NotContains(t, page, "not in service")
		require.NotContains(t, page, "Fail\"")
		failure = errors.Join(
			&spec.Error{Finding: spec.Finding{File: "a.yaml", Line: 3, Column: 5, Problem: "<b> is not a host name"}},
			&spec.Error{Finding: spec.Finding{File: "b.yaml", Problem: "no such file"}})
		_, page = get(t, p, path)
		require.Contains(t, page, "a.yaml:3:5: ")
		require.Contains(t, page, "b.yaml: no such file")
		require.NotContains(t, page, "<b>")
	}
	failure = errors.New("the port is taken")
	_, page := get(t, p, "/")
	require.Contains(t, page, "The latest configuration is not in service")
	require.Contains(t, page, "2026-11-27 12:00:00 UTC, one error; the one before stays")
	require.Contains(t, page, "the port is taken")
}

// Figures are those of the last minute.
func TestLiveFigures(t *testing.T) {
	gw, p, now := canary(t, func() bool { return false })
	total := func() Figures {
		r := httptest.NewRequest("GET", "/", nil)
		return p.view(r).Total
	}
	send(gw, "/gone", 60)
	*now = now.Add(time.Minute)
	require.InDelta(t, 1, total().Rate, 0.001)
	for range 30 {
		*now = now.Add(5 * time.Second)
		send(gw, "/gone", 50)
		total()
	}
	last := total()
	require.InDelta(t, 10, last.Rate, 1)
	require.Equal(t, uint64(60+30*50), last.Requests)
	require.LessOrEqual(t, len(p.earlier), 32)
}

func TestDecidePage(t *testing.T) {
	_, p, _ := canary(t, func() bool { return false })
	code, page := get(t, p, "/decide")
	require.Equal(t, 200, code)
	require.NotContains(t, page, "class=\"card worse\"", "nothing was asked yet")
	_, page = get(t, p, "/decide?method=get&url=http%3A%2F%2Fshop.test%2Fcart%2F1%3Fx%3D1&headers=X-User%3A%20ann")
	require.Contains(t, page, "&gt; 0 default/shop cart  takes the request: path prefix &#34;/cart&#34;")
	require.Contains(t, page, "ann")
	code, text := get(t, p, "/decide?url=http://shop.test/old&format=json")
	require.Equal(t, 200, code)
	require.Contains(t, text, `"kind": "notFound"`)
	for _, url := range []string{"shop.test", "ftp://shop.test/", "http://a:b@shop.test/", "http://shop.test/%zz"} {
		code, text = get(t, p, "/decide?format=json&url="+strings.ReplaceAll(url, "%", "%25"))
		require.Equal(t, 400, code, url)
		require.Contains(t, text, `"error"`)
	}
	code, _ = get(t, p, "/decide?format=json&url=http://shop.test/&headers=a%0d%0a%0d%0aGET%20/%20HTTP/1.1")
	require.Equal(t, 400, code)
}

// A web page under a name of its own cannot read the pages through a browser on this
// machine.
func TestUnknownNamesAreRefused(t *testing.T) {
	gw, _, _ := canary(t, func() bool { return false })
	p := New(gw, Config{Hosts: []string{"status.internal"}})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:9901": 200, "127.0.0.1:9901": 200, "[::1]:9901": 200, "10.0.0.1": 200, "status.internal:80": 200, "Status.Internal": 200,
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.nip.io:9901": 403, "": 403,
	} {
		code, _ := get(t, p, "/healthz", func(r *http.Request) { r.Host = host })
		require.Equal(t, want, code, host)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		code, _ := get(t, p, "/", func(r *http.Request) { r.Method = method })
		require.Equal(t, 405, code, "the pages only read")
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "localhost"
	p.ServeHTTP(w, r)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), styleHash)
	require.Contains(t, w.Body.String(), "<style>"+style+"</style>", "so that the hash is that of the style")
	code, _ := get(t, p, "/metrics")
	require.Equal(t, 404, code, "there are none")
	code, _ = get(t, p, "/debug/pprof/")
	require.Equal(t, 404, code, "only when asked for")
	code, _ = get(t, New(gw, Config{Pprof: true}), "/debug/pprof/")
	require.Equal(t, 200, code)
}

func TestReadiness(t *testing.T) {
	gw, _, _ := canary(t, func() bool { return false })
	listeners := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	p := New(gw, Config{Listeners: listeners})
	code, _ := get(t, p, "/readyz")
	require.Equal(t, 503, code)
	require.NoError(t, listeners.Start())
	code, _ = get(t, p, "/readyz")
	require.Equal(t, 200, code)
	_, page := get(t, p, "/")
	require.Contains(t, page, listeners.Addr(80).String())
	require.NoError(t, listeners.Shutdown(t.Context()))
	code, _ = get(t, p, "/readyz")
	require.Equal(t, 503, code)
	code, _ = get(t, p, "/healthz")
	require.Equal(t, 200, code)
}

func TestListen(t *testing.T) {
	gw, _, _ := canary(t, func() bool { return false })
	stop, addr, err := New(gw, Config{}).Listen("127.0.0.1:0")
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + addr.String() + "/healthz")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "ok\n", string(body))
	_, _, err = New(gw, Config{}).Listen(addr.String())
	require.Error(t, err)
	stop()
}

func TestVerdicts(t *testing.T) {
	of := func(subset string, requests, failures uint64) *destinationView {
		d := new(destinationView)
		d.Host, d.Subset, d.Requests, d.Failures = "cart.default.svc.cluster.local", subset, requests, failures
		return d
	}
	for _, tt := range []struct {
		stable, fresh [2]uint64
		want          string
		worse         bool
	}{
		{[2]uint64{1000, 0}, [2]uint64{10, 10}, "Too few requests to compare: cart/v2 has had 10.", false},
		{[2]uint64{10, 0}, [2]uint64{100, 0}, "Too few requests to compare: cart/v1 has had 10.", false},
		{[2]uint64{1000, 1000}, [2]uint64{100, 100}, "Both fail every request.", true},
		{[2]uint64{1000, 0}, [2]uint64{100, 0}, "Both do equally well: no request has failed.", false},
		{[2]uint64{9000, 90}, [2]uint64{1000, 12}, "No difference in failures that could not be chance.", false},
		{[2]uint64{9000, 90}, [2]uint64{1000, 30}, "cart/v2 fails more often than cart/v1: 3.00 % against 1.00 % (99 % sure).", true},
		{[2]uint64{9000, 90}, [2]uint64{1000, 17}, "cart/v2 probably fails more often than cart/v1: 1.70 % against 1.00 % (95 % sure).", true},
		{[2]uint64{9000, 900}, [2]uint64{1000, 10}, "cart/v2 fails less often than cart/v1: 1.00 % against 10.0 %.", false},
	} {
		text, worse := verdict(of("v1", tt.stable[0], tt.stable[1]), of("v2", tt.fresh[0], tt.fresh[1]))
		require.Equal(t, tt.want, text)
		require.Equal(t, tt.worse, worse)
	}
}

func TestIntervals(t *testing.T) {
	none := shareOf(0, 0)
	require.Equal(t, interval{0, 0, 1}, none)
	half := shareOf(50, 100)
	require.InDelta(t, 0.404, half.Low, 0.001)
	require.InDelta(t, 0.596, half.High, 0.001)
	require.Equal(t, "1,234,567", grouped(1234567))
	require.Equal(t, "12", grouped(12))
}

// A page of a gateway with 10,000 routes shows a hundred.
func TestManyRoutes(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 500
	}
	b := gateway.New().Backend("*", http.NotFoundHandler())
	for i := range n {
		b.Route(spec.Route{Name: fmt.Sprintf("r%d", i), Match: []spec.Match{{URI: spec.Prefix(fmt.Sprintf("/p%d/", i))}}, Destinations: []spec.Destination{{Host: "app"}}})
	}
	gw, err := b.Build()
	require.NoError(t, err)
	defer gw.Close()
	p := New(gw, Config{})
	_, page := get(t, p, "/")
	require.Equal(t, pageSize, strings.Count(page, `class="match"`))
	require.Contains(t, page, fmt.Sprintf("page 1 of %d", n/pageSize))
	_, page = get(t, p, "/?page=2")
	require.Contains(t, page, "/p100/")
	_, page = get(t, p, "/?q=p7/")
	require.Equal(t, 1, strings.Count(page, `class="match"`))
}
