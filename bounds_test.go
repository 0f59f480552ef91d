package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// A body that is too long gets 413, from a service before that has an answer, and whether
// or not its length is known. A handler in the process gets an *http.MaxBytesError.
func TestMaxRequestBody(t *testing.T) {
	for _, p := range testhttp.Protocols {
		for _, row := range []struct {
			name           string
			gateway, route int64
			length         int
			chunked        bool
			timed          bool
			want           int
			reached        bool // the backend sees the request
		}{
			{name: "exactly", gateway: 10, length: 10, want: 200, reached: true},
			{name: "exactly, chunked", gateway: 10, length: 10, chunked: true, want: 200, reached: true},
			{name: "longer", gateway: 10, length: 11, want: 413},
			{name: "longer, chunked", gateway: 10, length: 11, chunked: true, want: 413, reached: true},
			{name: "longer, chunked, timed", gateway: 10, length: 11, chunked: true, timed: true, want: 413, reached: true},
			{name: "much longer, chunked", gateway: 10, length: 1 << 20, chunked: true, want: 413, reached: true},
			{name: "no body", gateway: 10, want: 200, reached: true},
			{name: "the route allows more", gateway: 10, route: 20, length: 20, want: 200, reached: true},
			{name: "the route allows less", gateway: 20, route: 10, length: 20, want: 413},
			{name: "the route allows all", gateway: 10, route: spec.NoLimit, length: 1000, want: 200, reached: true},
			{name: "no limit", length: 1 << 20, chunked: true, want: 200, reached: true},
		} {
			t.Run(p.Name+" "+row.name, func(t *testing.T) {
				seen := make(chan error, 1)
				backend, url := testhttp.Protocols[0].Client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, err := io.Copy(io.Discard, r.Body)
					seen <- err
				}))
				backend.CloseIdleConnections()
				route := spec.Route{MaxRequestBody: row.route, Destinations: []spec.Destination{{Host: "a"}}}
				if row.timed {
					route.Timeout = time.Minute
				}
				gw := built(t, New().MaxRequestBody(row.gateway).Route(route).BackendURL("a", url))
				for name, h := range map[string]http.Handler{"lent": gw, "owned": gw.InPlace()} {
					client, url := p.Client(t, h)
					var body io.Reader = strings.NewReader(strings.Repeat("x", row.length))
					if row.chunked {
						body = io.MultiReader(body)
					}
					response, err := client.Post(url, "text/plain", body)
					require.NoError(t, err, name)
					text, err := io.ReadAll(response.Body)
					require.NoError(t, err, name)
					response.Body.Close()
					require.Equal(t, row.want, response.StatusCode, name)
					if row.want == 413 {
						require.Equal(t, "Payload Too Large", string(text))
					}
					if row.reached {
						require.Equal(t, row.want == 200, <-seen == nil, "the backend must see a body that is cut as such")
					}
					require.Empty(t, seen)
				}
			})
		}
	}
}

// A handler in the process meets what http.MaxBytesReader does.
func TestMaxRequestBodyOfHandlers(t *testing.T) {
	var failed error
	gw := built(t, New().MaxRequestBody(3).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("a", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var text []byte
		text, failed = io.ReadAll(r.Body)
		_, _ = w.Write(text)
	})))
	r := testhttp.Request(t, "POST", "/")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("abcd")), -1
	w := serve(gw, r)
	var over *http.MaxBytesError
	require.ErrorAs(t, failed, &over)
	require.EqualValues(t, 3, over.Limit)
	require.Equal(t, "abc", w.Body.String())

	r = testhttp.Request(t, "POST", "/", "Content-Type: application/grpc")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("abcd")), 4
	w = serve(gw, r)
	require.Equal(t, "8", w.Header().Get("Grpc-Status"))
}

// A request beyond the bound is refused at once; one that ends makes room, however it
// ends. The figures go on in the next configuration.
func TestMaxRequests(t *testing.T) {
	for _, row := range []struct {
		name       string
		gateway    int
		route      int
		semantics  Semantics
		body       string
		overloaded string
	}{
		{"gateway", 2, 0, Native, "overloaded", ""},
		{"route", 0, 2, Native, "overloaded", ""},
		{"both", 3, 2, Native, "overloaded", ""},
		{"as Envoy", 2, 0, Envoy, "envoy overloaded", "true"},
	} {
		t.Run(row.name, func(t *testing.T) {
			running, end := make(chan struct{}), make(chan bool)
			configured := func() *Builder {
				return New().Semantics(row.semantics).MaxRequests(row.gateway).Route(spec.Route{MaxRequests: row.route, Destinations: []spec.Destination{{Host: "a"}}}).
					Backend("a", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
						running <- struct{}{}
						if <-end {
							panic(http.ErrAbortHandler)
						}
					}))
			}
			gw := built(t, configured())
			over := make(chan struct{})
			begin := func() {
				go func() {
					defer func() { _ = recover(); over <- struct{}{} }()
					serve(gw, testhttp.Request(t, "GET", "/"))
				}()
				<-running
			}
			refused := func() {
				w := serve(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, 503, w.Code)
				require.Equal(t, "1", w.Header().Get("Retry-After"))
				require.Equal(t, row.body, w.Body.String())
				require.Equal(t, row.overloaded, w.Header().Get("X-Envoy-Overloaded"))
			}
			begin()
			begin()
			refused()
			if row.gateway == 2 {
				require.NoError(t, gw.Replace(configured()))
				refused()
				require.EqualValues(t, 2, gw.Status().Load.Active)
				require.EqualValues(t, 2, gw.Status().Load.Shed)
			}
			for _, panics := range []bool{true, false} {
				end <- panics
				<-over
				begin()
				refused()
			}
			for range 2 {
				end <- false
				<-over
			}
			require.Zero(t, gw.Status().Load.Active)
			loads := gw.Loads()
			require.EqualValues(t, row.gateway, loads.Gateway.Most)
			if row.route == 0 {
				require.Empty(t, loads.Routes)
				return
			}
			require.Len(t, loads.Routes, 1, "tables and matches of a route have one load")
			require.Equal(t, observe.RouteLoad{Listener: "0.0.0.0_80", VirtualService: "default/", Load: observe.Load{Most: 2, Shed: 3}}, loads.Routes[0])
		})
	}
}

// Decide knows the answer to a body whose length is known.
func TestDecideAboutLongBodies(t *testing.T) {
	gw := built(t, New().Route(spec.Route{MaxRequestBody: 10, Destinations: []spec.Destination{{Host: "a"}}}).Backend("a", http.NotFoundHandler()))
	for _, row := range []struct {
		length int64
		kind   DecisionKind
		status int
	}{{10, DecisionForward, 0}, {11, DecisionTooLarge, 413}, {-1, DecisionForward, 0}} {
		r := testhttp.Request(t, "POST", "/")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("")), row.length
		d := gw.Decide(r)
		require.Equal(t, []any{row.kind, row.status}, []any{d.Kind, d.Status}, row.length)
		require.Equal(t, row.status == 0, len(d.Destinations) == 1)
		text := gw.Explain(r).String()
		require.Equal(t, row.status != 0, strings.Contains(text, "413 refused, the body is too long"), text)
		if row.status != 0 {
			require.Equal(t, "Payload Too Large", d.Body)
		}
	}
}

func TestBoundsAreValidated(t *testing.T) {
	_, err := New().MaxRequests(-1).MaxRequestBody(-5).Route(spec.Route{MaxRequests: -1, MaxRequestBody: -2, DirectResponse: &spec.DirectResponse{Status: 200}}).Build()
	require.ErrorContains(t, err, "-1 is not a number of requests, 0 or more is expected")
	require.ErrorContains(t, err, "-5 is not a number of bytes, 0 or more is expected")
	require.ErrorContains(t, err, "-2 is not a number of bytes")
	require.ErrorContains(t, err, "MaxRequests: -1 is not a number of requests")
}
