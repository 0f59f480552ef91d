package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"

	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// linesOf returns a Logger whose lines are sent to the channel.
func linesOf() (*slog.Logger, chan string) {
	lines := make(chan string, 10)
	options := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "client" {
			return slog.Attr{}
		}
		return a
	}}
	return slog.New(slog.NewTextHandler(lineWriter(lines), options)), lines
}

type lineWriter chan string

func (w lineWriter) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestPanicsAreLogged(t *testing.T) {
	log, lines := linesOf()
	s, _ := start(t, toApp(func(http.ResponseWriter, *http.Request) { panic("oh") }), local(Config{Logger: log}, 80))
	conn, in := dial(t, s, 80)
	_, err := io.WriteString(conn, get)
	require.NoError(t, err)
	all, err := io.ReadAll(in)
	require.NoError(t, err)
	if s.config.Engine == EngineNetHTTP {
		require.Empty(t, all)
	} else {
		require.Regexp(t, `^HTTP/1.1 500 Internal Server Error\r\n(?s).*\r\n\r\n500 Internal Server Error$`, string(all))
	}
	require.Regexp(t, `^level=ERROR msg="http: panic serving .*: oh`, testwire.Within(t, lines))
	require.EqualValues(t, 1, s.Ports()[0].Panics)
}

func TestPanicsOverHTTP2AreLogged(t *testing.T) {
	log, lines := linesOf()
	s, _ := start(t, toApp(func(http.ResponseWriter, *http.Request) { panic("oh") }), local(Config{Logger: log}, 80))
	_, err := overH2C(t).Get("http://" + s.Addr(80).String())
	require.Error(t, err)
	require.Regexp(t, `^level=ERROR msg="http2: panic serving .*: oh`, testwire.Within(t, lines))
	require.EqualValues(t, 1, s.Ports()[0].Panics)
}

func TestWithoutALogger(t *testing.T) {
	s, _ := start(t, toApp(says("")), local(Config{}, 80))
	require.Same(t, slog.Default(), s.config.Logger)
}

func TestFailedHandshakesAreLogged(t *testing.T) {
	log, lines := linesOf()
	s, _ := start(t, toApp(says("")).Server(secure("a.test", simple("none"))), local(Config{Logger: log, ReadHeaderTimeout: 1}, 443))
	conn, in := dial(t, s, 443)
	_, err := in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, conn.Close())
	require.Equal(t, "level=DEBUG msg=\"TLS handshake failed\" error=\"context deadline exceeded\"\n", testwire.Within(t, lines))
}

// failing is a listener that yields no connections.
type failing struct{ net.Listener }

var errGone = errors.New("gone")

func (failing) Accept() (net.Conn, error) { return nil, errGone }

func TestFailedListenersAreLogged(t *testing.T) {
	log, lines := linesOf()
	c := local(Config{Logger: log, Listen: func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return failing{l}, err
	}}, 80, 443)
	start(t, toApp(says("")).Server(plain(80)).Server(secure("a.test", spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "a"})), c)
	require.ElementsMatch(t, []string{
		"level=ERROR msg=\"listener failed\" port=80 error=gone\n", "level=ERROR msg=\"listener failed\" port=443 error=gone\n",
	}, []string{testwire.Within(t, lines), testwire.Within(t, lines)})
}
