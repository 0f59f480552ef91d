package fieldcases

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

const asksUpgrade = "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n"

// If a backend answers a request for an upgrade with an ordinary response, the
// client gets its status, header and body.
func TestRefusedUpgradesAreWholeResponses(t *testing.T) {
	const fields = "Content-Type: application/json\r\nX-Why: no\r\n"
	for status, answer := range map[int]string{
		403: "HTTP/1.1 403 Forbidden\r\n" + fields + "Content-Length: 2\r\n\r\n{}",
		200: "HTTP/1.1 200 OK\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		426: "HTTP/1.1 426 Upgrade Required\r\nUpgrade: foo/2\r\nConnection: upgrade\r\n" + fields + "Content-Length: 2\r\n\r\n{}",
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			everyWay(t, testwire.Backend(t, answering(answer)), func(t *testing.T, address string) {
				conn, in := dial(t, address)
				send(t, conn, asksUpgrade)
				response, body := answered(t, in)
				require.Equal(t, status, response.StatusCode)
				require.Equal(t, "application/json", response.Header.Get("Content-Type"))
				require.Equal(t, "no", response.Header.Get("X-Why"))
				require.Equal(t, "{}", body)
			})
		})
	}
}

// A switch to a protocol that the client did not request makes no tunnel.
func TestSwitchesToOtherProtocols(t *testing.T) {
	for name, fields := range map[string]string{"another": "Upgrade: chat\r\nConnection: upgrade\r\n", "none": ""} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, testwire.Backend(t, answering("HTTP/1.1 101 Switching Protocols\r\n"+fields+"\r\nxx")), func(t *testing.T, address string) {
				conn, in := dial(t, address)
				send(t, conn, asksUpgrade)
				response, body := answered(t, in)
				require.Equal(t, 502, response.StatusCode)
				require.NotContains(t, body, "xx")
			})
		})
	}
}
