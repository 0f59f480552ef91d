package program_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// onResponse sets, adds and removes a header of every response.
var onResponse = spec.Headers{Response: spec.HeaderOperations{
	Set: map[string]string{"X-Set": "gateway"}, Add: map[string]string{"X-Add": "gateway"}, Remove: []string{"X-Gone"},
}}

// commits are the ways in which a handler can send a header.
var commits = []struct {
	name   string
	status int
	body   string
	commit func(w http.ResponseWriter, r *http.Request)
}{
	{"return", 200, "", func(http.ResponseWriter, *http.Request) {}},
	{"WriteHeader", 418, "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }},
	{"WriteHeader and Write", 418, "body", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(418)
		_, _ = w.Write([]byte("body"))
	}},
	{"Write", 200, "body", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("body")) }},
	{"Write of nothing", 200, "", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) }},
	{"WriteString", 200, "body", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "body") }},
	{"ReadFrom", 200, "body", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("body")) }},
	{"ServeContent", 200, "body", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "body.txt", time.Time{}, strings.NewReader("body"))
	}},
	{"Flush", 200, "body", func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		w.Header().Set("X-Late", "1")
		_, _ = w.Write([]byte("body"))
	}},
	{"FlushError", 200, "body", func(w http.ResponseWriter, _ *http.Request) {
		_ = w.(interface{ FlushError() error }).FlushError()
		_, _ = w.Write([]byte("body"))
	}},
	{"ResponseController", 200, "body", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write([]byte("body"))
	}},
	{"superfluous WriteHeader", 418, "body", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(418)
		w.WriteHeader(500)
		_, _ = w.Write([]byte("body"))
	}},
	{"no content", 204, "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
	{"http.Error", 404, "no\n", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 404) }},
}

func TestResponseOperationsSurviveEveryCommit(t *testing.T) {
	for _, c := range commits {
		gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
		spy.Answer = http.Header{"X-Set": {"backend", "backend"}, "X-Add": {"backend"}, "X-Gone": {"backend"}, "X-Kept": {"backend"}}
		spy.Then = c.commit
		check := func(t *testing.T, status int, h http.Header) {
			t.Helper()
			require.Equal(t, c.status, status)
			require.Equal(t, []string{"gateway"}, h["X-Set"])
			require.Equal(t, []string{"backend", "gateway"}, h["X-Add"])
			require.NotContains(t, h, "X-Gone")
			require.Equal(t, []string{"backend"}, h["X-Kept"])
			require.NotContains(t, h, "X-Late", "set after the header was sent")
		}
		t.Run(c.name, func(t *testing.T) {
			quietly := log.Writer()
			log.SetOutput(io.Discard) // net/http logs superfluous calls
			defer log.SetOutput(quietly)
			for _, p := range testhttp.Protocols {
				t.Run(p.Name, func(t *testing.T) {
					client, url := p.Client(t, gw)
					response, body := testhttp.Fetch(t, client, "GET", url)
					check(t, response.StatusCode, response.Header)
					require.Equal(t, c.body, body)
					response, body = testhttp.Fetch(t, client, "HEAD", url)
					check(t, response.StatusCode, response.Header)
					require.Empty(t, body)
				})
			}
			t.Run("recorder", func(t *testing.T) {
				w := testgateway.Serve(gw, httptest.NewRequest("GET", "/", nil))
				check(t, w.Code, w.Result().Header)
				require.Equal(t, c.body, w.Body.String())
			})
		})
	}
}

func TestInformationalResponsesPassUnchanged(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		_, _ = w.Write([]byte("body"))
	}
	for _, p := range testhttp.Protocols {
		t.Run(p.Name, func(t *testing.T) {
			client, url := p.Client(t, gw)
			var hints []textproto.MIMEHeader
			ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					require.Equal(t, 103, code)
					hints = append(hints, h)
					return nil
				},
			})
			r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
			require.NoError(t, err)
			response, err := client.Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, []textproto.MIMEHeader{{"Link": {"</style.css>"}}}, hints)
			require.Equal(t, "gateway", response.Header.Get("X-Set"))
			require.Empty(t, response.Header.Get("Link"))
		})
	}
}

func TestTrailersPass(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Announced")
		_, _ = w.Write([]byte("body"))
		w.Header().Set("X-Announced", "1")
		w.Header().Set(http.TrailerPrefix+"X-Sudden", "2")
	}
	for _, p := range testhttp.Protocols {
		t.Run(p.Name, func(t *testing.T) {
			client, url := p.Client(t, gw)
			response, body := testhttp.Fetch(t, client, "GET", url)
			require.Equal(t, "body", body)
			require.Equal(t, http.Header{"X-Announced": {"1"}, "X-Sudden": {"2"}}, response.Trailer)
			require.Equal(t, "gateway", response.Header.Get("X-Set"))
		})
	}
}

func TestPanicAppliesNothing(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Own", "1")
		panic(http.ErrAbortHandler)
	}
	w := httptest.NewRecorder()
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { gw.ServeHTTP(w, httptest.NewRequest("GET", "/", nil)) })
	require.Equal(t, http.Header{"X-Own": {"1"}}, w.Header(), "who recovers has the handler's header, and nothing else")
	for _, p := range testhttp.Protocols {
		t.Run(p.Name, func(t *testing.T) {
			client, url := p.Client(t, gw)
			_, err := client.Get(url)
			require.Error(t, err)
		})
	}
}

func TestWriterPassesTheConnectionOn(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
	for _, p := range testhttp.Protocols {
		t.Run(p.Name, func(t *testing.T) {
			var hijacker, flusher bool
			var deadline, duplex error
			spy.Then = func(w http.ResponseWriter, _ *http.Request) {
				_, hijacker = w.(http.Hijacker)
				_, flusher = w.(http.Flusher)
				c := http.NewResponseController(w)
				deadline = errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}))
				duplex = c.EnableFullDuplex()
			}
			client, url := p.Client(t, gw)
			testhttp.Fetch(t, client, "GET", url)
			require.Equal(t, p.Name == "HTTP/1.1", hijacker, "HTTP/2 has no connection to take")
			require.True(t, flusher)
			require.NoError(t, deadline)
			require.NoError(t, duplex)
		})
	}
	t.Run("recorder", func(t *testing.T) {
		spy.Then = func(w http.ResponseWriter, _ *http.Request) {
			_, ok := w.(http.Hijacker)
			require.False(t, ok)
			require.ErrorIs(t, http.NewResponseController(w).SetReadDeadline(time.Time{}), http.ErrNotSupported)
		}
		testgateway.Serve(gw, httptest.NewRequest("GET", "/", nil))
	})
}

func TestHijack(t *testing.T) {
	for _, take := range []struct {
		name string
		take func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error)
	}{
		{"Hijacker", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() }},
		{"ResponseController", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		}},
	} {
		t.Run(take.name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
			spy.Then = func(w http.ResponseWriter, _ *http.Request) {
				conn, rw, err := take.take(w)
				require.NoError(t, err)
				defer conn.Close()
				_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine")
				require.NoError(t, rw.Flush())
				require.Empty(t, w.Header(), "the connection is the handler's")
			}
			client, url := testhttp.Protocols[0].Client(t, gw)
			response, body := testhttp.Fetch(t, client, "GET", url)
			require.Equal(t, "mine", body)
			require.NotContains(t, response.Header, "X-Set")
		})
	}
}

// A bareWriter has none of the optional methods of a ResponseWriter.
type bareWriter struct{ w *httptest.ResponseRecorder }

func (b bareWriter) Header() http.Header { return b.w.Header() }

func (b bareWriter) WriteHeader(status int) { b.w.WriteHeader(status) }

func (b bareWriter) Write(p []byte) (int, error) { return b.w.Write(p) }

func TestWriterWithoutOptionalMethods(t *testing.T) {
	for _, c := range commits {
		t.Run(c.name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
			spy.Then = c.commit
			w := httptest.NewRecorder()
			gw.ServeHTTP(bareWriter{w}, httptest.NewRequest("GET", "/", nil))
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.body, w.Body.String())
			require.Equal(t, []string{"gateway"}, w.Header()["X-Set"])
			require.Equal(t, []string{"gateway"}, w.Header()["X-Add"])
		})
	}
}

func TestFlushReportsWhatIsNotSupported(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: onResponse})
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		require.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
	}
	gw.ServeHTTP(bareWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
}

// Response operations apply to responses of destinations; the gateway's own
// have only CORS headers.
func TestMissingDestinationGetsNoResponseOperations(t *testing.T) {
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		gw := testgateway.Built(t, gateway.New().Semantics(s).Route(spec.Route{
			Destinations: []spec.Destination{{Host: "nowhere"}}, Headers: onResponse, CORS: &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}},
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", "https://a.com")
		w := testgateway.Serve(gw, r)
		require.Equal(t, 503, w.Code)
		require.Empty(t, w.Body.String())
		want := http.Header{"Access-Control-Allow-Origin": {"https://a.com"}}
		if s == gateway.Envoy {
			want["Server"] = []string{"istio-envoy"}
		}
		require.Equal(t, want, w.Header())
	}
}

func TestEnvoyHeadersOnResponses(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Envoy, spec.Route{Headers: spec.Headers{Response: spec.HeaderOperations{Remove: []string{"Server", "X-Gone"}}}})
	spy.Answer = http.Header{"Server": {"nginx"}, "X-Gone": {"1"}}
	w := testgateway.Serve(gw, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, []string{"istio-envoy"}, w.Header()["Server"], "written last")
	require.Regexp(t, `^\d+$`, w.Header().Get("X-Envoy-Upstream-Service-Time"))
	require.NotContains(t, w.Header(), "X-Gone")

	gw, spy = testgateway.Routed(t, gateway.Native, spec.Route{})
	spy.Answer = http.Header{"Server": {"nginx"}}
	require.Equal(t, http.Header{"Server": {"nginx"}}, testgateway.Serve(gw, httptest.NewRequest("GET", "/", nil)).Header())
}
