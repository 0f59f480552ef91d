package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/pace"
	"github.com/lateengo/gateway/internal/testwire"
)

// A slow handler reports that a request has arrived, and answers when told to.
type slow struct{ arrived, goOn, ended chan struct{} }

func newSlow() *slow {
	return &slow{make(chan struct{}, 1), make(chan struct{}), make(chan struct{})}
}

func (h *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.arrived <- struct{}{}
	select {
	case <-h.goOn:
		_, _ = io.WriteString(w, "done")
	case <-r.Context().Done():
		close(h.ended)
	}
}

func TestShutdownWaitsForRequests(t *testing.T) {
	clients := map[string]func(t *testing.T) *http.Client{
		"HTTP/1.1": func(t *testing.T) *http.Client {
			transport := new(http.Transport)
			t.Cleanup(transport.CloseIdleConnections)
			return &http.Client{Transport: transport, Timeout: patience}
		},
		"HTTP/2.0": overH2C,
	}
	for proto, client := range clients {
		t.Run(proto, func(t *testing.T) {
			h := newSlow()
			s, _ := start(t, toApp(h.ServeHTTP), local(Config{}, 80))
			address := s.Addr(80).String()
			bodies := make(chan string, 1)
			go func() {
				response, err := client(t).Get("http://" + address)
				if err != nil {
					bodies <- err.Error()
					return
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				bodies <- response.Proto + " " + string(body)
			}()
			testwire.Within(t, h.arrived)
			drained := make(chan error, 1)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			go func() { drained <- s.Shutdown(ctx) }()
			refused(t, address)
			require.Empty(t, drained)
			close(h.goOn)
			require.Equal(t, proto+" done", testwire.Within(t, bodies))
			require.NoError(t, testwire.Within(t, drained))
		})
	}
}

// refused waits until address has no listener.
func refused(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		require.NoError(t, ctx.Err(), "somebody listens still")
		if err != nil {
			return
		}
		conn.Close()
	}
}

func TestShutdownCutsOffInTheEnd(t *testing.T) {
	h := newSlow()
	gw, err := toApp(h.ServeHTTP).Build()
	require.NoError(t, err)
	defer gw.Close()
	s := New(gw, local(Config{}, 80))
	require.NoError(t, s.Start())
	conn, in := dial(t, s, 80)
	_, err = io.WriteString(conn, get)
	require.NoError(t, err)
	testwire.Within(t, h.arrived)

	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { first <- s.Shutdown(t.Context()) }()
	refused(t, conn.RemoteAddr().String())
	cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.Canceled, "a second call cuts the first short")
	testwire.Within(t, h.ended)
	require.NoError(t, testwire.Within(t, first))
	_, err = in.ReadByte()
	require.Error(t, err)
	require.ErrorIs(t, s.Start(), http.ErrServerClosed)
	require.ErrorIs(t, s.Sync(), http.ErrServerClosed)
	require.NoError(t, s.Shutdown(t.Context()))
}

const upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

// switchTo hijacks the connection of a request for a WebSocket.
func switchTo(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	return conn, rw
}

func TestWebSockets(t *testing.T) {
	ended := make(chan struct{})
	echo := func(conn net.Conn, rw *bufio.ReadWriter) {
		defer close(ended)
		defer conn.Close()
		_, _ = io.Copy(conn, rw)
	}
	handlers := map[string]http.HandlerFunc{
		"in the handler": func(w http.ResponseWriter, _ *http.Request) { echo(switchTo(w)) },
		"beside the handler": func(w http.ResponseWriter, _ *http.Request) {
			conn, rw := switchTo(w)
			go echo(conn, rw)
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			ended = make(chan struct{})
			gw, err := toApp(handler).Build()
			require.NoError(t, err)
			defer gw.Close()
			s := New(gw, local(Config{}, 80))
			require.NoError(t, s.Start())
			conn, in := dial(t, s, 80)
			response, _ := ask(t, conn, in, upgrade)
			require.Equal(t, 101, response.StatusCode)
			_, err = io.WriteString(conn, "ping\n")
			require.NoError(t, err)
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ping\n", line)

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
			_, err = in.ReadByte()
			require.Error(t, err)
			testwire.Within(t, ended)
		})
	}
}

func TestShutdownWaitsForWebSockets(t *testing.T) {
	s, _ := start(t, toApp(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw := switchTo(w)
		defer conn.Close()
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, line)
	}), local(Config{}, 80))
	conn, in := dial(t, s, 80)
	ask(t, conn, in, upgrade)
	drained := make(chan error, 1)
	go func() { drained <- s.Shutdown(t.Context()) }()
	refused(t, conn.RemoteAddr().String())
	require.Empty(t, drained)
	_, err := io.WriteString(conn, "bye\n")
	require.NoError(t, err)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "bye\n", line)
	require.NoError(t, testwire.Within(t, drained))
}

func TestClosedConnectionsAreForgotten(t *testing.T) {
	var h hijacked
	connect := func() (*pace.Conn, net.Conn) {
		client, conn := net.Pipe()
		return pace.NewConn(conn, new(pace.Watch), pace.Rate{}, nil), client
	}
	isClosed := func(client net.Conn) bool {
		_, err := client.Read(make([]byte, 1))
		return err == io.EOF
	}
	open, client := connect()
	h.add(open)
	for range 3 {
		conn, _ := connect()
		h.add(tls.Server(conn, nil))
		require.Len(t, h.conns, 2)
		require.NoError(t, conn.Close())
		_ = conn.Close()
		require.Len(t, h.conns, 1)
	}
	closed, _ := connect()
	require.NoError(t, closed.Close())
	h.add(closed)
	require.Len(t, h.conns, 1)
	h.close()
	require.True(t, isClosed(client))
	late, client := connect()
	h.add(late)
	require.True(t, isClosed(client))
	require.Empty(t, h.conns)
}

func TestHandlingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h handling
		require.True(t, h.wait(t.Context()))
		h.begin()
		h.begin()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, h.wait(ctx))
		done := make(chan bool)
		go func() { done <- h.wait(t.Context()) }()
		synctest.Wait()
		h.end()
		synctest.Wait()
		require.Empty(t, done)
		h.end()
		require.True(t, <-done)
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	gw, err := toApp(says("")).Build()
	require.NoError(t, err)
	defer gw.Close()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- New(gw, local(Config{}, 80)).Serve(ctx) }()
	cancel()
	require.NoError(t, testwire.Within(t, served))
}
