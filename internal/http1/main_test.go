package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway/internal/testwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience limits the wait for an expected event; a good run never waits that long.
const patience = testwire.Patience

// engines are this package's server and net/http's, on a listener until the end of a
// test.
var engines = []struct {
	name  string
	serve func(t testing.TB, l net.Listener, h http.Handler)
}{
	{"ours", func(t testing.TB, l net.Listener, h http.Handler) { serveOurs(t, l, &Server{Handler: h}) }},
	{"net/http", func(t testing.TB, l net.Listener, h http.Handler) {
		s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), DisableGeneralOptionsHandler: true}
		done := make(chan error, 1)
		go func() { done <- s.Serve(l) }()
		t.Cleanup(func() {
			_ = s.Close()
			<-done
		})
	}},
}

// serveOurs serves the connections of a listener with s.
func serveOurs(t testing.TB, l net.Listener, s *Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.Serve(conn, nil)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		s.Close()
		s.Cancel()
	})
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

// start serves h with this package's server, and returns its address.
func start(t testing.TB, s *Server) string {
	l := listen(t)
	serveOurs(t, l, s)
	return l.Addr().String()
}

func dial(t testing.TB, address string) (*net.TCPConn, *bufio.Reader) {
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn), bufio.NewReader(conn)
}

func send(t testing.TB, conn io.Writer, text string) {
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// said sends text, and returns all that comes until the end of the connection.
func said(t testing.TB, address, text string) string {
	conn, in := dial(t, address)
	send(t, conn, text)
	all, err := io.ReadAll(in)
	if !errors.Is(err, net.ErrClosed) && err != nil {
		return string(all) + "<" + err.Error() + ">"
	}
	return string(all)
}

// answered reads a response with its body.
func answered(t testing.TB, in *bufio.Reader) (*http.Response, string) {
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// sorted returns a stream of responses with the header lines of each in order, without
// Date, and with the chunks of a body joined.
func sorted(text string) string {
	var out strings.Builder
	for text != "" {
		i := strings.Index(text, "\r\n\r\n")
		start := strings.Index(text, "HTTP/1.")
		if i < 0 || start < 0 || start > i {
			break
		}
		out.WriteString(text[:start])
		lines := strings.Split(text[start:i], "\r\n")
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Date: ") })
		slices.Sort(lines[1:])
		out.WriteString(strings.Join(lines, "\n") + "\n\n")
		text = text[i+4:]
		for chunked := slices.Contains(lines, "Transfer-Encoding: chunked"); chunked; {
			line, rest, ok := strings.Cut(text, "\r\n")
			n, err := strconv.ParseUint(line, 16, 31)
			if !ok || err != nil || len(rest) < int(n)+2 {
				break
			}
			out.WriteString(rest[:n])
			text = rest[n:]
			if n == 0 {
				break
			}
			text = strings.TrimPrefix(text, "\r\n")
		}
	}
	return out.String() + text
}

// A script is a connection on which a client sends a text in parts, and reads all.
type script struct {
	text string
	part int

	mu     sync.Mutex
	out    bytes.Buffer
	closed chan struct{}
	once   sync.Once
}

func newScript(text string, part int) *script {
	return &script{text: text, part: part, closed: make(chan struct{})}
}

func (c *script) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.text == "" {
		return 0, io.EOF
	}
	n := len(p)
	if c.part > 0 {
		n = min(n, c.part)
	}
	n = copy(p[:n], c.text)
	c.text = c.text[n:]
	return n, nil
}

func (c *script) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

func (c *script) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *script) LocalAddr() net.Addr              { return &net.TCPAddr{Port: 80} }
func (c *script) RemoteAddr() net.Addr             { return &net.TCPAddr{Port: 1} }
func (c *script) SetDeadline(time.Time) error      { return nil }
func (c *script) SetReadDeadline(time.Time) error  { return nil }
func (c *script) SetWriteDeadline(time.Time) error { return nil }

// A single is a listener of one connection.
type single struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *single) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *single) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *single) Addr() net.Addr { return &net.TCPAddr{} }
