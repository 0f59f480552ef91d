package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestZeroGatewayCanBeReplaced(t *testing.T) {
	var gw Gateway
	require.Equal(t, 404, serve(&gw, testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 404, serve(gw.Listener(80), testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, "next", serve(gw.Middleware(testhttp.Saying("next")), testhttp.Request(t, "GET", "/")).Body.String())
	require.Empty(t, gw.Listeners())
	require.Empty(t, gw.Warnings())
	require.NoError(t, gw.Replace(New().Backend("a", testhttp.Saying("a")).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}})))
	require.Equal(t, "a", serve(&gw, testhttp.Request(t, "GET", "/")).Body.String())
	require.NoError(t, gw.Close())
	var other Gateway
	require.NoError(t, other.Close())
}

func TestFallbackAndMiddleware(t *testing.T) {
	route := spec.Route{Match: []spec.Match{{URI: spec.Prefix("/a")}}, Destinations: []spec.Destination{{Host: "a"}}}
	gw := built(t, New().Backend("a", testhttp.Saying("a")).Route(route).Fallback(testhttp.Saying("fallback")))
	next := gw.Middleware(testhttp.Saying("next"))
	for _, row := range []struct{ Path, bare, wrapped string }{
		{"/a", "a", "a"}, {"/b", "fallback", "next"}, {"/ab", "a", "a"}, {"/A", "fallback", "next"},
	} {
		require.Equal(t, row.bare, serve(gw, testhttp.Request(t, "GET", row.Path)).Body.String(), row.Path)
		require.Equal(t, row.wrapped, serve(next, testhttp.Request(t, "GET", row.Path)).Body.String(), row.Path)
	}
	require.Equal(t, 400, serve(next, testhttp.Request(t, "GET", "/a%00b")).Code, "what is refused before routing does not reach next")

	// next gets the unchanged request.
	var got *http.Request
	in := testhttp.Request(t, "GET", "/b//c?x=%zz", "X-Forwarded-For: 198.51.100.1", "Connection: close")
	serve(gw.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })), in)
	require.Same(t, in, got)
}

// A request uses one program from its beginning to its end.
func TestReplaceUnderLoad(t *testing.T) {
	// Each program pairs a request header with a backend of the same number.
	program := func(n int) *Builder {
		number := strconv.Itoa(n)
		return New().Backend("a", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Header.Get("X-Program")+" "+number)
		})).Route(spec.Route{
			Destinations: []spec.Destination{{Host: "a"}},
			Headers: spec.Headers{
				Request:  spec.HeaderOperations{Set: map[string]string{"X-Program": number}},
				Response: spec.HeaderOperations{Set: map[string]string{"X-Program": number}},
			},
			RateLimits: []spec.RateLimit{{Requests: 1 << 30, Unit: time.Hour}},
		})
	}
	gw := built(t, program(0))
	var stop atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			last := 0
			for !stop.Load() {
				w := serve(gw, httptest.NewRequest("GET", "/", nil))
				inner, outer, _ := strings.Cut(w.Body.String(), " ")
				if inner != outer || inner != w.Header().Get("X-Program") {
					panic(w.Body.String() + " / " + w.Header().Get("X-Program"))
				}
				n := 0
				for _, c := range inner {
					n = n*10 + int(c-'0')
				}
				if n < last {
					panic("an old program came back")
				}
				last = n
			}
		})
	}
	for n := 1; n <= 200; n++ {
		if n%10 == 0 {
			require.Error(t, gw.Replace(New().Route(spec.Route{})))
		}
		require.NoError(t, gw.Replace(program(n)))
		require.Equal(t, strconv.Itoa(n)+" "+strconv.Itoa(n), serve(gw, httptest.NewRequest("GET", "/", nil)).Body.String())
	}
	stop.Store(true)
	all.Wait()
}

func TestReplaceThatFails(t *testing.T) {
	gw := built(t, New().Backend("a", testhttp.Saying("old")).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, RateLimits: []spec.RateLimit{{Requests: 3, Unit: time.Hour}}}))
	require.Equal(t, "old", serve(gw, testhttp.Request(t, "GET", "/")).Body.String())
	err := gw.Replace(New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a", Weight: -1}}}))
	var problem *spec.Error
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "old", serve(gw, testhttp.Request(t, "GET", "/")).Body.String())
	require.Equal(t, []int{200, 429}, testhttp.Codes(gw, 2), "nor have the counts changed")
	_, err = New().Load(sourceFunc(func() (spec.Declarations, error) { return spec.Declarations{}, errors.New("unreadable") })).Build()
	require.ErrorContains(t, err, "unreadable")
}

// A sourceFunc is a Source.
type sourceFunc func() (spec.Declarations, error)

func (f sourceFunc) Declare() (spec.Declarations, error) { return f() }

// A replacement does not affect requests or mirrors in flight.
func TestReplaceLetsRequestsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cancelled atomic.Bool
		slow := func(text string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(time.Minute):
				case <-r.Context().Done():
					cancelled.Store(true)
				}
				_, _ = io.WriteString(w, text)
			})
		}
		build := func(text string) *Builder {
			return New().Backend("a", slow(text)).Backend("mirror", slow("")).
				Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "mirror"}}}})
		}
		gw := built(t, build("old"))
		var body string
		go func() { body = serve(gw, httptest.NewRequest("GET", "/", nil)).Body.String() }()
		time.Sleep(time.Second)
		require.NoError(t, gw.Replace(build("new")))
		require.Equal(t, "new", serve(gw, httptest.NewRequest("GET", "/", nil)).Body.String())
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, "old", body)
		require.False(t, cancelled.Load())
		go serve(gw, httptest.NewRequest("GET", "/", nil))
		time.Sleep(time.Second)
		require.NoError(t, gw.Close())
		require.True(t, cancelled.Load(), "Close ends the mirrors of all programs")
		time.Sleep(time.Hour)
	})
}

func TestClose(t *testing.T) {
	backend := httptest.NewServer(testhttp.Saying("remote"))
	defer backend.Close()
	var mirrored atomic.Int32
	gw, err := New().BackendURL("a", backend.URL).
		Backend("mirror", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { mirrored.Add(1) })).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "mirror"}}}}).Build()
	require.NoError(t, err)
	require.Equal(t, "remote", serve(gw, httptest.NewRequest("GET", "/", nil)).Body.String())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := gw.Close(); err != nil {
				panic(err)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, mirrored.Load())
	require.Equal(t, "remote", serve(gw, httptest.NewRequest("GET", "/", nil)).Body.String(), "a late request is served")
	require.EqualValues(t, 1, mirrored.Load())
	require.ErrorIs(t, gw.Replace(New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}})), http.ErrServerClosed)
}

// Connections to unchanged services survive a replacement.
func TestReplaceKeepsConnections(t *testing.T) {
	var dialled atomic.Int32
	backend := httptest.NewUnstartedServer(testhttp.Saying("remote"))
	backend.Config.ConnState = nil
	seen := map[string]bool{}
	var mu sync.Mutex
	backend.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !seen[r.RemoteAddr] {
			seen[r.RemoteAddr] = true
			dialled.Add(1)
		}
	})
	backend.Start()
	defer backend.Close()
	build := func(name string) *Builder {
		return New().BackendURL("a", backend.URL).Route(spec.Route{Name: name, Destinations: []spec.Destination{{Host: "a"}}})
	}
	gw := built(t, build("one"))
	for _, name := range []string{"two", "three"} {
		require.Equal(t, 200, serve(gw, httptest.NewRequest("GET", "/", nil)).Code)
		require.NoError(t, gw.Replace(build(name)))
	}
	require.Equal(t, 200, serve(gw, httptest.NewRequest("GET", "/", nil)).Code)
	require.EqualValues(t, 1, dialled.Load())
}

func TestListeners(t *testing.T) {
	server := func(port int, bind string) spec.Server {
		return spec.Server{Gateway: "gw" + strconv.Itoa(port) + bind, Port: port, PortName: "http", Protocol: "HTTP", Bind: bind, Hosts: []string{"*"}}
	}
	build := func(servers ...spec.Server) *Builder {
		b := New().Backend("a", testhttp.Saying("a")).VirtualService(spec.VirtualService{
			Name: "vs", Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{
				{Match: []spec.Match{{Port: 8080}}, Destinations: []spec.Destination{{Host: "a"}}},
				{Match: []spec.Match{{Port: 9090}}, DirectResponse: &spec.DirectResponse{Status: 203}},
			},
		})
		for _, s := range servers {
			b.Server(s)
		}
		return b
	}
	gw := built(t, build(server(9090, ""), server(8080, "")))
	var ports []int
	for _, l := range gw.Listeners() {
		ports = append(ports, l.Port())
		require.Empty(t, l.Bind())
		require.False(t, l.TLS())
	}
	require.Equal(t, []int{8080, 9090}, ports)
	eight, nine, ten := gw.Listener(8080), gw.Listener(9090), gw.Listener(10000)
	require.Equal(t, 200, serve(eight, testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 203, serve(nine, testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 404, serve(ten, testhttp.Request(t, "GET", "/")).Code)

	// A listener follows replacements, even for a port that did not exist.
	require.NoError(t, gw.Replace(build(server(8080, ""), server(10000, ""))))
	require.Equal(t, 200, serve(eight, testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 404, serve(nine, testhttp.Request(t, "GET", "/")).Code)
	require.Equal(t, 404, serve(ten, testhttp.Request(t, "GET", "/")).Code)
}

func TestWarningsAreThoseOfTheProgram(t *testing.T) {
	gw := built(t, New().Backend("a", testhttp.Saying("a")).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}))
	require.Empty(t, gw.Warnings())
	odd := spec.Route{Destinations: []spec.Destination{{Host: "a"}}, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 500}}}
	b := New().Backend("a", testhttp.Saying("a")).Route(odd)
	require.NoError(t, gw.Replace(b))
	require.Len(t, gw.Warnings(), 1)
	require.Equal(t, b.Warnings(), gw.Warnings())
	require.Error(t, gw.Replace(New().Route(spec.Route{})))
	require.Len(t, gw.Warnings(), 1)
}
