package server

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// TestMalformedHTTP2 sends requests in frames of its own: a client that is correct sends none
// of those that are refused.
func TestMalformedHTTP2(t *testing.T) {
	var reached atomic.Int64
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}).Server(plain(80)), local(Config{}, 80))
	post := [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a.test"}}
	for _, row := range []struct {
		name   string
		path   string
		fields [][2]string
		served bool
	}{
		{"without a length", "/", nil, true},
		{"with its length", "/", [][2]string{{"content-length", "5"}}, true},
		{"a length that is no number", "/", [][2]string{{"content-length", "five"}}, false},
		{"a signed length", "/", [][2]string{{"content-length", "+5"}}, false},
		{"an empty length", "/", [][2]string{{"content-length", ""}}, false},
		{"two lengths", "/", [][2]string{{"content-length", "5"}, {"content-length", "6"}}, false},
		{"the length twice", "/", [][2]string{{"content-length", "5"}, {"content-length", "5"}}, false},
		{"two lengths in one field", "/", [][2]string{{"content-length", "5, 5"}}, false},
		{"a URL as path", "http://b.test/", nil, false},
		{"a path like a URL", "//b.test/", nil, true},
		{"a path with a space", "/a HTTP/1.1", nil, false},
		{"a query with a space", "/?a HTTP/1.1", nil, false},
		{"the host again", "/", [][2]string{{"host", "a.test"}}, true},
		{"another host", "/", [][2]string{{"host", "b.test"}}, false},
		{"the host twice", "/", [][2]string{{"host", "a.test"}, {"host", "a.test"}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.Addr(80).String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			fields := append(append(post[:3:3], [2]string{":path", row.path}), row.fields...)
			request := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
			request = frame(request, frameSettings, 0, 0, nil)
			request = frame(request, frameHeaders, flagEndHeaders, 1, literals(fields))
			request = frame(request, frameData, flagEndStream, 1, []byte("hello"))
			_, err = conn.Write(request)
			require.NoError(t, err)
			before := reached.Load()
			status := statusIn(t, bufio.NewReader(conn))
			if row.served {
				require.EqualValues(t, status200, status)
				return
			}
			require.Contains(t, []byte{status400, reset}, status)
			require.Equal(t, before, reached.Load(), "the request was forwarded")
		})
	}
}

// hostileHosts are authorities that are refused in whatever way they come.
var hostileHosts = []string{
	"a:b", "a:99999", "a:80:80", ":80", "a%2eb", "%", "u@h", "u:p@h", "[a]", "[10.0.0.1]", "[::1", "::1", "[fe80::1%25eth0]", "a, b",
}

// TestHostileHosts checks that no handler sees a request whose host is in doubt.
func TestHostileHosts(t *testing.T) {
	var reached atomic.Int64
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		_, _ = io.WriteString(w, r.Host)
	}).Server(plain(80)), local(Config{}, 80))
	for _, host := range append(hostileHosts, "") {
		response, _ := raw(t, s, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		require.Equal(t, 400, response.StatusCode, "Host: %s", host)
		response, _ = raw(t, s, "GET http://"+host+"/ HTTP/1.1\r\nHost: a\r\n\r\n")
		require.Equal(t, 400, response.StatusCode, "http://%s/", host)
		require.Contains(t, []byte{status400, reset}, overFrames(t, s, [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", host}, {":path", "/"}}, nil), ":authority %s", host)
		require.Contains(t, []byte{status400, reset}, overFrames(t, s, [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", host}}, nil), "host over HTTP/2: %s", host)
	}
	for _, target := range []string{"http:/x", "http:///x", "ftp://a/", "file:///etc/passwd", "file://a/", "ws://a/"} {
		response, _ := raw(t, s, "GET "+target+" HTTP/1.1\r\nHost: a\r\n\r\n")
		require.Equal(t, 400, response.StatusCode, target)
	}
	require.Zero(t, reached.Load())
	for _, host := range []string{"a", "a:", "a:8080", "A.test", "[::1]", "[::1]:80", "a_b", "10.0.0.1:80"} {
		response, body := raw(t, s, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		require.Equal(t, 200, response.StatusCode, "Host: %s", host)
		require.Equal(t, host, body)
	}
	_, body := raw(t, s, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n")
	require.Equal(t, "a", body)
	response, _ := raw(t, s, "GET / HTTP/1.0\r\n\r\n")
	require.Equal(t, 200, response.StatusCode)
}

// TestBackendsGetOneHost checks what a backend in another process reads.
func TestBackendsGetOneHost(t *testing.T) {
	heads := make(chan string, 1)
	backend := rawBackend(t, func(conn net.Conn) {
		var head strings.Builder
		in := bufio.NewReader(conn)
		for line := "x"; line != "\r\n"; {
			line, _ = in.ReadString('\n')
			head.WriteString(line)
		}
		heads <- head.String()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	s, _ := start(t, gateway.New().BackendURL("app", "http://"+backend).Server(plain(80)).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}), local(Config{}, 80))
	_, _ = raw(t, s, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n")
	head := <-heads
	require.Contains(t, head, "GET / HTTP/1.1\r\n")
	require.Equal(t, 1, strings.Count(strings.ToLower(head), "host: a\r\n"), head)
	require.NotContains(t, strings.ToLower(head), "host: b")
	require.EqualValues(t, status200, overFrames(t, s, [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"host", "a"}}, nil))
	head = strings.ToLower(<-heads)
	require.Equal(t, 1, strings.Count(head, "\r\nhost:"), head)
}

// TestHTTP2LengthsAreKept checks that no backend gets a complete body that differs from the
// length that the client has declared.
func TestHTTP2LengthsAreKept(t *testing.T) {
	type got struct {
		body string
		err  error
	}
	for _, elsewhere := range []bool{false, true} {
		t.Run(map[bool]string{false: "in this process", true: "in another"}[elsewhere], func(t *testing.T) {
			bodies := make(chan got, 10)
			app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				bodies <- got{string(body), err}
			})
			backend := httptest.NewServer(app)
			t.Cleanup(func() { // after the end of the server
				backend.Close()
				close(bodies)
				var complete []got
				for g := range bodies {
					if g.err == nil {
						complete = append(complete, g)
					}
				}
				require.Equal(t, []got{{body: "hello"}}, complete)
			})
			b := gateway.New().Backend("app", app)
			if elsewhere {
				b = gateway.New().BackendURL("app", backend.URL)
			}
			s, _ := start(t, b.Server(plain(80)).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}), local(Config{}, 80))
			post := [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}
			for _, length := range []string{"5", "6", "4"} {
				status := overFrames(t, s, append(post[:4:4], [2]string{"content-length", length}), []byte("hello"))
				if length == "5" {
					require.EqualValues(t, status200, status)
				}
			}
			require.Contains(t, []byte{status400, reset}, overFrames(t, s, append(post[:4:4], [2]string{"content-length", "5"}), nil))
		})
	}
}

// rawBackend accepts connections at the address that it returns.
func rawBackend(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

// overFrames sends a request over HTTP/2, and returns the status. Nil is no body.
func overFrames(t *testing.T, s *Listeners, fields [][2]string, body []byte) byte {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr(80).String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	request := frame([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frameSettings, 0, 0, nil)
	if body == nil {
		request = frame(request, frameHeaders, flagEndHeaders|flagEndStream, 1, literals(fields))
	} else {
		request = frame(request, frameHeaders, flagEndHeaders, 1, literals(fields))
		request = frame(request, frameData, flagEndStream, 1, body)
	}
	_, err = conn.Write(request)
	require.NoError(t, err)
	return statusIn(t, bufio.NewReader(conn))
}

const (
	frameData, frameHeaders, frameReset, frameSettings = 0, 1, 3, 4

	flagEndStream, flagEndHeaders = 1, 4

	// status200 and status400 are entries of HPACK's static table, as indexed fields.
	status200, status400 = 0x80 | 8, 0x80 | 12
)

func frame(to []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	to = append(to, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	to = binary.BigEndian.AppendUint32(to, stream)
	return append(to, payload...)
}

// literals encodes fields as literals with new names, which are short.
func literals(fields [][2]string) []byte {
	var out []byte
	for _, f := range fields {
		out = append(out, 0, byte(len(f[0])))
		out = append(out, f[0]...)
		out = append(out, byte(len(f[1])))
		out = append(out, f[1]...)
	}
	return out
}

// reset is what statusIn returns for a stream that was reset: data that the server did not
// expect can come before its answer.
const reset = 0

// statusIn returns the first byte of the header block of the first answer, or reset.
func statusIn(t *testing.T, in *bufio.Reader) byte {
	t.Helper()
	for {
		var head [9]byte
		_, err := io.ReadFull(in, head[:])
		require.NoError(t, err)
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		_, err = io.ReadFull(in, payload)
		require.NoError(t, err)
		if head[3] == frameHeaders {
			return payload[0]
		}
		if head[3] == frameReset {
			return reset
		}
	}
}
