package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// piped serves one end of a pipe, and returns the other.
func piped(t *testing.T, s *Server) (net.Conn, *bufio.Reader) {
	client, conn := net.Pipe()
	s.Serve(conn, nil)
	t.Cleanup(func() { client.Close() })
	return client, bufio.NewReader(client)
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.ReadAll(r.Body)
	_, _ = io.WriteString(w, "hello")
})

const keptGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// ends returns when the server closes the connection.
func ends(t *testing.T, conn io.Reader) time.Duration {
	begun := time.Now()
	_, err := io.Copy(io.Discard, conn)
	require.NoError(t, err)
	return time.Since(begun)
}

func TestTimeouts(t *testing.T) {
	const head, rest = 10 * time.Second, time.Minute
	for _, tt := range []struct {
		name  string
		steps func(t *testing.T, conn net.Conn, in *bufio.Reader)
		after time.Duration
	}{
		{"nothing is sent", func(*testing.T, net.Conn, *bufio.Reader) {}, head},
		{"a byte is sent", func(t *testing.T, conn net.Conn, _ *bufio.Reader) {
			time.Sleep(4 * time.Second)
			send(t, conn, "G")
		}, head - 4*time.Second + lingerTime},
		{"a byte each second", func(t *testing.T, conn net.Conn, _ *bufio.Reader) {
			for _, c := range "GET / HTT" {
				time.Sleep(time.Second)
				send(t, conn, string(c))
			}
		}, time.Second + lingerTime},
		{"a request, and nothing", func(t *testing.T, conn net.Conn, in *bufio.Reader) {
			send(t, conn, keptGet)
			answered(t, in)
		}, rest},
		{"a request, and a byte later", func(t *testing.T, conn net.Conn, in *bufio.Reader) {
			send(t, conn, keptGet)
			answered(t, in)
			time.Sleep(rest - time.Second)
			send(t, conn, "G")
		}, head + lingerTime},
		{"requests each minute", func(t *testing.T, conn net.Conn, in *bufio.Reader) {
			for range 5 {
				time.Sleep(9 * time.Second)
				send(t, conn, keptGet)
				answered(t, in)
			}
		}, rest},
		{"many requests, slowly", func(t *testing.T, conn net.Conn, in *bufio.Reader) {
			for i := range 100 {
				time.Sleep(time.Duration(i%13) * 100 * time.Millisecond)
				send(t, conn, "GET / HTTP/1.1\r\n")
				time.Sleep(time.Duration(i%7) * time.Second)
				send(t, conn, "Host: a\r\n\r\n")
				answered(t, in)
			}
		}, rest},
		{"a body takes its time", func(t *testing.T, conn net.Conn, in *bufio.Reader) {
			send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
			for range 3 {
				time.Sleep(time.Hour)
				send(t, conn, "x")
			}
			answered(t, in)
		}, rest},
		{"empty lines", func(t *testing.T, conn net.Conn, in *bufio.Reader) {
			for range 9 {
				time.Sleep(time.Second)
				send(t, conn, "\r\n")
			}
		}, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Server{Handler: hello, ReadHeaderTimeout: head, IdleTimeout: rest}
				conn, in := piped(t, s)
				tt.steps(t, conn, in)
				require.Equal(t, tt.after, ends(t, in))
			})
		})
	}
}

// A connection that is idle for long serves as before.
func TestIdleConnectionsGetANewGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, in := piped(t, &Server{Handler: hello})
		for range 3 {
			send(t, conn, keptGet)
			answered(t, in)
			time.Sleep(3 * renewAfter)
			synctest.Wait()
			require.Contains(t, stacks(), "created by github.com/lateengo/gateway/internal/http1.(*conn).serve in goroutine")
		}
		conn.Close()
	})
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

func TestDeadlinesOfHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
			begun := time.Now()
			_, err := r.Body.Read(make([]byte, 9))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, time.Second, time.Since(begun))
			require.NoError(t, r.Context().Err())
			require.NoError(t, c.SetReadDeadline(time.Time{}))
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
			_, _ = w.Write(body)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		})}
		conn, in := piped(t, s)
		for range 2 {
			send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
			time.Sleep(time.Minute)
			send(t, conn, "hello")
			_, body := answered(t, in)
			require.Equal(t, "hello", body)
			time.Sleep(time.Minute) // the deadlines are over with the request
		}
		conn.Close()
	})
}

func TestWritesThatTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan error, 1)
		s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			require.NoError(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second)))
			_, err := io.WriteString(w, strings.Repeat("x", 1<<20))
			failed <- err
			require.ErrorIs(t, r.Context().Err(), context.Canceled)
		})}
		conn, _ := piped(t, s)
		send(t, conn, keptGet)
		require.ErrorIs(t, <-failed, os.ErrDeadlineExceeded)
		conn.Close()
	})
}

// Large heads are read while they fit, in whatever parts they come.
func TestHeadLimit(t *testing.T) {
	const limit = 20 << 10
	address := start(t, &Server{Handler: hello, MaxHeaderBytes: limit})
	prefix, suffix := "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"
	fits := prefix + strings.Repeat("x", limit-len(prefix)-len(suffix)+1) + suffix
	for _, text := range []string{fits, fits + "", "\r\n\r\n" + fits} {
		conn, in := dial(t, address)
		for _, part := range []int{1, 5000, len(text)} {
			for rest := text; rest != ""; {
				n := min(part, len(rest))
				if part == 1 && len(rest) > 100 {
					n = len(rest) - 50
				}
				send(t, conn, rest[:n])
				rest = rest[n:]
			}
			response, _ := answered(t, in)
			require.Equal(t, 200, response.StatusCode)
		}
	}
	for _, text := range []string{strings.Replace(fits, "xx", "xxx", 1), prefix + strings.Repeat("x", limit), "GET /" + strings.Repeat("x", 2*limit)} {
		all := said(t, address, text)
		require.True(t, strings.HasPrefix(all, "HTTP/1.1 431 Request Header Fields Too Large\r\n"), "%.100q", all)
	}
}

// Requests that no handler sees are refused with text, and end the connection.
func TestRefusals(t *testing.T) {
	address := start(t, &Server{Handler: hello})
	for _, tt := range []struct{ name, text, status, body string }{
		{"no request", "hello\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "400 Bad Request: missing required Host header"},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"a Host that is none", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 Bad Request", "400 Bad Request: malformed Host header"},
		{"a bare LF", "GET / HTTP/1.1\nHost: a\n\n", "400 Bad Request", "400 Bad Request"},
		{"a bare LF in a later line", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"a bare CR", "GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\nx", "400 Bad Request", "400 Bad Request"},
		{"a length beside chunks", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", "400 Bad Request", "Bad Request"},
		{"chunks beside a length", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\nx", "400 Bad Request", "Bad Request"},
		{"chunks twice", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nx", "501 Not Implemented", "Unsupported transfer encoding"},
		{"another coding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nx", "501 Not Implemented", "Unsupported transfer encoding"},
		{"chunks in HTTP/1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nx", "400 Bad Request", "400 Bad Request"},
		{"a length in another base", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx", "400 Bad Request", "400 Bad Request"},
		{"two equal lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "400 Bad Request", "400 Bad Request"},
		{"a list of lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", "400 Bad Request", "400 Bad Request"},
		{"a trailer that frames", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n", "400 Bad Request", "400 Bad Request"},
		{"HTTP/2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 HTTP Version Not Supported", "505 HTTP Version Not Supported: unsupported protocol version"},
		{"HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", "505 HTTP Version Not Supported", "505 HTTP Version Not Supported: unsupported protocol version"},
		{"another expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: money\r\n\r\n", "417 Expectation Failed", ""},
		{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", "400 Bad Request", "400 Bad Request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, in := dial(t, address)
			send(t, conn, tt.text+keptGet)
			require.NoError(t, conn.CloseWrite())
			response, body := answered(t, in)
			require.Equal(t, tt.status, response.Status)
			require.Equal(t, tt.body, body)
			require.True(t, response.Close)
			_, err := in.ReadByte()
			require.ErrorIs(t, err, io.EOF, "nothing that follows is believed")
		})
	}
}

// The answer to a client that has not stopped sending reaches it.
func TestRefusalsReachClientsThatSend(t *testing.T) {
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusRequestEntityTooLarge) })})
	for _, head := range []string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"} {
		conn, in := dial(t, address)
		send(t, conn, head)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for {
				if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}()
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.GreaterOrEqual(t, response.StatusCode, 400)
		require.True(t, response.Close)
		conn.Close()
		testwire.Within(t, sent)
	}
}

// A lines is a log.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "")
}

func TestPanics(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		answer  string // a prefix
		logged  bool
	}{
		{"before anything", func(http.ResponseWriter, *http.Request) { panic("oh") }, "HTTP/1.1 500 Internal Server Error\r\n", true},
		{"after something that was not sent", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "1")
			_, _ = io.WriteString(w, "hello")
			panic(errors.New("oh"))
		}, "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nDate:", true},
		{"after an early hint", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			panic("oh")
		}, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 Internal Server Error\r\n", true},
		{"after something that was sent", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			_ = http.NewResponseController(w).Flush()
			panic("oh")
		}, "HTTP/1.1 201 Created\r\n", true},
		{"on purpose", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", false},
		{"the end of the goroutine", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log, count := new(lines), 0
			states := make(chan http.ConnState, 10)
			address := start(t, &Server{
				Handler: tt.handler, Logger: slog.New(slog.NewTextHandler(log, nil)), Panicked: func() { count++ },
				ConnState: func(_ net.Conn, state http.ConnState) { states <- state },
			})
			all := said(t, address, keptGet)
			require.True(t, strings.HasPrefix(all, tt.answer), all)
			require.NotContains(t, all, "hello")
			if tt.answer == "" {
				require.Empty(t, all)
			}
			for _, want := range []http.ConnState{http.StateNew, http.StateActive, http.StateClosed} {
				require.Equal(t, want, testwire.Within(t, states))
			}
			require.Empty(t, states)
			require.Equal(t, tt.logged, strings.Contains(log.String(), "http: panic serving"))
			require.Equal(t, tt.logged, count == 1)
		})
	}
}

func TestMistakesAreLogged(t *testing.T) {
	log := new(lines)
	address := start(t, &Server{Logger: slog.New(slog.NewTextHandler(log, nil)), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.WriteHeader(201)
	})})
	require.Contains(t, said(t, address, get), "200 OK")
	require.Regexp(t, `superfluous response.WriteHeader call from .*TestMistakesAreLogged.* \(conn_test.go:\d+\)`, log.String())
}

func TestConnState(t *testing.T) {
	states := make(chan http.ConnState, 20)
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			conn, _, err := http.NewResponseController(w).Hijack()
			require.NoError(t, err)
			conn.Close()
		}
	}), ConnState: func(_ net.Conn, state http.ConnState) { states <- state }}
	address := start(t, s)
	conn, in := dial(t, address)
	send(t, conn, keptGet)
	answered(t, in)
	send(t, conn, keptGet)
	answered(t, in)
	conn.Close()
	for _, want := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateActive, http.StateIdle, http.StateClosed} {
		require.Equal(t, want, testwire.Within(t, states))
	}
	said(t, address, "GET /hijack HTTP/1.1\r\nHost: a\r\n\r\n")
	for _, want := range []http.ConnState{http.StateNew, http.StateActive, http.StateHijacked} {
		require.Equal(t, want, testwire.Within(t, states))
	}
}

// A retired server says so in its next response, and CloseIdle closes only connections
// that wait.
func TestRetire(t *testing.T) {
	goOn := make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			goOn <- struct{}{}
			<-goOn
		}
		_, _ = io.WriteString(w, "hello")
	})}
	address := start(t, s)
	idleConn, idleIn := dial(t, address)
	send(t, idleConn, keptGet)
	answered(t, idleIn)
	nextConn, nextIn := dial(t, address)
	send(t, nextConn, keptGet)
	answered(t, nextIn)
	slowConn, slowIn := dial(t, address)
	send(t, slowConn, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	testwire.Within(t, goOn)

	s.Retire()
	send(t, nextConn, keptGet)
	response, body := answered(t, nextIn)
	require.True(t, response.Close)
	require.Equal(t, "hello", body)
	_, err := nextIn.ReadByte()
	require.ErrorIs(t, err, io.EOF)

	for s.CloseIdle() != 1 {
		runtime.Gosched()
	}
	_, err = idleIn.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
	goOn <- struct{}{}
	response, _ = answered(t, slowIn)
	require.True(t, response.Close)
	require.NoError(t, s.Shutdown(t.Context()))
	require.NotContains(t, said(t, address, keptGet), "HTTP", "later connections are closed")
}

// Close ends what waits for a client, and not only reads.
func TestClose(t *testing.T) {
	begun, failed := make(chan struct{}), make(chan error, 1)
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
				failed <- err
				return
			}
		}
	})}
	conn, _ := dial(t, start(t, s))
	send(t, conn, keptGet)
	testwire.Within(t, begun)
	s.Close()
	require.Error(t, testwire.Within(t, failed))
}

// Cancel ends the contexts of requests, also of those that have hijacked their
// connection, and of those that come later.
func TestCancel(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error)
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			conn, _, err := http.NewResponseController(w).Hijack()
			require.NoError(t, err)
			defer conn.Close()
		}
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- r.Context().Err()
	})}
	address := start(t, s)
	for _, path := range []string{"/", "/hijack"} {
		conn, _ := dial(t, address)
		send(t, conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
		testwire.Within(t, begun)
	}
	s.Cancel()
	for range 2 {
		require.ErrorIs(t, testwire.Within(t, ended), context.Canceled)
	}
	conn, _ := dial(t, address)
	send(t, conn, keptGet)
	testwire.Within(t, begun)
	require.ErrorIs(t, testwire.Within(t, ended), context.Canceled)
}

// A connection that begins with HTTP/2's preface is passed on whole.
func TestPreface(t *testing.T) {
	passed := make(chan net.Conn, 1)
	address := start(t, &Server{Handler: hello, HTTP2: func(c net.Conn) { passed <- c }})
	for part := 1; part <= len(preface)+3; part += 5 {
		conn, _ := dial(t, address)
		text := string(preface) + "abc"
		for rest := text; rest != ""; {
			n := min(part, len(rest))
			send(t, conn, rest[:n])
			rest = rest[n:]
		}
		require.NoError(t, conn.CloseWrite())
		got := testwire.Within(t, passed)
		all, err := io.ReadAll(got)
		require.NoError(t, err)
		require.Equal(t, text, string(all))
		got.Close()
	}
	for _, text := range []string{"PRI * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"} {
		require.Contains(t, said(t, address, text), "HTTP/1.1 ")
	}
	require.Empty(t, passed)
}

// What a client sends after its upgrade goes to the new owner of the connection.
func TestHijackWithUnreadBytes(t *testing.T) {
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := r.Context().Done()
		if r.URL.Path == "/watched" {
			watched(r)
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		require.NoError(t, err)
		defer conn.Close()
		select {
		case <-done:
			t.Error("the client is still there")
		default:
		}
		_, _ = io.WriteString(conn, "ready\n")
		_, _ = io.Copy(conn, rw)
	})})
	long := strings.Repeat("0123456789", 10000)
	for _, path := range []string{"/", "/watched"} {
		for _, early := range []string{"", "early", long} {
			if path == "/watched" && early != "" {
				continue
			}
			conn, in := dial(t, address)
			go func() {
				_, _ = io.WriteString(conn, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\n\r\n%s", path, early))
			}()
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ready\n", line)
			for range len(early) {
				_, err := in.ReadByte()
				require.NoError(t, err)
			}
			send(t, conn, "late")
			require.NoError(t, conn.CloseWrite())
			rest, err := io.ReadAll(in)
			require.NoError(t, err)
			require.Equal(t, "late", string(rest))
		}
	}
}
