package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
)

// proxied returns a builder whose WebSockets go to a backend, after its 101.
func proxied(t *testing.T, backend func(conn net.Conn, in *bufio.Reader)) *gateway.Builder {
	url := "http://" + testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		backend(conn, in)
	})
	return gateway.New().Server(plain(80)).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}).BackendURL("app", url)
}

var (
	hello       = []byte("\x81\x05hello")
	goingAway   = []byte{0x88, 2, 3, 0xe9}
	clientClose = []byte{0x88, 0x82, 0, 0, 0, 0, 3, 0xe9}
)

// The client of a WebSocket gets a close frame at the end of its listener. Its answer
// reaches the backend, and the connection ends.
func TestWebSocketsAreToldToGo(t *testing.T) {
	answered := make(chan []byte, 1)
	s, _ := start(t, proxied(t, func(conn net.Conn, in *bufio.Reader) {
		_, _ = conn.Write(hello)
		got := make([]byte, len(clientClose))
		_, _ = io.ReadFull(in, got)
		answered <- got
		_, _ = conn.Write(goingAway) // its own close frame, which the client needs no more
	}), local(Config{GracePeriod: spec.NoLimit}, 80))
	conn, in := dial(t, s, 80)
	response, _ := ask(t, conn, in, upgrade)
	require.Equal(t, 101, response.StatusCode)
	read(t, in, hello)
	drained := make(chan error, 1)
	go func() { drained <- s.Shutdown(t.Context()) }()
	read(t, in, goingAway)
	_, err := conn.Write(clientClose)
	require.NoError(t, err)
	require.Equal(t, clientClose, testwire.Within(t, answered))
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, testwire.Within(t, drained))
}

// The close frame waits for the end of the frame that the backend is sending. Between the
// fragments of a message it may stand.
func TestGoingAwayWaitsForTheFrame(t *testing.T) {
	more := make(chan struct{})
	s, gw := start(t, proxied(t, func(conn net.Conn, in *bufio.Reader) {
		_, _ = io.WriteString(conn, "\x01\x05he")
		<-more
		_, _ = io.WriteString(conn, "llo\x80\x01!")
		_, _ = io.Copy(io.Discard, in)
	}), local(Config{GracePeriod: spec.NoLimit}, 80))
	conn, in := dial(t, s, 80)
	ask(t, conn, in, upgrade)
	read(t, in, []byte("\x01\x05he"))
	// The port goes; the gateway serves on.
	require.NoError(t, gw.Replace(gateway.New().Server(plain(81)).Route(spec.Route{DirectResponse: &spec.DirectResponse{Status: 200}})))
	require.NoError(t, s.Sync())
	refused(t, conn.RemoteAddr().String())
	close(more)
	read(t, in, append([]byte("llo"), goingAway...))
	conn.Close()
	require.NoError(t, s.Shutdown(t.Context()))
}

// A handler that hijacks its connection learns when to end.
func TestDraining(t *testing.T) {
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		draining := Draining(r.Context())
		conn, _ := switchTo(w)
		defer conn.Close()
		<-draining
		_, _ = conn.Write(goingAway)
	}), local(Config{GracePeriod: spec.NoLimit}, 80))
	conn, in := dial(t, s, 80)
	ask(t, conn, in, upgrade)
	drained := make(chan error, 1)
	go func() { drained <- s.Shutdown(t.Context()) }()
	read(t, in, goingAway)
	require.NoError(t, testwire.Within(t, drained))
	require.Nil(t, Draining(t.Context()))
}

// read reads what must come next.
func read(t *testing.T, in *bufio.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(in, got)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
