package program_test

import (
	"context"
	"io"
	"log/slog"
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

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// mirrored is a gateway whose route goes to main and is mirrored to the others.
func mirrored(t *testing.T, r spec.Route, main http.Handler, copies ...http.Handler) *gateway.Gateway {
	t.Helper()
	b := gateway.New().Backend("main", main)
	r.Destinations = []spec.Destination{{Host: "main"}}
	for i, h := range copies {
		host := "mirror" + strconv.Itoa(i)
		if i >= len(r.Mirrors) {
			r.Mirrors = append(r.Mirrors, spec.Mirror{})
		}
		r.Mirrors[i].Destination.Host = host
		b.Backend(host, h)
	}
	return testgateway.Built(t, b.Route(r))
}

func percentOf(p float64) *float64 { return &p }

// readAll is a handler that keeps what it reads.
func readAll(into *string, failed *error) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		*into, *failed = string(text), err
	})
}

func TestMirrorShares(t *testing.T) {
	for _, row := range []struct {
		name    string
		percent *float64
		drawn   uint64
		Sent    bool
	}{
		{"all by default", nil, 999_999, true},
		{"all", percentOf(100), 999_999, true},
		{"none", percentOf(0), 0, false},
		{"half, the first of it", percentOf(50), 0, true},
		{"half, the last of it", percentOf(50), 499_999, true},
		{"half, beyond", percentOf(50), 500_000, false},
		{"the least", percentOf(0.0001), 0, true},
		{"the least, beyond", percentOf(0.0001), 1, false},
		{"all but the least", percentOf(99.9999), 999_998, true},
		{"all but the least, beyond", percentOf(99.9999), 999_999, false},
		{"modulo a million", percentOf(50), 7_000_000, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int32
				gw := testgateway.Built(t, gateway.New().Random(func() uint64 { return row.drawn }).Backend("main", testhttp.AnswerOK).
					Backend("mirror", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sent.Add(1) })).
					Route(spec.Route{Destinations: []spec.Destination{{Host: "main"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "mirror"}, Percent: row.percent}}}))
				testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
				synctest.Wait()
				require.Equal(t, row.Sent, sent.Load() == 1)
			})
		})
	}
}

// One number is drawn for all mirrors: two mirrors of half the requests get the
// same half.
func TestMirrorsShareADraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drawn := uint64(0)
		var first, second atomic.Int32
		count := func(n *atomic.Int32) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n.Add(1) })
		}
		gw := testgateway.Built(t, gateway.New().Random(func() uint64 { drawn += 300_000; return drawn }).Backend("main", testhttp.AnswerOK).
			Backend("first", count(&first)).Backend("second", count(&second)).
			Route(spec.Route{Destinations: []spec.Destination{{Host: "main"}}, Mirrors: []spec.Mirror{
				{Destination: spec.Destination{Host: "first"}, Percent: percentOf(50)}, {Destination: spec.Destination{Host: "second"}, Percent: percentOf(50)},
				{Destination: spec.Destination{Host: "nowhere"}, Percent: percentOf(100)},
			}}))
		for range 100 {
			testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
			synctest.Wait()
			require.Equal(t, first.Load(), second.Load())
		}
		require.InDelta(t, 50, first.Load(), 10)
	})
}

func TestMirrorGetsWhatTheDestinationGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *http.Request
		var body string
		var failed error
		spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			readAll(&body, &failed).ServeHTTP(w, r)
			got = r
			w.Header().Set("X-From", "mirror")
			w.WriteHeader(500)
		})
		var main *http.Request
		gw := mirrored(t, spec.Route{
			Match: []spec.Match{{URI: spec.Prefix("/a")}}, Rewrite: &spec.Rewrite{URI: "/b", Authority: "b.com"},
			Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"X-Set": "1"}, Remove: []string{"X-Gone"}}},
		}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			main = r.Clone(context.Background())
			_, _ = io.ReadAll(r.Body)
			r.Header.Set("X-Set", "2")
			r.URL.Path = "/changed"
			w.WriteHeader(201)
		}), spy)
		r := httptest.NewRequest("POST", "http://a.com/a/x?q=1", strings.NewReader("body"))
		r.Header.Set("X-Gone", "1")
		w := testgateway.Serve(gw, r)
		synctest.Wait()
		require.Equal(t, 201, w.Code)
		require.NotContains(t, w.Header(), "X-From")
		require.NoError(t, failed)
		require.Equal(t, "body", body)
		require.Equal(t, "/b/x?q=1", got.URL.RequestURI())
		require.Equal(t, main.Header, got.Header)
		require.Equal(t, []string{"b.com", "POST"}, []string{got.Host, got.Method})
		require.EqualValues(t, 4, got.ContentLength)
	})
}

func TestMirrorOutlivesTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var during, after error
		gw := mirrored(t, spec.Route{}, testhttp.AnswerOK, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Minute)
			during = r.Context().Err()
			<-r.Context().Done()
			after = r.Context().Err()
		}))
		ctx, cancel := context.WithCancel(context.Background())
		_, took, _ := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/").WithContext(ctx))
		cancel()
		require.Zero(t, took, "a slow mirror keeps nobody waiting")
		time.Sleep(2 * time.Minute)
		require.NoError(t, gw.Close())
		require.NoError(t, during)
		require.ErrorIs(t, after, context.Canceled, "Close ends it, and waits")
	})
}

func TestMirrorHasTheRoutesTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var took time.Duration
		gw := mirrored(t, spec.Route{Timeout: time.Second}, testhttp.AnswerOK, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			took = time.Since(began)
		}))
		testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, time.Second, took)
	})
}

// A mirror that is too slow loses its copy. The client's exchange is not
// affected.
func TestMirrorThatFallsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var body string
		var failed error
		var copied int64
		gw := mirrored(t, spec.Route{}, readAll(&body, &failed), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Hour)
			copied, _ = io.Copy(io.Discard, r.Body)
			_, err := r.Body.Read(make([]byte, 1))
			if err != forward.ErrSlowCopy {
				panic(err)
			}
		}))
		text := strings.Repeat("x", 3*forward.MirrorLag)
		_, took, _ := testhttp.OutcomeOf(gw, httptest.NewRequest("POST", "/", strings.NewReader(text)))
		require.Zero(t, took)
		require.NoError(t, failed)
		require.True(t, text == body)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Zero(t, copied)
	})
}

func TestMirrorsBodyEnds(t *testing.T) {
	read := func(n int64) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, n) })
	}
	for _, row := range []struct {
		name string
		main http.Handler
		body string
		err  error
	}{
		{"all read", read(100), "0123456789", nil},
		{"half read", read(5), "01234", forward.ErrCutBody},
		{"not read", testhttp.AnswerOK, "", forward.ErrCutBody},
		{"panicked", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "", forward.ErrCutBody},
	} {
		for _, route := range []spec.Route{{}, {Timeout: time.Minute}, {Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}} {
			t.Run(row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var body string
					var failed error
					gw := mirrored(t, route, row.main, readAll(&body, &failed))
					_, _, _ = testhttp.OutcomeOf(gw, httptest.NewRequest("POST", "/", &testhttp.SlowBody{Parts: []string{"01234", "56789"}, Err: io.EOF}))
					synctest.Wait()
					if route.Timeout == 0 { // otherwise the body is read ahead
						require.Equal(t, row.body, body)
						require.Equal(t, row.err, failed)
					}
				})
			})
		}
	}
}

func TestMirrorOfARetriedRequestIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &testhttp.Script{Steps: []testhttp.Step{func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			w.WriteHeader(503)
		}, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }}}
		var body string
		var failed error
		var calls atomic.Int32
		gw := mirrored(t, spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			readAll(&body, &failed).ServeHTTP(w, r)
		}))
		w := testgateway.Serve(gw, httptest.NewRequest("POST", "/", strings.NewReader("body")))
		synctest.Wait()
		require.Equal(t, "body", w.Body.String())
		require.EqualValues(t, 1, calls.Load())
		require.NoError(t, failed)
		require.Equal(t, "body", body)
	})
}

func TestMirrorsTrailers(t *testing.T) {
	var mu sync.Mutex
	var trailer http.Header
	done := make(chan struct{})
	gw := mirrored(t, spec.Route{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) }),
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			defer close(done)
			_, _ = io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			trailer = r.Trailer
		}))
	server := httptest.NewServer(gw)
	defer server.Close()
	r, err := http.NewRequest("POST", server.URL, struct{ io.Reader }{strings.NewReader("body")})
	require.NoError(t, err)
	r.Trailer = http.Header{"X-Sum": {"4"}}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	<-done
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, http.Header{"X-Sum": {"4"}}, trailer)
}

func TestMirrorThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		gw := testgateway.Built(t, gateway.New().Logger(slog.New(slog.NewTextHandler(&log, nil))).Backend("main", testhttp.AnswerOK).
			Backend("mirror", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/abort" {
					panic(http.ErrAbortHandler)
				}
				panic("boom")
			})).Route(spec.Route{Destinations: []spec.Destination{{Host: "main"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "mirror"}}}}))
		require.Equal(t, 200, testgateway.Serve(gw, testhttp.Request(t, "GET", "/abort")).Code)
		synctest.Wait()
		require.Empty(t, log.String())
		require.Equal(t, 200, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
		synctest.Wait()
		require.Contains(t, log.String(), `msg="mirror panicked" destination=mirror.default.svc.cluster.local panic=boom`)
	})
}

func TestMirrorsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		gw := mirrored(t, spec.Route{}, testhttp.AnswerOK, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			running.Add(1)
			<-r.Context().Done()
		}))
		for range forward.MaxMirrors + 10 {
			require.Equal(t, 200, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
		}
		synctest.Wait()
		require.EqualValues(t, forward.MaxMirrors, running.Load())
	})
}

// A request that does not reach a destination is not mirrored.
func TestWhatIsNotMirrored(t *testing.T) {
	for _, row := range []struct {
		name   string
		route  spec.Route
		status int
	}{
		{"an abort", spec.Route{Destinations: []spec.Destination{{Host: "main"}}, Fault: &spec.Fault{Abort: &spec.FaultAbort{HTTPStatus: 418, Percent: 100}}}, 418},
		{"no destination", spec.Route{Destinations: []spec.Destination{{Host: "none"}}}, 503},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent atomic.Int32
				row.route.Mirrors = []spec.Mirror{{Destination: spec.Destination{Host: "mirror"}}}
				gw := testgateway.Built(t, gateway.New().Backend("main", testhttp.AnswerOK).Route(row.route).
					Backend("mirror", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sent.Add(1) })))
				require.Equal(t, row.status, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
				synctest.Wait()
				require.Zero(t, sent.Load())
			})
		})
	}
}

// If the protocol depends on the client, Envoy is the mirror's client, and uses
// HTTP/1.1.
func TestMirrorOverClientProtocol(t *testing.T) {
	seen := make(chan string, 2)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.URL.Path + " " + r.Proto }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	gw := testgateway.Built(t, gateway.New().Service(testhttp.ServiceOf(t, server.URL)).
		DestinationRule(spec.DestinationRule{Name: "shop", Host: "shop.internal", TrafficPolicy: &spec.TrafficPolicy{
			ConnectionPool: &spec.ConnectionPool{HTTP: &spec.HTTPSettings{UseClientProtocol: true}},
		}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/mirror")}}, Destinations: []spec.Destination{{Host: "elsewhere"}}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "shop.internal"}}}}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.internal"}}}).
		Backend("elsewhere", testhttp.AnswerOK))
	for _, want := range []string{"/mirror HTTP/1.1", "/ HTTP/2.0"} {
		path, _, _ := strings.Cut(want, " ")
		r := testhttp.Request(t, "GET", path)
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
		require.Equal(t, 200, testgateway.Serve(gw, r).Code)
		select {
		case got := <-seen:
			require.Equal(t, want, got)
		case <-time.After(10 * time.Second):
			require.FailNow(t, "nothing came")
		}
	}
}
