package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/http1"
)

// hostileFraming are requests that net/http's server accepts, and others read differently.
var hostileFraming = []struct{ name, text string }{
	{"a bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
	{"a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"},
	{"a bare LF at the end of the head", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
	{"a bare LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"},
	{"a folded coding", "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\tTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
	{"a length beside chunks", twice},
	{"chunks beside a length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
	{"a length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"},
	{"a length of 19 digits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000000000000001\r\n\r\nx"},
	{"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{"HTTP/2 without its preface", "PRI * HTTP/2.0\r\n\r\n" + get},
	{"HTTP/2 that the server does not speak", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + get},
}

// hostileChunks are bodies that net/http's server accepts, and others read differently.
var hostileChunks = []struct{ name, text string }{
	{"a bare LF behind a size", "5\nhello\r\n0\r\n\r\n"},
	{"a bare LF behind a chunk", "5\r\nhello\n0\r\n\r\n"},
	{"a bare LF behind the last size", "5\r\nhello\r\n0\n\r\n"},
	{"a bare LF at the end", "5\r\nhello\r\n0\r\n\n"},
	{"a size of 16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n"},
	{"a control character in an extension", "5;\x01\r\nhello\r\n0\r\n\r\n"},
	{"a CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"},
	{"a space before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n"},
	{"a bare LF in the trailer", "5\r\nhello\r\n0\r\nX: 1\n\r\n"},
	{"a folded trailer", "5\r\nhello\r\n0\r\nX: 1\r\n 2\r\n\r\n"},
	{"a trailer without a name", "5\r\nhello\r\n0\r\n: 1\r\n\r\n"},
}

// harmless are requests that pass unchanged, one after the other.
var harmless = []string{
	get, sized, chunked, "\r\n" + get, deceptive,
	"PUT /" + strings.Repeat("p", 100) + " HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("v", 200) + "\r\nContent-Length:0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5;a=\"b;c\";d\r\nhello\r\n00A\r\n0123456789\r\n0;x\r\nX-A: 1\r\nX-B:\r\n\r\n",
	"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
}

// A watchedRequest is what a handler behind a server saw.
type watchedRequest struct {
	line, body string
	broken     bool
	host       bool
}

// A wireLog remembers requests.
type wireLog struct {
	mu  sync.Mutex
	all []watchedRequest
}

func (l *wireLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	seen := watchedRequest{r.Method + " " + r.RequestURI + " " + fmt.Sprint(r.Header["X"], r.Trailer), string(body), err != nil, doubt.HasOneHost(r)}
	l.mu.Lock()
	l.all = append(l.all, seen)
	l.mu.Unlock()
}

// A script is a connection whose client sends a text in parts and reads all answers.
type script struct {
	text   string
	part   int
	mu     sync.Mutex
	out    bytes.Buffer
	closed chan struct{}
	once   sync.Once
}

func newScript(text string, part int) *script {
	return &script{text: text, part: part, closed: make(chan struct{})}
}

func (s *script) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == "" {
		return 0, io.EOF
	}
	n := min(len(p), len(s.text))
	if s.part > 0 {
		n = min(n, s.part)
	}
	copy(p, s.text[:n])
	s.text = s.text[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *script) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// behindGuard returns what a handler of net/http's server sees, and the answers.
func behindGuard(text string, part int) ([]watchedRequest, string) {
	conn, seen := newScript(text, part), new(wireLog)
	l := newHandoff(&net.TCPAddr{})
	srv := &http.Server{Handler: seen, ErrorLog: log.New(io.Discard, "", 0), DisableGeneralOptionsHandler: true}
	var running sync.WaitGroup
	guarded := Guard(srv, l)
	running.Go(func() { _ = srv.Serve(guarded) })
	l.give(conn)
	<-conn.closed
	_ = srv.Close()
	running.Wait()
	return seen.all, conn.out.String()
}

// behindHTTP1 returns what a handler of our own server sees.
func behindHTTP1(text string, part int) []watchedRequest {
	conn, seen := newScript(text, part), new(wireLog)
	s := &http1.Server{Handler: seen, Logger: slog.New(slog.DiscardHandler)}
	s.Serve(conn, nil)
	<-conn.closed
	return seen.all
}

func TestGuardRefusesHeads(t *testing.T) {
	for _, row := range hostileFraming {
		t.Run(row.name, func(t *testing.T) {
			for _, before := range []string{"", get, sized + chunked} {
				text := before + row.text + get
				for part := 0; part <= len(row.text); part++ {
					seen, out := behindGuard(text, part)
					require.Len(t, seen, strings.Count(before, " / HTTP/1.1\r\n"), "%q by %d", text, part)
					require.Equal(t, 1, strings.Count(out, "HTTP/1.1 400 Bad Request"), "by %d: %s", part, out)
					require.True(t, strings.HasSuffix(out, "400 Bad Request"), "nothing follows the refusal")
				}
			}
		})
	}
}

func TestGuardRefusesBodies(t *testing.T) {
	for _, row := range hostileChunks {
		t.Run(row.name, func(t *testing.T) {
			text := get + "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + row.text + get
			for part := 0; part <= len(text); part++ {
				seen, _ := behindGuard(text, part)
				require.Len(t, seen, 2, "by %d", part)
				require.True(t, seen[1].broken, "by %d", part)
			}
		})
	}
}

func TestGuardPassesOthers(t *testing.T) {
	text := strings.Join(harmless, "")
	alone := behindHTTP1(text, 0)
	require.Len(t, alone, len(harmless))
	for part := 0; part <= len(text); part += 1 + part/50 {
		seen, _ := behindGuard(text, part)
		require.Equal(t, alone, seen, "by %d", part)
	}
}

// TestGuardedUpgrades sends bytes of another protocol with the head and behind it.
func TestGuardedUpgrades(t *testing.T) {
	for _, secure := range []bool{false, true} {
		srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/no" {
				return
			}
			require.Equal(t, secure, r.TLS != nil)
			conn, in, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
			_, _ = io.CopyN(conn, in, 8)
		})}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := l.Addr().String()
		if secure {
			l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*newAuthority(t).issue("a")}})
		}
		var running sync.WaitGroup
		running.Go(func() { _ = srv.Serve(Guard(srv, l)) })
		upgrade := func(path string) string {
			return "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
		}
		ask := func(texts ...string) string {
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			if secure {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			in := bufio.NewReader(conn)
			for i, text := range texts {
				_, err = io.WriteString(conn, text)
				require.NoError(t, err)
				if i < len(texts)-1 {
					_, err = in.Peek(1)
					require.NoError(t, err)
				}
			}
			all, _ := io.ReadAll(in)
			return string(all)
		}
		require.Contains(t, ask(upgrade("/"), "\n\n\nGET /\n"), "\r\n\r\n\n\n\nGET /")
		require.Contains(t, ask(upgrade("/")+"\n \nGET /\n"), "\r\n\r\n\n \nGET /")
		out := ask(upgrade("/no") + "GET / HTTP/1.1\nHost: a\r\n\r\n")
		require.Contains(t, out, "200 OK")
		require.Contains(t, out, "400 Bad Request", "an upgrade that was refused hides nothing")
		require.NoError(t, srv.Close())
		running.Wait()
	}
}

// FuzzGuard checks that our own server reads all requests alike that net/http's reads behind
// a Guard, but for those that it refuses for their host.
func FuzzGuard(f *testing.F) {
	for _, row := range hostileFraming {
		f.Add(get+row.text+get, uint8(0))
	}
	for _, row := range hostileChunks {
		f.Add("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+row.text+get, uint8(3))
	}
	f.Add(strings.Join(harmless, ""), uint8(7))
	f.Fuzz(func(t *testing.T, text string, part uint8) {
		if len(text) > 16<<10 {
			t.Skip()
		}
		theirs, _ := behindGuard(text, int(part))
		ours := behindHTTP1(text, int(part))
		for i, r := range theirs {
			switch {
			case i < len(ours) && r == ours[i]:
			case i < len(ours) && r.broken:
				return // refused in the end
			case i >= len(ours) && (!r.host || r.broken):
				return
			default:
				t.Fatalf("request %d of %q by %d: behind Guard %+v, ours %+v", i, text, part, r, ours)
			}
		}
	})
}

func BenchmarkWatch(b *testing.B) {
	head := []byte("GET /products/1?x=1 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n")
	var w watch
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		w.scan(head)
	}
}
