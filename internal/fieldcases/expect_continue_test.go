package fieldcases

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// echoing reads a request of five bytes and sends them back. It sends before first,
// as soon as it has the header.
func echoing(first string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		for headOf(in) != "" {
			_, _ = io.WriteString(conn, first)
			body := make([]byte, 5)
			if _, err := io.ReadFull(in, body); err != nil {
				return
			}
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%s", body)
		}
	}
}

const (
	continues = "HTTP/1.1 100 Continue\r\n\r\n"
	expecting = "POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
)

// A client that waits for a 100 gets one for each of the backend's, and no others,
// and then the response. A refusal comes without a 100.
func TestExpectContinue(t *testing.T) {
	for name, asks := range map[string]int{"asked once": 1, "asked twice": 2} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, testwire.Backend(t, echoing(strings.Repeat(continues, asks))), func(t *testing.T, address string) {
				asked, response := uploadWhenAsked(t, address)
				require.GreaterOrEqual(t, asked, 1)
				require.LessOrEqual(t, asked, asks, "the gateway adds none of its own")
				requireEchoed(t, response)
			})
		})
	}
	t.Run("refused", func(t *testing.T) {
		refusing := answering("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
		everyWay(t, testwire.Backend(t, refusing), func(t *testing.T, address string) {
			conn, in := dial(t, address)
			send(t, conn, expecting)
			require.Contains(t, headOf(in), "HTTP/1.1 417 ")
		})
	})
}

// A backend that never sends a 100 gets the body nevertheless, and the client gets
// one 100. The gateway waits one second for the backend's.
func TestExpectContinueOfABackendThatNeverAsks(t *testing.T) {
	if testing.Short() {
		t.Skip("a second passes")
	}
	backend := testwire.Backend(t, echoing(""))
	type outcome struct{ name, all string }
	outcomes := make(chan outcome)
	all := ways(t, backend)
	for _, w := range all {
		conn, in := dial(t, serve(t, w.gw))
		send(t, conn, expecting)
		go func() {
			first := headOf(in)
			_, _ = io.WriteString(conn, "hello")
			rest, _ := io.ReadAll(in)
			outcomes <- outcome{w.name, first + string(rest)}
		}()
	}
	for range all {
		got := testwire.Within(t, outcomes)
		require.Equal(t, 1, strings.Count(got.all, continues), "%s: %s", got.name, got.all)
		requireEchoed(t, strings.TrimPrefix(got.all, continues))
	}
}

// uploadWhenAsked sends a body after the first 100. It returns the number of 100s,
// and what came after them.
func uploadWhenAsked(t *testing.T, address string) (asked int, response string) {
	conn, in := dial(t, address)
	send(t, conn, expecting)
	require.Equal(t, continues, headOf(in))
	send(t, conn, "hello")
	rest, err := io.ReadAll(in)
	require.NoError(t, err)
	response = string(rest)
	for asked = 1; strings.HasPrefix(response, continues); asked++ {
		response = strings.TrimPrefix(response, continues)
	}
	return asked, response
}

func requireEchoed(t *testing.T, response string) {
	require.True(t, strings.HasPrefix(response, "HTTP/1.1 200 OK\r\n"), response)
	require.True(t, strings.HasSuffix(response, "\r\n\r\nhello"), response)
}
