package upstream

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// Every part of a response reaches the client before the next one is sent.
func TestResponseIsStreamed(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, row := range map[string]struct {
			head        string
			part        func(i int) string
			contentType string
		}{
			"events":      {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", func(i int) string { return fmt.Sprintf("data: %d\n\n", i) }, ""},
			"chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", func(i int) string { return fmt.Sprintf("9\r\ndata: %d\n\n\r\n", i) }, ""},
			"fixed":       {"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n", func(i int) string { return fmt.Sprintf("data: %d\n\n", i) }, ""},
			"fixed, long": {"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", func(i int) string { return fmt.Sprintf("data: %d\n\n", i) }, ""},
		} {
			t.Run(name, func(t *testing.T) {
				next := make(chan struct{})
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					headOf(in)
					_, _ = io.WriteString(conn, row.head)
					for i := range 10 {
						select {
						case <-next:
						case <-time.After(patience):
							return
						}
						_, _ = io.WriteString(conn, row.part(i))
					}
				}))
				conn, in := f.dial()
				_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				require.NoError(t, err)
				first := 0
				if transport == NetHTTP && name == "fixed" {
					next <- struct{}{}
					first = 1
				}
				// The head comes before the body.
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				for i := range 10 {
					if i >= first {
						select {
						case next <- struct{}{}:
						case <-time.After(patience):
							require.FailNow(t, "the backend does not wait for more")
						}
					}
					part := make([]byte, 9)
					_, err := io.ReadFull(response.Body, part)
					require.NoError(t, err)
					require.Equal(t, fmt.Sprintf("data: %d\n\n", i), string(part))
				}
			})
		}
	})
}

// Every part of a request reaches the backend before the next one is sent, and
// the response may begin meanwhile.
func TestBothWaysAtOnce(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		f := proxy(t, transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			_ = control.EnableFullDuplex()
			w.WriteHeader(200)
			_ = control.Flush()
			in := bufio.NewReader(r.Body)
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				_, _ = io.WriteString(w, "echo "+line)
				_ = control.Flush()
			}
		}))
		body, out := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), "POST", f.server.URL, body)
		require.NoError(t, err)
		response, err := f.server.Client().Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		in := bufio.NewReader(response.Body)
		for i := range 10 {
			_, err := fmt.Fprintf(out, "%d\n", i)
			require.NoError(t, err)
			line, err := in.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("echo %d\n", i), line)
		}
		out.Close()
		_, err = in.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	})
}

// noise returns the same n bytes each time.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestLargeBodies(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		address := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fixed" && r.ContentLength >= 0 {
				w.Header().Set("Content-Length", fmt.Sprint(r.ContentLength))
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			_, _ = w.Write(body)
		})
		f := proxy(t, transport, address)
		sizes := []int{0, 1, 511, 512, 4095, 4096, 4097, 32 << 10, 64<<10 - 1, 64 << 10, 1<<20 + 1, spliceLength, spliceLength + 4<<10}
		if !testing.Short() {
			sizes = append(sizes, 10<<20)
		}
		for _, size := range sizes {
			body := noise(size)
			want := sha256.Sum256(body)
			for _, path := range []string{"/fixed", "/unknown"} {
				for _, known := range []bool{true, false} {
					var in io.Reader = bytes.NewReader(body)
					if !known {
						in = io.MultiReader(in)
					}
					if size == 0 && path == "/fixed" && !known {
						continue
					}
					_, got := f.do("POST", path, in)
					require.Equal(t, want, sha256.Sum256([]byte(got)), "%s of %d bytes, known %v", path, size, known)
				}
			}
		}
	})
}

func TestTrailers(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		seen := make(chan http.Header, 9)
		announced := make(chan []string, 9)
		f := proxy(t, transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
			var keys []string
			for key := range r.Trailer {
				keys = append(keys, key)
			}
			announced <- keys
			_, _ = io.Copy(io.Discard, r.Body)
			seen <- r.Trailer.Clone()
			if r.URL.Path != "/unannounced" {
				w.Header().Set("Trailer", "X-Sum")
			}
			if r.URL.Path != "/empty" {
				_, _ = io.WriteString(w, "body")
			}
			_ = http.NewResponseController(w).Flush()
			switch r.URL.Path {
			case "/unannounced":
				w.Header().Set(http.TrailerPrefix+"X-Sum", "2")
			case "/both":
				w.Header().Set(http.TrailerPrefix+"X-More", "3")
				fallthrough
			default:
				w.Header().Set("X-Sum", "2")
			}
		}))
		for _, path := range []string{"/announced", "/unannounced", "/both", "/empty"} {
			for _, send := range []struct{ head, trailer string }{
				{"Trailer: X-In\r\n", "X-In: 1\r\n"},
				{"", "X-In: 1\r\n"},
				{"", ""},
			} {
				t.Run(path+" "+send.head+send.trailer, func(t *testing.T) {
					conn, in := f.dial()
					_, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"+send.head+"\r\n3\r\nabc\r\n0\r\n"+send.trailer+"\r\n")
					require.NoError(t, err)
					response, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					_, err = io.ReadAll(response.Body)
					require.NoError(t, err)
					want := http.Header{"X-Sum": {"2"}}
					if path == "/both" {
						want["X-More"] = []string{"3"}
					}
					require.Equal(t, want, response.Trailer)
					if keys := testwire.Within(t, announced); send.head != "" {
						require.Equal(t, []string{"X-In"}, keys)
					}
					if got := testwire.Within(t, seen); send.trailer == "" {
						require.Empty(t, got)
					} else {
						require.Equal(t, http.Header{"X-In": {"1"}}, got)
					}
				})
			}
		}
	})
}

func TestInformational(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: x-b\r\nX-B: 1\r\n\r\n"
		for _, row := range []struct {
			name, send string
			want       string
		}{
			{"hints", hints, "103 {Link: </a.css>} "},
			{"twice", hints + hints, "103 {Link: </a.css>} 103 {Link: </a.css>} "},
			{"processing", "HTTP/1.1 102 Processing\r\n\r\n", "102 {} "},
			{"continue, not asked for", "HTTP/1.1 100 Continue\r\n\r\n", ""},
		} {
			t.Run(row.name, func(t *testing.T) {
				final := make(chan struct{})
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					headOf(in)
					_, _ = io.WriteString(conn, row.send)
					if row.want != "" {
						<-final
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok")
				}))
				conn, in := f.dial()
				_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				require.NoError(t, err)
				got := ""
				for range strings.Count(row.want, "{") {
					head := headOf(in)
					status, rest, _ := strings.Cut(strings.TrimPrefix(head, "HTTP/1.1 "), "\r\n")
					got += status[:3] + " {" + strings.TrimSpace(rest) + "} "
				}
				close(final)
				require.Equal(t, row.want, got)
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				require.Equal(t, 200, response.StatusCode)
				require.Equal(t, []string{"1"}, response.Header["X-A"])
				require.Empty(t, response.Header["Link"])
			})
		}
	})
}

func TestEndlessInformational(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
			headOf(in)
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
			}
		}))
		all := f.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		require.Equal(t, maxInformational, strings.Count(all, "HTTP/1.1 103"))
		require.Contains(t, all, "HTTP/1.1 502 Bad Gateway")
	})
}

func TestExpectContinue(t *testing.T) {
	const request = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	each(t, func(t *testing.T, transport Transport) {
		t.Run("continue", func(t *testing.T) {
			f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
				if head := headOf(in); !strings.Contains(head, "Expect: 100-continue\r\n") {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
				body := make([]byte, 3)
				_, _ = io.ReadFull(in, body)
				_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n%s", body)
			}))
			conn, in := f.dial()
			_, err := io.WriteString(conn, request)
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.1 100 Continue\r\n\r\n", headOf(in))
			_, err = io.WriteString(conn, "abc")
			require.NoError(t, err)
			require.Contains(t, headOf(in), "HTTP/1.1 200 OK")
			body := make([]byte, 3)
			_, err = io.ReadFull(in, body)
			require.NoError(t, err)
			require.Equal(t, "abc", string(body))
		})
		for name, response := range map[string]string{
			"refused":                 "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
			"refused with words":      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno",
			"refused for good":        "HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n\r\n",
			"refused without a login": "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
			"answered without it":     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		} {
			for framing, request := range map[string]string{
				"fixed":         request,
				"chunked":       "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
				"chunked, rare": "DELETE / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
			} {
				t.Run(name+", "+framing, func(t *testing.T) {
					rest := make(chan string, 1)
					f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
						headOf(in)
						_, _ = io.WriteString(conn, response)
						if strings.Contains(response, "Connection: close") {
							_ = conn.(*net.TCPConn).CloseWrite()
						}
						all, _ := io.ReadAll(in)
						rest <- string(all)
					}))
					conn, in := f.dial()
					_, err := io.WriteString(conn, request)
					require.NoError(t, err)
					require.Contains(t, headOf(in), response[:len("HTTP/1.1 417 ")])
					require.Empty(t, testwire.Within(t, rest), "the body is not sent, and the connection not used again")
				})
			}
		}
		t.Run("ignored", func(t *testing.T) {
			f := proxy(t, transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(w, r.Body)
			}))
			// net/http's server sends a 100 itself when the body is read.
			conn, in := f.dial()
			_, err := io.WriteString(conn, request)
			require.NoError(t, err)
			require.Equal(t, "HTTP/1.1 100 Continue\r\n\r\n", headOf(in))
			_, err = io.WriteString(conn, "abc")
			require.NoError(t, err)
			require.Contains(t, headOf(in), "HTTP/1.1 200 OK")
		})
	})
}

// Over HTTP/2 too, a client whose body is refused is not asked for it.
func TestExpectationRefusedOverHTTP2(t *testing.T) {
	c := to(Direct, httpBackend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusExpectationFailed) }))
	c.Protocol = HTTP2
	conn, in := serveFront(t, newUpstream(t, c)).dial()
	_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	require.NoError(t, err)
	require.Contains(t, headOf(in), "HTTP/1.1 417 ")
}

// A response that comes before the request has been sent is delivered
// immediately.
func TestEarlyResponse(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, length := range map[string]string{
			"fixed":   "Content-Length: 1000000",
			"short":   "Content-Length: 10",
			"chunked": "Transfer-Encoding: chunked",
		} {
			for _, closes := range []bool{false, true} {
				t.Run(fmt.Sprint(name, closes), func(t *testing.T) {
					ended := make(chan struct{})
					f := proxy(lingering{t}, transport, testwire.Backend(lingering{t}, func(conn net.Conn, in *bufio.Reader) {
						headOf(in)
						_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
						if !closes {
							_, _ = io.Copy(io.Discard, in)
						}
						close(ended)
					}))
					conn, in := f.dial()
					_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+length+"\r\n\r\n1\r\nx")
					require.NoError(t, err)
					response, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					body, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.Equal(t, 413, response.StatusCode)
					require.Equal(t, "big", string(body))
					require.True(t, response.Close)
					conn.Close()
					testwire.Within(t, ended)
				})
			}
		}
	})
}

// answerEarly is a backend that answers as soon as it has the head of a
// request, and then continues to read.
func answerEarly(conn net.Conn, in *bufio.Reader) {
	headOf(in)
	_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
	_, _ = io.Copy(io.Discard, in)
}

// The answer of a backend that closes the connection during a long upload is
// received, each time.
func TestEarlyResponseToLongUpload(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for framing, head := range map[string]string{
			"fixed":   "Content-Length: 1000000000\r\n\r\n",
			"chunked": "Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n",
		} {
			for _, reads := range []int64{0, 1 << 20} {
				t.Run(fmt.Sprint(framing, reads), func(t *testing.T) {
					f := proxy(lingering{t}, transport, testwire.Backend(lingering{t}, func(conn net.Conn, in *bufio.Reader) {
						headOf(in)
						_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
						_, _ = io.CopyN(io.Discard, in, reads)
					}))
					for range 20 {
						conn, in := f.dial()
						_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+head)
						require.NoError(t, err)
						go func() {
							chunk := make([]byte, 64<<10)
							for {
								if _, err := conn.Write(chunk); err != nil {
									return
								}
							}
						}()
						response, err := http.ReadResponse(in, nil)
						require.NoError(t, err)
						require.Equal(t, 401, response.StatusCode)
						body, err := io.ReadAll(response.Body)
						require.NoError(t, err)
						require.Equal(t, "no", string(body))
						conn.Close()
					}
				})
			}
		}
	})
}

// A connection whose upload was refused is not used again, even if the backend gets
// the rest of the body.
func TestConnectionOfRefusedUpload(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		var connections atomic.Int32
		f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
			connections.Add(1)
			for headOf(in) != "" {
				_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
				_, _ = io.CopyN(io.Discard, in, 3)
			}
		}))
		for range 2 {
			conn, in := f.dial()
			_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
			require.NoError(t, err)
			require.Contains(t, headOf(in), "HTTP/1.1 413 ")
			_, err = io.WriteString(conn, "abc")
			require.NoError(t, err)
			_, _ = io.ReadAll(in)
		}
		require.EqualValues(t, 2, connections.Load())
	})
}
