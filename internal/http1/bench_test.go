package http1

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// typical is a request of a browser.
const typical = "GET /products/1?color=red HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" +
	"Accept: */*\r\nAccept-Language: en\r\nAccept-Encoding: gzip, br\r\nCookie: session=0123456789abcdef\r\n\r\n"

// BenchmarkServers serves short requests to 32 clients, which are as cheap as possible.
func BenchmarkServers(b *testing.B) {
	text := []byte(strings.Repeat("hello, ", 20))
	handlers := map[string]http.HandlerFunc{
		"short": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) },
		"forgotten": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = w.Write(text)
			if f, ok := w.(interface{ RequestForgotten() }); ok {
				f.RequestForgotten()
			}
		},
		"context": func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			default:
			}
			_, _ = w.Write(text)
		},
	}
	for _, name := range []string{"short", "forgotten", "context"} {
		for _, e := range engines {
			b.Run(name+"/"+e.name, func(b *testing.B) {
				l := listen(b)
				e.serve(b, l, handlers[name])
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var clients sync.WaitGroup
				for range 32 {
					clients.Go(func() {
						conn, err := net.Dial("tcp", l.Addr().String())
						if err != nil {
							b.Error(err)
							return
						}
						defer conn.Close()
						buf := make([]byte, 4096)
						for left.Add(-1) >= 0 {
							if _, err := io.WriteString(conn, typical); err != nil {
								b.Error(err)
								return
							}
							if _, err := conn.Read(buf); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				clients.Wait()
			})
		}
	}
}

// An endlessConn is a client that sends one request after another, each after the
// response to the one before, and reads no faster than that.
type endlessConn struct {
	*script
	text string
	left int
}

func (c *endlessConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(p, c.text), nil
}

func (c *endlessConn) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkEngine is the cost of the server alone, without the kernel.
func BenchmarkEngine(b *testing.B) {
	text := []byte(strings.Repeat("hello, ", 20))
	length, kind := []string{"140"}, []string{"text/plain"}
	for _, forgets := range []bool{true, false} {
		b.Run(map[bool]string{true: "forgotten", false: "kept"}[forgets], func(b *testing.B) {
			s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h := w.Header()
				h["Content-Length"], h["Content-Type"] = length, kind
				w.WriteHeader(200)
				_, _ = w.Write(text)
				if forgets {
					w.(interface{ RequestForgotten() }).RequestForgotten()
				}
			})}
			conn := &endlessConn{script: newScript("", 0), text: typical, left: b.N}
			b.ReportAllocs()
			s.Serve(conn, nil)
			<-conn.closed
		})
	}
}
