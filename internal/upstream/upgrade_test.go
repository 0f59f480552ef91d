package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

const upgradeRequest = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n\r\n"

// switching is a backend that switches protocols, sends first, and then echoes
// its input in upper case.
func switching(first string, ended chan<- error) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		head := headOf(in)
		if !strings.Contains(head, "Connection: Upgrade\r\n") || !strings.Contains(head, "Upgrade: WebSocket\r\n") || !strings.Contains(head, "Sec-Websocket-Key: k\r\n") {
			ended <- errors.New(head)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-A: 1\r\n\r\n"+first)
		for {
			line, err := in.ReadString('\n')
			if err != nil || line == "bye\n" {
				ended <- nil
				return
			}
			_, _ = io.WriteString(conn, strings.ToUpper(line))
		}
	}
}

func TestUpgrade(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, ending := range []string{"client", "backend", "context"} {
			t.Run(ending, func(t *testing.T) {
				ended := make(chan error, 1)
				u := newUpstream(t, to(transport, testwire.Backend(t, switching("first\n", ended))))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				returned := make(chan struct{})
				f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(returned)
					u.ServeHTTP(w, r.WithContext(ctx))
				}))
				conn, in := f.dial()
				// Data sent with the request is not lost.
				_, err := io.WriteString(conn, upgradeRequest+"early\n")
				require.NoError(t, err)
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				require.Equal(t, 101, response.StatusCode)
				require.Equal(t, "upgrade", response.Header.Get("Connection"))
				require.Equal(t, "websocket", response.Header.Get("Upgrade"))
				require.Equal(t, "1", response.Header.Get("X-A"))
				for _, want := range []string{"first\n", "EARLY\n"} {
					line, err := in.ReadString('\n')
					require.NoError(t, err)
					require.Equal(t, want, line)
				}
				_, err = io.WriteString(conn, "more\n")
				require.NoError(t, err)
				line, err := in.ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, "MORE\n", line)
				switch ending {
				case "client":
					conn.Close()
				case "backend":
					_, err = io.WriteString(conn, "bye\n")
					require.NoError(t, err)
					_, err = in.ReadByte()
					require.Error(t, err)
				case "context":
					cancel()
					_, err = in.ReadByte()
					require.Error(t, err)
				}
				require.NoError(t, testwire.Within(t, ended))
				testwire.Within(t, returned)
			})
		}
	})
}

func TestUpgradeRefused(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		f := proxy(t, transport, testwire.Backend(t, answer("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")))
		conn, in := f.dial()
		_, err := io.WriteString(conn, upgradeRequest)
		require.NoError(t, err)
		response, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.Equal(t, 400, response.StatusCode)
	})
}

// A switch of protocols that the client did not ask for is a protocol error.
func TestUpgradeNotAskedFor(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, row := range map[string]struct{ request, response string }{
			"no upgrade": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "Connection: upgrade\r\nUpgrade: websocket\r\n"},
			"another":    {upgradeRequest, "Connection: upgrade\r\nUpgrade: h2c\r\n"},
			"unnamed":    {upgradeRequest, ""},
		} {
			t.Run(name, func(t *testing.T) {
				f := proxy(t, transport, testwire.Backend(t, answer("HTTP/1.1 101 Switching Protocols\r\n"+row.response+"\r\n")))
				conn, in := f.dial()
				_, err := io.WriteString(conn, row.request)
				require.NoError(t, err)
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				require.Equal(t, 502, response.StatusCode)
			})
		}
	})
}

// Without the client's connection there is no upgrade, and no request for one.
func TestUpgradeNeedsTheConnection(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		u := newUpstream(t, to(transport, testwire.Backend(t, func(net.Conn, *bufio.Reader) { t.Error("the backend was asked") })))
		r := httptest.NewRequest("GET", "/chat", nil)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
		w := httptest.NewRecorder()
		u.ServeHTTP(w, r)
		require.Equal(t, 502, w.Code)

		failures := make(chan Failure, 1)
		u.ServeHTTP(recorder{w, failures}, r)
		failure := testwire.Within(t, failures)
		require.ErrorIs(t, failure.Err, ErrNotHijackable)
		require.False(t, failure.RequestSent)
	})
}
