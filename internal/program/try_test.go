package program_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

func TestTimeout(t *testing.T) {
	const ms = time.Millisecond
	say := func(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, text) }
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		took    time.Duration
		status  int
		body    string
		cut     bool
	}{
		{"an instant", func(w http.ResponseWriter, _ *http.Request) { say(w, "ok") }, 0, 200, "ok", false},
		{"nothing at all", func(http.ResponseWriter, *http.Request) {}, 0, 200, "", false},
		{"just in time", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(99 * ms); say(w, "ok") }, 99 * ms, 200, "ok", false},
		{"too late", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(101 * ms); say(w, "ok") }, 100 * ms, 504, forward.TimeoutBody, false},
		{"never, as the context says", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 100 * ms, 504, forward.TimeoutBody, false},
		{"never, whatever the context says", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }, 100 * ms, 504, forward.TimeoutBody, false},
		{"headers in time, a body too late", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			time.Sleep(101 * ms)
			say(w, "late")
		}, 100 * ms, 201, "", true},
		{"half of the body in time", func(w http.ResponseWriter, _ *http.Request) {
			say(w, "half")
			time.Sleep(time.Hour)
			say(w, "late")
		}, 100 * ms, 200, "half", true},
		{"informed in time, answered too late", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			time.Sleep(101 * ms)
			say(w, "late")
		}, 100 * ms, 504, forward.TimeoutBody, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(100*ms)).Backend("*", row.handler))
				w, took, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, row.took, took)
				require.Equal(t, row.status, w.Code)
				require.Equal(t, row.body, w.Body.String())
				if row.cut {
					require.Equal(t, http.ErrAbortHandler, panicked)
				} else {
					require.Nil(t, panicked)
				}
				time.Sleep(2 * time.Hour) // until the backend has ended
			})
		})
	}
}

// An abandoned backend can reach neither the client nor the data of the
// exchange.
func TestAbandonedBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause, wrote, flushed, full, deadline error
		var read error
		gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(time.Second)).Backend("*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			cause = context.Cause(r.Context())
			time.Sleep(time.Second)
			w.Header().Set("X-Late", "1")
			w.WriteHeader(http.StatusTeapot)
			_, wrote = io.WriteString(w, "late")
			c := http.NewResponseController(w)
			flushed, full, deadline = c.Flush(), c.EnableFullDuplex(), c.SetWriteDeadline(time.Now())
			_, read = r.Body.Read(make([]byte, 1))
			r.Header.Set("X-Late", "1")
			r.URL.Path = "/late"
			panic("late")
		})))
		r := httptest.NewRequest("POST", "/", strings.NewReader("body"))
		w, _, panicked := testhttp.OutcomeOf(gw, r)
		require.Nil(t, panicked)
		require.Equal(t, 504, w.Code)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, forward.TimeoutBody, w.Body.String())
		require.NotContains(t, w.Header(), "X-Late")
		require.Equal(t, "/", r.URL.Path)
		require.ErrorIs(t, cause, upstream.ErrTimeout)
		for _, err := range []error{wrote, flushed, full, deadline} {
			require.ErrorIs(t, err, http.ErrHandlerTimeout)
		}
		require.ErrorIs(t, read, http.ErrBodyReadAfterClose)
	})
}

func TestBackendPanicsInTheExchangesGoroutine(t *testing.T) {
	for _, row := range []struct {
		name  string
		route spec.Route
	}{
		{"timed", testhttp.TimedOutAfter(time.Second)},
		{"retried", spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}},
		{"both", spec.Route{Timeout: time.Second, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}},
		{"neither", spec.Route{}},
	} {
		for _, value := range []any{"boom", http.ErrAbortHandler} {
			t.Run(row.name, func(t *testing.T) {
				gw, spy := testgateway.Routed(t, gateway.Native, row.route)
				spy.Then = func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(200)
					panic(value)
				}
				_, _, panicked := testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
				require.Equal(t, value, panicked)
			})
		}
	}
}

// A takenWriter is a response writer over a connection that can be hijacked.
type takenWriter struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (w takenWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.conn, bufio.NewReadWriter(bufio.NewReader(w.conn), bufio.NewWriter(w.conn)), nil
}

func TestTimeoutEndsWithAnUpgrade(t *testing.T) {
	for _, status := range []int{0, http.StatusSwitchingProtocols} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			defer here.Close()
			gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(time.Second)).Backend("*", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if status != 0 {
					w.WriteHeader(status)
				}
				time.Sleep(900 * time.Millisecond)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					panic(err)
				}
				defer conn.Close()
				time.Sleep(time.Hour)
				_, _ = io.WriteString(conn, "still here")
			})))
			go gw.ServeHTTP(takenWriter{httptest.NewRecorder(), there}, testhttp.Request(t, "GET", "/"))
			text, err := io.ReadAll(here)
			require.NoError(t, err)
			require.Equal(t, "still here", string(text))
		})
	}
}

func TestTryHijacksOnlyWhatCanBe(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, testhttp.TimedOutAfter(time.Second))
	var canBe bool
	var err error
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		_, canBe = w.(http.Hijacker)
		_, _, err = http.NewResponseController(w).Hijack()
	}
	testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
	require.False(t, canBe)
	require.ErrorIs(t, err, http.ErrNotSupported)
}

func TestHeadersAroundATry(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, testhttp.TimedOutAfter(time.Second))
	var seen, hints []string
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		seen = w.Header()["X-Outer"]
		w.Header().Set("Link", "</a.css>")
		w.Header().Del("X-Outer")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(202)
		w.Header().Set("X-Too-Late", "1")
		_, _ = io.WriteString(w, "body")
		w.Header().Set("X-Sum", "4")
		w.Header().Set(http.TrailerPrefix+"X-More", "5")
	}
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "1")
		gw.ServeHTTP(testhttp.Informed{ResponseWriter: w, See: func(h http.Header) { hints = h["Link"]; require.NotContains(t, h, "X-Outer") }}, r)
	})
	w := testgateway.Serve(outer, testhttp.Request(t, "GET", "/"))
	require.Equal(t, []string{"1"}, seen)
	require.Equal(t, []string{"</a.css>"}, hints)
	response := w.Result()
	require.Equal(t, 202, response.StatusCode)
	require.NotContains(t, response.Header, "X-Outer")
	require.NotContains(t, response.Header, "Link")
	require.NotContains(t, response.Header, "X-Too-Late")
	require.Equal(t, http.Header{"X-Sum": {"4"}, "X-More": {"5"}}, response.Trailer)
}

// The stream of a response that began in time is cut, so that no client
// mistakes it for a complete one.
func TestTimeoutCutsTheStream(t *testing.T) {
	for _, protocol := range testhttp.Protocols {
		t.Run(protocol.Name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Native, testhttp.TimedOutAfter(50*time.Millisecond))
			spy.Then = func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, "begun")
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}
			client, url := protocol.Client(t, gw)
			response, err := client.Get(url)
			require.NoError(t, err)
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			require.Error(t, err)
			require.Equal(t, "begun", string(text))
			if protocol.Name == "HTTP/1.1" {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
		})
	}
}

// A client that does not read blocks the backend's writes, not the timeout.
func TestTimeoutCutsABlockedWrite(t *testing.T) {
	gw, spy := testgateway.Routed(t, gateway.Native, testhttp.TimedOutAfter(50*time.Millisecond))
	ended := make(chan error, 1)
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				ended <- err
				return
			}
		}
	}
	server := httptest.NewServer(gw)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	require.Error(t, <-ended)
}

func TestResponsesStreamThroughATry(t *testing.T) {
	for _, protocol := range testhttp.Protocols {
		t.Run(protocol.Name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Timeout: time.Minute, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}})
			read := make(chan struct{})
			spy.Then = func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "first ")
				http.NewResponseController(w).Flush()
				<-read
				_, _ = io.WriteString(w, "second")
			}
			client, url := protocol.Client(t, gw)
			response, err := client.Get(url)
			require.NoError(t, err)
			defer response.Body.Close()
			first := make([]byte, 6)
			_, err = io.ReadFull(response.Body, first)
			require.NoError(t, err)
			close(read)
			rest, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, "first second", string(first)+string(rest))
		})
	}
}

func TestTryReadsFrom(t *testing.T) {
	size := 3 << 20
	if testing.Short() {
		size = 1 << 20
	}
	large := strings.Repeat("0123456789abcdef", size/16+4000)
	name := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(name, []byte(large), 0o600))
	file := func(t *testing.T) io.ReadCloser {
		f, err := os.Open(name)
		require.NoError(t, err)
		return f
	}
	text := func(*testing.T) io.ReadCloser { return io.NopCloser(strings.NewReader(large)) }
	for _, row := range []struct {
		name   string
		route  spec.Route
		source func(*testing.T) io.ReadCloser
	}{
		{"a file, timed", testhttp.TimedOutAfter(time.Minute), file},
		{"a reader, timed", testhttp.TimedOutAfter(time.Minute), text},
		{"a file, retried", spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}, file},
		{"a reader, retried", spec.Route{Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}}}, text},
	} {
		for _, protocol := range testhttp.Protocols {
			t.Run(row.name+" "+protocol.Name, func(t *testing.T) {
				gw, spy := testgateway.Routed(t, gateway.Native, row.route)
				spy.Then = func(w http.ResponseWriter, _ *http.Request) {
					source := row.source(t)
					defer source.Close()
					n, err := w.(io.ReaderFrom).ReadFrom(source)
					if err != nil || n != int64(len(large)) {
						panic(err)
					}
				}
				client, url := protocol.Client(t, gw)
				_, body := testhttp.Fetch(t, client, "GET", url)
				require.True(t, large == body)

				spy.Then = func(w http.ResponseWriter, _ *http.Request) {
					source := row.source(t)
					defer source.Close()
					_, err := io.CopyN(w, source, int64(size))
					if err != nil {
						panic(err)
					}
				}
				_, body = testhttp.Fetch(t, client, "GET", url)
				require.True(t, large[:size] == body)
			})
		}
	}
}

func TestAbandonedTryReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(time.Second)).Backend("*", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Second)
			_, err = w.(io.ReaderFrom).ReadFrom(strings.NewReader("late"))
		})))
		testhttp.OutcomeOf(gw, testhttp.Request(t, "GET", "/"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.True(t, errors.Is(err, http.ErrHandlerTimeout))
	})
}
