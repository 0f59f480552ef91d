package upstream

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// headOf returns the head of a request as it arrives, with unsorted lines.
func headOf(in *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

// exchangeRaw sends text through an Upstream with config, and returns what the
// backend receives. The backend answers ok.
func exchangeRaw(t *testing.T, config func(address string) Config, text string) (string, string) {
	heads := make(chan string, 1)
	address := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
		heads <- headOf(in)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	f := serveFront(t, newUpstream(t, config(address)))
	response := f.raw(text)
	return testwire.Within(t, heads), response
}

func TestTarget(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct{ base, target, want string }{
			{"", "/", "/"},
			{"", "/a/b?x=1&y", "/a/b?x=1&y"},
			{"", "/a%2Fb", "/a%2Fb"},
			{"", "/a%2fb%20c", "/a%2fb%20c"},
			{"", "//x", "//x"},
			{"", "//x//y?z", "//x//y?z"},
			{"", `/a\b`, `/a\b`},
			{"", `/a"b`, `/a"b`},
			{"", "/a;b=c", "/a;b=c"},
			{"", "/a?x;y=%zz&&", "/a?x;y=%zz&&"},
			{"", "/ü", "/ü"},
			{"", "/%C3%bc", "/%C3%bc"},
			{"", "/a?", "/a?"},
			{"", "/a?b?c", "/a?b?c"},
			{"", "/[a]|^`{}", "/[a]|^`{}"},
			{"/base", "/x", "/base/x"},
			{"/base/", "/x", "/base/x"},
			{"/b%2Fase", "/x%2F", "/b%2Fase/x%2F"},
			{"/base", "/", "/base/"},
			{"/base", "//x", "/base//x"},
		} {
			t.Run(row.base+row.target, func(t *testing.T) {
				head, response := exchangeRaw(t, func(address string) Config {
					c := to(transport, address)
					c.BasePath = row.base
					return c
				}, "GET "+row.target+" HTTP/1.1\r\nHost: a.test:81\r\nConnection: close\r\n\r\n")
				line, _, _ := strings.Cut(head, "\r\n")
				require.Equal(t, "GET "+row.want+" HTTP/1.1", line)
				require.Contains(t, response, "200 OK")
			})
		}
	})
}

// Bytes that cannot be in a request line are encoded.
func TestTargetWithBytesThatEndALine(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		heads := make(chan string, 1)
		address := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
			heads <- headOf(in)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		})
		u := newUpstream(t, to(transport, address))
		f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path, r.URL.RawPath = "/a b\r\nc#", "/a b\r\nc#"
			r.URL.RawQuery = "d e\nf#g"
			u.ServeHTTP(w, r)
		}))
		f.get("/")
		line, _, _ := strings.Cut(testwire.Within(t, heads), "\r\n")
		require.Equal(t, "GET /a%20b%0D%0Ac%23?d%20e%0Af%23g HTTP/1.1", line)
	})
}

func TestRequestHeaders(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct {
			name, send string
			want       []string
		}{
			{"none added", "", nil},
			{"kept", "X-A: 1\r\nX-A: 2\r\nAccept-Encoding: br\r\nUser-Agent: me\r\nProxy-Authorization: p\r\n", []string{
				"X-A: 1", "X-A: 2", "Accept-Encoding: br", "User-Agent: me", "Proxy-Authorization: p",
			}},
			{"hop by hop", "Keep-Alive: 3\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nX-A: 1\r\n", []string{"X-A: 1"}},
			{"te", "TE: gzip, Trailers\r\n", []string{"Te: trailers"}},
			{"nominated", "Connection: X-A, x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n", []string{"X-C: 3"}},
			{"nominated and protected", "Connection: X-Forwarded-For, Authorization, Host\r\nX-Forwarded-For: 1\r\nAuthorization: 2\r\n", []string{
				"X-Forwarded-For: 1", "Authorization: 2",
			}},
			{"websocket without upgrade", "Upgrade: websocket\r\n", nil},
			{"websocket twice", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", nil},
			{"empty value", "X-A:\r\n", []string{"X-A: "}},
			{"bytes", "X-A: \xfcber\r\n", []string{"X-A: \xfcber"}},
		} {
			t.Run(row.name, func(t *testing.T) {
				head, _ := exchangeRaw(t, func(address string) Config { return to(transport, address) },
					"GET / HTTP/1.1\r\nHost: A.test:81\r\n"+row.send+"Connection: close\r\n\r\n")
				lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
				require.Equal(t, "Host: A.test:81", lines[1])
				require.ElementsMatch(t, row.want, lines[2:])
			})
		}
	})
}

func TestRemoveNominated(t *testing.T) {
	for _, row := range []struct {
		connection []string
		want       http.Header
	}{
		{nil, http.Header{"X-A": {"1"}, "X-Forwarded-For": {"2"}, "Te": {"trailers"}, "Content-Length": {"3"}}},
		{[]string{"close, x-a"}, http.Header{"Connection": {"close"}, "X-Forwarded-For": {"2"}, "Te": {"trailers"}, "Content-Length": {"3"}}},
		{[]string{"keep-alive", "Upgrade,X-Forwarded-For"}, http.Header{"Connection": {"Upgrade"}, "X-A": {"1"}, "Te": {"trailers"}, "Content-Length": {"3"}}},
		{[]string{"TE, Content-Length"}, http.Header{"X-A": {"1"}, "X-Forwarded-For": {"2"}, "Te": {"trailers"}, "Content-Length": {"3"}}},
	} {
		t.Run(fmt.Sprint(row.connection), func(t *testing.T) {
			h := http.Header{"X-A": {"1"}, "X-Forwarded-For": {"2"}, "Te": {"trailers"}, "Content-Length": {"3"}}
			if row.connection != nil {
				h["Connection"] = row.connection
			}
			RemoveNominated(h)
			require.Equal(t, row.want, h)
		})
	}
}

func TestResponseHeaders(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		const date = "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
		for _, row := range []struct {
			name, method, send, want string
		}{
			{
				"plain", "GET", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\nok",
				"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + date + "X-A: 1\r\nX-A: 2\r\n\r\nok",
			},
			{
				"hop by hop", "GET", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 2\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nUpgrade: h2\r\nConnection: x-b, keep-alive\r\nX-B: 1\r\n\r\nok",
				"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + date + "\r\nok",
			},
			{
				"no type guessed", "GET", "HTTP/1.1 404 Whatever\r\n" + date + "Content-Length: 6\r\n\r\n<html>",
				"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n" + date + "\r\n<html>",
			},
			{
				"head", "HEAD", "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 1234\r\n\r\n",
				"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n" + date + "\r\n",
			},
			{
				"no content", "GET", "HTTP/1.1 204 No Content\r\n" + date + "X-A: 1\r\n\r\n",
				"HTTP/1.1 204 No Content\r\n" + date + "X-A: 1\r\n\r\n",
			},
			{
				"not modified", "GET", "HTTP/1.1 304 Not Modified\r\n" + date + "Etag: \"x\"\r\n\r\n",
				"HTTP/1.1 304 Not Modified\r\n" + date + "Etag: \"x\"\r\n\r\n",
			},
			{
				"empty", "GET", "HTTP/1.1 500 X\r\n" + date + "Content-Length: 0\r\n\r\n",
				"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n" + date + "\r\n",
			},
			{
				"until the end", "GET", "HTTP/1.0 200 OK\r\n" + date + "\r\nto the end",
				"HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\n\r\na\r\nto the end\r\n0\r\n\r\n",
			},
			{
				"chunked", "GET", "HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: Chunked\r\n\r\n5;ext=1\r\nhello\r\n00\r\n\r\n",
				"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + date + "\r\nhello",
			},
			{
				"no reason", "GET", "HTTP/1.1 299\r\n" + date + "Content-Length: 0\r\n\r\n",
				"HTTP/1.1 299 status code 299\r\nContent-Length: 0\r\n" + date + "\r\n",
			},
			{
				"auth and cookies", "GET", "HTTP/1.1 407 X\r\n" + date + "Content-Length: 0\r\nProxy-Authenticate: Basic\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
				"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n" + date + "Proxy-Authenticate: Basic\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
			},
		} {
			t.Run(row.name, func(t *testing.T) {
				f := proxy(t, transport, testwire.Backend(t, answer(row.send)))
				conn, in := f.dial()
				_, err := io.WriteString(conn, row.method+" / HTTP/1.1\r\nHost: a.test\r\n\r\n")
				require.NoError(t, err)
				want := readAll(t, bufio.NewReader(strings.NewReader(row.want)), row.method)
				require.Equal(t, want, readAll(t, in, row.method))
				require.Zero(t, in.Buffered())
			})
		}
	})
}

// readAll reads one response to method, and returns everything except the
// framing of its body.
func readAll(t *testing.T, in *bufio.Reader, method string) string {
	response, err := http.ReadResponse(in, &http.Request{Method: method})
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if len(body) > 0 {
		response.Header.Del("Content-Length")
	}
	return fmt.Sprintf("%s %v %q", response.Status, response.Header, body)
}

// Headers that the writer already holds are sent too.
func TestResponseHeadersAreAdded(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		u := newUpstream(t, to(transport, testwire.Backend(t, answer("HTTP/1.1 200 OK\r\nVary: b\r\nContent-Length: 0\r\n\r\n"))))
		f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "a")
			u.ServeHTTP(w, r)
		}))
		response, _ := f.get("/")
		require.Equal(t, []string{"a", "b"}, response.Header["Vary"])
	})
}

// The handler's request is not changed.
func TestRequestIsKept(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		u := newUpstream(t, to(transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {})))
		f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header, target := r.Header.Clone(), *r.URL
			u.ServeHTTP(w, r)
			if got := fmt.Sprint(r.Header, *r.URL); got != fmt.Sprint(header, target) {
				t.Errorf("changed to %s", got)
			}
		}))
		f.do("GET", "//a%2Fb?x", nil, "Te: trailers", "Connection: x-a", "X-A: 1")
	})
}

func TestMethodsAndBodies(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct{ name, send, want string }{
			{"get", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET 0 [] \"\""},
			{"post empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST 0 [] \"\""},
			{"post", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "POST 3 [] \"abc\""},
			{"chunked", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "PUT -1 [chunked] \"abc\""},
			{"own method", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "BREW 0 [] \"\""},
			{"delete with body", "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "DELETE 1 [] \"x\""},
			{"get with body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "GET 1 [] \"x\""},
		} {
			t.Run(row.name, func(t *testing.T) {
				seen := make(chan string, 1)
				f := proxy(t, transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					seen <- fmt.Sprintf("%s %d %v %q", r.Method, r.ContentLength, r.TransferEncoding, body)
				}))
				conn, in := f.dial()
				_, err := io.WriteString(conn, row.send)
				require.NoError(t, err)
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				require.Equal(t, 200, response.StatusCode)
				require.Equal(t, row.want, testwire.Within(t, seen))
			})
		}
	})
}
