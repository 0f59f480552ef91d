package upstream

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// hostileHeads are response heads that are not valid HTTP/1.1, and after which
// a connection cannot be trusted.
var hostileHeads = []struct {
	name, text string
	// lenient means that net/http's Transport accepts it, as the documentation
	// of Config describes.
	lenient bool
}{
	{"empty status line", "\r\n\r\n", false},
	{"garbage", "\x16\x03\x01\x02\x00\r\n\r\n", false},
	{"HTTP/2", "HTTP/2 200 OK\r\n\r\n", false},
	{"HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", true},
	{"HTTP/0.9", "<html>hello</html>\r\n\r\n", false},
	{"lower case", "http/1.1 200 OK\r\n\r\n", false},
	{"status 099", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status 000", "HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status 600", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status 999", "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status 1000", "HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status 20", "HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status -20", "HTTP/1.1 -20 X\r\nContent-Length: 0\r\n\r\n", false},
	{"status 2x0", "HTTP/1.1 2x0 X\r\nContent-Length: 0\r\n\r\n", false},
	{"two spaces", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", true},
	{"control character in the reason", "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n", true},
	{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", true},
	{"bare LF once", "HTTP/1.1 200 OK\r\nContent-Length: 0\nA: b\r\n\r\n", true},
	{"bare CR", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\rC: d\r\n\r\n", false},
	{"folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", true},
	{"folded first line", "HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n", false},
	{"space before colon", "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n", true},
	{"no colon", "HTTP/1.1 200 OK\r\nA\r\nContent-Length: 0\r\n\r\n", false},
	{"no name", "HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n", false},
	{"odd name", "HTTP/1.1 200 OK\r\nA(b): c\r\nContent-Length: 0\r\n\r\n", true},
	{"name in UTF-8", "HTTP/1.1 200 OK\r\nÄ: c\r\nContent-Length: 0\r\n\r\n", true},
	{"NUL in a value", "HTTP/1.1 200 OK\r\nA: b\x00c\r\nContent-Length: 0\r\n\r\n", false},
	{"DEL in a value", "HTTP/1.1 200 OK\r\nA: b\x7fc\r\nContent-Length: 0\r\n\r\n", true},
	{"two different lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", false},
	{"the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", true},
	{"list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", false},
	{"length with sign", "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", false},
	{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false},
	{"hexadecimal length", "HTTP/1.1 200 OK\r\nContent-Length: 0x3\r\n\r\nabc", false},
	{"empty length", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nabc", true},
	{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", false},
	{"both framings", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true},
	{"both framings, reversed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true},
	{"other coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", false},
	{"coding list", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", false},
	{"identity", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc", false},
	{"chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
	{"obfuscated coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", false},
	{"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true},
	{"head too large", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 70<<10) + "\r\nContent-Length: 0\r\n\r\n", false},
	{"endless line", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 1<<20), false},
	{"too many lines", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 1001) + "\r\n", true},
}

func TestHostileHeads(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range hostileHeads {
			t.Run(row.name, func(t *testing.T) {
				f := proxy(t, transport, testwire.Backend(t, answer(row.text)))
				response, body := f.get("/")
				if transport == NetHTTP && row.lenient {
					require.NotEqual(t, 503, response.StatusCode)
					return
				}
				require.Equal(t, 502, response.StatusCode)
				require.Equal(t, resetPrefix+"protocol error", body)
			})
		}
	})
}

// A connection with a bad response is closed, whatever else is on it.
func TestHostileConnectionIsNotUsedAgain(t *testing.T) {
	const good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct{ name, text string }{
			{"second response at once", good + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"},
			{"garbage after the body", good + "x"},
			{"line end after the body", good + "\r\n"},
			{"body after 304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc"},
			{"body after 204", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"},
			{"after chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"},
			{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
			{"close", "HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok"},
			{"close in a list", "HTTP/1.1 200 OK\r\nConnection: x,close\r\nContent-Length: 2\r\n\r\nok"},
		} {
			t.Run(row.name, func(t *testing.T) {
				ended := make(chan string, 2)
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					headOf(in)
					_, _ = io.WriteString(conn, row.text)
					all, _ := io.ReadAll(in)
					ended <- string(all)
				}))
				response, body := f.get("/")
				require.Less(t, response.StatusCode, 400)
				require.NotContains(t, body, "evil")
				require.Empty(t, testwire.Within(t, ended), "the connection is closed without a second request")
			})
		}
	})
}

// An unrequested response is not the answer to the next request.
func TestUnaskedResponse(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		if transport == NetHTTP {
			t.Skip("net/http notices too late if the request comes at the same moment")
		}
		sent := make(chan struct{}, 1)
		again := make(chan struct{})
		served := make(chan string, 3)
		f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
			served <- headOf(in)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
			<-again
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			select {
			case sent <- struct{}{}:
			default:
			}
			_, _ = io.Copy(io.Discard, in)
		}))
		_, body := f.get("/1")
		require.Equal(t, "good", body)
		close(again)
		testwire.Within(t, sent)
		_, body = f.do("POST", "/2", strings.NewReader("x"))
		require.Equal(t, "good", body)
		testwire.Within(t, sent)
		_, body = f.get("/3")
		require.Equal(t, "good", body)
		require.Contains(t, testwire.Within(t, served), "GET /1 ")
		require.Contains(t, testwire.Within(t, served), "POST /2 ")
		require.Contains(t, testwire.Within(t, served), "GET /3 ")
	})
}

// Connections are reused after every kind of response that allows it.
func TestConnectionIsUsedAgain(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct{ name, method, text string }{
			{"fixed", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
			{"empty", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
			{"chunked", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
			{"chunked with trailer", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n"},
			{"head", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
			{"no content", "GET", "HTTP/1.1 204 No Content\r\n\r\n"},
			{"not modified", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n"},
			{"hints", "GET", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
			{"post", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
			{"long", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("x", 200000)},
		} {
			t.Run(row.name, func(t *testing.T) {
				conns := make(chan int, 100)
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					conns <- 1
					for {
						r, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, r.Body)
						_, _ = io.WriteString(conn, row.text)
					}
				}))
				for range 5 {
					f.do(row.method, "/", strings.NewReader(strings.Repeat("b", 3*len(row.method)%4)))
				}
				require.Len(t, conns, 1)
			})
		}
	})
}

// A backend that has closed an idle connection does not fail a request.
func TestStaleConnection(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, method := range []string{"GET", "POST"} {
			t.Run(method, func(t *testing.T) {
				if transport == NetHTTP && method == "POST" {
					t.Skip("net/http notices too late if the request comes at the same moment")
				}
				closed := make(chan struct{}, 100)
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(conn, in)
					conn.Close()
					closed <- struct{}{}
				}))
				for i := range 20 {
					var body io.Reader
					if method == "POST" {
						body = strings.NewReader("abc")
					}
					response, _ := f.do(method, fmt.Sprintf("/%d", i), body)
					require.Equal(t, 200, response.StatusCode)
					testwire.Within(t, closed)
				}
			})
		}
	})
}

// A request is sent again only if that is safe, and only after a failure on a
// used connection.
func TestRepeats(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct {
			method, body string
			headers      []string
			want         int
		}{
			{"GET", "", nil, 200},
			{"HEAD", "", nil, 200},
			{"POST", "", nil, 503},
			{"POST", "", []string{"Idempotency-Key: 1"}, 200},
			{"DELETE", "", nil, 503},
			{"GET", "x", nil, 503},
			{"PUT", "x", nil, 503},
		} {
			t.Run(fmt.Sprint(row.method, row.body, row.headers), func(t *testing.T) {
				var closed atomic.Bool
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					for i := 0; ; i++ {
						r, err := http.ReadRequest(in)
						if err != nil {
							return
						}
						_, _ = io.Copy(io.Discard, r.Body)
						if i == 1 && closed.CompareAndSwap(false, true) {
							return
						}
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				}))
				response, _ := f.get("/")
				require.Equal(t, 200, response.StatusCode)
				var body io.Reader
				if row.body != "" {
					body = strings.NewReader(row.body)
				}
				response, _ = f.do(row.method, "/", body, row.headers...)
				require.Equal(t, row.want, response.StatusCode)
			})
		}
	})
}
