package interop

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
)

// echo sends back every message that it gets, until the client says goodbye.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(2 << 20)
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

func TestWebSocket(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(echo))
	defer backend.Close()
	for name, transport := range map[string]gateway.Transport{"Direct": gateway.TransportDirect, "NetHTTP": gateway.TransportNetHTTP} {
		for policy, timeout := range map[string]time.Duration{"default policy": 0, "route timeout": patience} {
			t.Run(fmt.Sprintf("%s/%s", name, policy), func(t *testing.T) {
				route := everything("echo.example.com")
				route.Timeout = timeout
				b := gateway.New().BackendURL("echo.example.com", backend.URL).Transport(transport).Route(route)
				testEcho(t, serve(t, b))
			})
		}
	}
}

func testEcho(t *testing.T, address string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, "ws://"+address+"/chat", &websocket.DialOptions{Subprotocols: []string{"echo"}})
	require.NoError(t, err)
	defer conn.CloseNow()
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	require.Equal(t, "echo", conn.Subprotocol())
	conn.SetReadLimit(2 << 20)
	for _, length := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
		sent := bytes.Repeat([]byte("x"), length)
		require.NoError(t, conn.Write(ctx, websocket.MessageBinary, sent))
		kind, got, err := conn.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, websocket.MessageBinary, kind)
		require.True(t, bytes.Equal(sent, got), "a message of %d bytes came back changed", length)
	}
	reading := conn.CloseRead(ctx)
	require.NoError(t, conn.Ping(ctx))
	require.NoError(t, conn.Close(websocket.StatusNormalClosure, "bye"))
	<-reading.Done()
}
