package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// A handler that waits reports how its request's context ended.
type waiting struct{ begun, ended chan error }

func newWaiting() *waiting { return &waiting{make(chan error, 1), make(chan error, 1)} }

func (h *waiting) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.begun <- nil
	<-r.Context().Done()
	h.ended <- r.Context().Err()
}

func TestClientsThatLeave(t *testing.T) {
	ways := map[string]func(c *net.TCPConn) error{
		"at once": func(c *net.TCPConn) error { return c.Close() },
		"half":    func(c *net.TCPConn) error { return c.CloseWrite() },
		"by a reset": func(c *net.TCPConn) error {
			if err := c.SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		},
	}
	asks := map[string]func(r *http.Request){
		"Done": func(r *http.Request) { <-r.Context().Done() },
		"Err": func(r *http.Request) {
			for r.Context().Err() == nil {
				runtime.Gosched()
			}
		},
		"a derived context": func(r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
			defer cancel()
			<-ctx.Done()
		},
		"AfterFunc": func(r *http.Request) {
			done := make(chan struct{})
			context.AfterFunc(r.Context(), func() { close(done) })
			<-done
		},
	}
	bodies := map[string]string{"no body": "\r\n", "a body": "Content-Length: 5\r\n\r\nhello"}
	for way, leave := range ways {
		for ask, wait := range asks {
			for body, more := range bodies {
				t.Run(way+", "+ask+", "+body, func(t *testing.T) {
					begun, ended := make(chan struct{}), make(chan error, 1)
					address := start(t, &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						_, _ = io.ReadAll(r.Body)
						close(begun)
						wait(r)
						ended <- context.Cause(r.Context())
					})})
					conn, _ := dial(t, address)
					send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\n"+more)
					testwire.Within(t, begun)
					require.NoError(t, leave(conn))
					require.ErrorIs(t, testwire.Within(t, ended), context.Canceled)
				})
			}
		}
	}
}

// A client that leaves in the middle of its body ends the request, too.
func TestClientsThatLeaveInTheirBody(t *testing.T) {
	ended := make(chan error, 1)
	address := start(t, &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		<-r.Context().Done()
		ended <- err
	})})
	conn, _ := dial(t, address)
	send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello")
	require.NoError(t, conn.Close())
	require.ErrorIs(t, testwire.Within(t, ended), io.ErrUnexpectedEOF)
}

// overTLS returns a connection to s over TLS.
func overTLS(t *testing.T, s *Server) *tls.Conn {
	l := listen(t)
	defer l.Close()
	example := httptest.NewTLSServer(nil)
	certificates := example.TLS.Certificates
	example.Close()
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		secure := tls.Server(conn, &tls.Config{Certificates: certificates})
		if secure.Handshake() == nil {
			state := secure.ConnectionState()
			s.Serve(secure, &state)
		}
	}()
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	<-accepted
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() {
		conn.Close()
		s.Close()
	})
	return conn
}

func TestClientsThatLeaveOverTLS(t *testing.T) {
	h := newWaiting()
	conn := overTLS(t, &Server{Handler: h})
	send(t, conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	testwire.Within(t, h.begun)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, testwire.Within(t, h.ended), context.Canceled)
}

// An idle connection over TLS ends as TLS does, and not as if it was cut.
func TestIdleConnectionsOverTLSAreClosed(t *testing.T) {
	for name, requests := range map[string]int{"after a request": 1, "after several": 3} {
		t.Run(name, func(t *testing.T) {
			s := &Server{Handler: hello}
			conn := overTLS(t, s)
			in := bufio.NewReader(conn)
			for range requests {
				send(t, conn, keptGet)
				response, body := answered(t, in)
				require.Equal(t, "hello", body)
				require.False(t, response.Close)
			}
			for s.CloseIdle() > 0 {
				runtime.Gosched()
			}
			alert, err := io.ReadAll(conn.NetConn())
			require.NoError(t, err)
			require.NotEmpty(t, alert, "an end that TLS does not know of")
		})
	}
}

// The next request of a client is no departure, and is answered after the first.
func TestPipelinedRequestsDuringAWatch(t *testing.T) {
	slow, finish := make(chan struct{}), make(chan struct{})
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			done := r.Context().Done()
			watched(r)
			slow <- struct{}{}
			<-finish
			select {
			case <-done:
				w.WriteHeader(500)
			default:
			}
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})})
	conn, in := dial(t, address)
	for range 3 {
		send(t, conn, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		testwire.Within(t, slow)
		send(t, conn, "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
		finish <- struct{}{}
		for _, path := range []string{"/slow", "/next"} {
			response, body := answered(t, in)
			require.Equal(t, 200, response.StatusCode)
			require.Equal(t, path, body)
		}
	}
}

// watched waits until the connection of a request is read by its watch.
func watched(r *http.Request) {
	x := r.Context().(*requestContext)
	for {
		x.mu.Lock()
		watching := x.watching != nil
		x.mu.Unlock()
		if watching && x.c.in.deadline.Busy() {
			return
		}
		runtime.Gosched()
	}
}

// A request may end at any time before, while and after its watch begins.
func TestRequestsThatEndWhileTheWatchBegins(t *testing.T) {
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := r.Context().Done()
		_, _ = io.ReadAll(r.Body)
		for range r.ContentLength {
			runtime.Gosched()
		}
		if r.ContentLength%8 == 0 {
			watched(r)
		}
		select {
		case <-done:
			w.WriteHeader(500)
		default:
		}
	})})
	conn, in := dial(t, address)
	requests := 100
	if testing.Short() {
		requests = 24
	}
	for n := range requests {
		send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "+strconv.Itoa(n)+"\r\n\r\n")
		send(t, conn, string(make([]byte, n)))
		response, _ := answered(t, in)
		require.Equal(t, 200, response.StatusCode)
	}
}

// The context of a request ends with its handler, and contexts derived from it and
// functions that wait for it see that.
func TestContextsEndWithTheirHandlers(t *testing.T) {
	kept := make(chan context.Context, 1)
	after := make(chan struct{})
	var stopped atomic.Bool
	address := start(t, &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		derived, cancel := context.WithCancel(context.WithValue(r.Context(), http.NoBody, 1))
		_ = cancel
		context.AfterFunc(r.Context(), func() { close(after) })
		stop := context.AfterFunc(r.Context(), func() { stopped.Store(true) })
		require.True(t, stop())
		require.False(t, stop())
		kept <- derived
	})})
	require.Contains(t, said(t, address, get), "200 OK")
	ctx := testwire.Within(t, kept)
	testwire.Within(t, ctx.Done())
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	testwire.Within(t, after)
	require.False(t, stopped.Load())
	// What asks afterwards learns the same.
	late, cancel := context.WithCancel(ctx)
	defer cancel()
	require.ErrorIs(t, late.Err(), context.Canceled)
}

// Values of the connection and the server are in the context.
func TestContextValues(t *testing.T) {
	type key struct{}
	std := new(http.Server)
	address := start(t, &Server{HTTP: std, Base: context.WithValue(context.Background(), key{}, 7), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		require.Same(t, std, ctx.Value(http.ServerContextKey))
		require.Equal(t, 7, ctx.Value(key{}))
		_, hasDeadline := ctx.Deadline()
		require.False(t, hasDeadline)
		_, _ = io.WriteString(w, ctx.Value(http.LocalAddrContextKey).(net.Addr).String()+" "+r.RemoteAddr)
	})})
	conn, in := dial(t, address)
	send(t, conn, get)
	_, body := answered(t, in)
	require.Equal(t, address+" "+conn.LocalAddr().String(), body)
}

// CloseNotify is deprecated, and works.
func TestCloseNotify(t *testing.T) {
	begun, left := make(chan struct{}), make(chan bool, 1)
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
		close(begun)
		left <- <-c
	})})
	conn, _ := dial(t, address)
	send(t, conn, get)
	testwire.Within(t, begun)
	require.NoError(t, conn.Close())
	require.True(t, testwire.Within(t, left))
}

// A goroutine that a handler leaves behind in a read of the body does not hold up the
// response, and gets nothing of what follows.
func TestReadersThatAreLeftBehind(t *testing.T) {
	read := make(chan error, 1)
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reading := make(chan struct{})
		go func() {
			close(reading)
			_, err := io.ReadAll(r.Body)
			read <- err
		}()
		<-reading
		for !r.Context().(*requestContext).c.in.deadline.Busy() {
			runtime.Gosched()
		}
		_, _ = io.WriteString(w, "refused")
	})})
	conn, in := dial(t, address)
	send(t, conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
	response, body := answered(t, in)
	require.Equal(t, "refused", body)
	require.True(t, response.Close)
	require.Error(t, testwire.Within(t, read))
}
