package fieldcases

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A gate holds a backend until the test has seen the output so far.
type gate chan struct{}

// open lets the backend at the gate continue.
func (g gate) open(t *testing.T) {
	t.Helper()
	select {
	case g <- struct{}{}:
	case <-time.After(patience):
		require.FailNow(t, "no backend waits")
	}
}

// wait waits until the gate is open. After a failure it may stay closed: then wait
// ends too.
func (g gate) wait() {
	select {
	case <-g:
	case <-time.After(patience):
	}
}

// answering is a script that sends the same response to each request. The requests
// have no body.
func answering(text string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		for headOf(in) != "" {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// headOf reads a message's header, with the empty line at its end. It returns "" if
// there is none.
func headOf(in *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String()
		}
	}
}

// dial opens a connection.
func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

// send writes text.
func send(t *testing.T, conn net.Conn, text string) {
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// said sends text on its own connection and returns everything up to the end of the
// connection. The text should request that end.
func said(t *testing.T, address, text string) string {
	conn, in := dial(t, address)
	send(t, conn, text)
	all, err := io.ReadAll(in)
	require.NoError(t, err)
	return string(all)
}

// answered reads a response, with its whole body.
func answered(t *testing.T, in *bufio.Reader) (*http.Response, string) {
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// speaking returns a client for one protocol, which does not change the responses.
func speaking(t *testing.T, set func(*http.Protocols)) *http.Transport {
	c := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
	set(c.Protocols)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func http1(p *http.Protocols) { p.SetHTTP1(true) }

func h2c(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }
