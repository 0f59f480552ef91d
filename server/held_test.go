package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A memory is a listener whose connections are pipes.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection from an address.
type from struct {
	net.Conn
	address net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.address }

func (m *memory) dial(address string) net.Conn {
	client, conn := net.Pipe()
	m.conns <- from{conn, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))}
	return client
}

// inMemory serves handler with an own clock, and calls f.
func inMemory(t *testing.T, server spec.Server, c Config, handler http.HandlerFunc, f func(t *testing.T, m *memory, s *Listeners)) {
	builtInMemory(t, toApp(handler).Server(server), c, f)
}

// builtInMemory is inMemory for what b builds.
func builtInMemory(t *testing.T, b *gateway.Builder, c Config, f func(t *testing.T, m *memory, s *Listeners)) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
		c.Listen = func(string, string) (net.Listener, error) { return m, nil }
		c.GracePeriod = spec.NoLimit
		gw, err := b.Build()
		require.NoError(t, err)
		s := New(gw, c)
		require.NoError(t, s.Start())
		defer func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_ = s.Shutdown(ctx)
			require.NoError(t, gw.Close())
		}()
		f(t, m, s)
	})
}

// statusOf reads a response, and returns its status and when it came.
func statusOf(t *testing.T, in *bufio.Reader, begun time.Time) (int, time.Duration) {
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	return response.StatusCode, time.Since(begun)
}

func readsAll(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		w.WriteHeader(http.StatusTeapot) // the client gets something else
		return
	}
	_, _ = io.WriteString(w, "all")
}

func TestSlowBodies(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
	const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	trickle := func(part string, every time.Duration) func(net.Conn) {
		return func(conn net.Conn) {
			for {
				time.Sleep(every)
				if _, err := io.WriteString(conn, part); err != nil {
					return
				}
			}
		}
	}
	fill := string(make([]byte, 1000))
	for _, tt := range []struct {
		name    string
		head    string
		send    func(net.Conn)
		config  Config
		handler http.HandlerFunc
		status  int
		after   time.Duration
	}{
		{"nothing comes", head, func(net.Conn) {}, Config{}, readsAll, 408, 5 * time.Second},
		{"a byte each second", head, trickle("x", time.Second), Config{}, readsAll, 408, 5 * time.Second},
		{"chunks of a byte", chunked, trickle("1\r\nx\r\n", time.Second), Config{}, readsAll, 408, 5 * time.Second},
		{"a chunk size that does not end", chunked, trickle("0", time.Second), Config{}, readsAll, 408, 5 * time.Second},
		{"just below the rate", head, trickle(fill[:230], time.Second), Config{}, readsAll, 408, 0},
		{"just above the rate", head, trickle(fill[:250], time.Second), Config{}, readsAll, 200, 400 * time.Second},
		{"a pause, and the rest", head, func(conn net.Conn) {
			_, _ = conn.Write(make([]byte, 50000))
			time.Sleep(19 * time.Second)
			_, _ = conn.Write(make([]byte, 50000))
		}, Config{}, readsAll, 200, 19 * time.Second},
		{"a pause that is too long", head, func(conn net.Conn) {
			_, _ = conn.Write(make([]byte, 50000))
		}, Config{}, readsAll, 408, 20 * time.Second},
		{"without a limit", head, trickle(fill, time.Minute), Config{MinBodyRate: spec.NoLimit}, readsAll, 200, 100 * time.Minute},
		{"another limit", head, trickle(fill, time.Second), Config{MinBodyRate: 2000, RateGrace: time.Second}, readsAll, 408, 0},
		{"the handler waits", head, func(conn net.Conn) { _, _ = conn.Write(make([]byte, 100000)) }, Config{}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Hour)
			readsAll(w, r)
		}, 200, time.Hour},
		{"the response has begun", head, trickle(fill, time.Minute), Config{}, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.(http.Flusher).Flush()
			n, err := io.Copy(io.Discard, r.Body)
			if n != 100000 || err != nil {
				panic(http.ErrAbortHandler)
			}
		}, 200, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, plain(80), tt.config, tt.handler, func(t *testing.T, m *memory, s *Listeners) {
				conn := m.dial("192.0.2.1:1")
				begun := time.Now()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					_, _ = io.WriteString(conn, tt.head)
					tt.send(conn)
				}()
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.Equal(t, tt.status, response.StatusCode)
				if tt.after > 0 {
					require.Equal(t, tt.after, time.Since(begun).Truncate(time.Second))
				}
				slow := uint64(0)
				if tt.status == 408 {
					slow = 1
					require.True(t, response.Close)
				}
				require.Equal(t, slow, s.Ports()[0].SlowBodies)
				if tt.name == "the response has begun" {
					_, err := io.Copy(io.Discard, response.Body)
					require.NoError(t, err)
				}
				_ = conn.Close()
				<-sent
			})
		})
	}
}

// overPipes is a client with HTTP/2.
func overPipes(t *testing.T, m *memory) *http.Client {
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(context.Context, string, string) (net.Conn, error) {
		return m.dial("192.0.2.1:1"), nil
	}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: transport}
}

// post sends the body that the returned writer gets.
func post(t *testing.T, client *http.Client, contentType string) (*io.PipeWriter, func() (*http.Response, error)) {
	body, w := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://a/", body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", contentType)
	return w, func() (*http.Response, error) { return client.Do(r) }
}

func TestSlowBodiesOverHTTP2(t *testing.T) {
	for _, tt := range []struct {
		name, contentType string
		every             time.Duration
		status            int
	}{
		{"slow", "text/plain", 30 * time.Second, 408},
		{"fast enough", "text/plain", 3 * time.Second, 200},
		{"gRPC may be quiet", "application/grpc", time.Hour, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, plain(80), Config{}, readsAll, func(t *testing.T, m *memory, s *Listeners) {
				client := overPipes(t, m)
				body, do := post(t, client, tt.contentType)
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					for range 10 {
						time.Sleep(tt.every)
						if _, err := body.Write(make([]byte, 1000)); err != nil {
							return
						}
					}
					body.Close()
				}()
				response, err := do()
				require.NoError(t, err)
				require.Equal(t, tt.status, response.StatusCode)
				response.Body.Close()
				body.Close()
				<-sent
				client.CloseIdleConnections()
			})
		})
	}
}

// TestSlowReaders ends responses that the client does not take, and no others.
func TestSlowReaders(t *testing.T) {
	type end struct {
		err   error
		after time.Duration
		done  error
	}
	for _, tt := range []struct {
		name  string
		parts int
		size  int
		pause time.Duration
		take  time.Duration
		ends  bool
	}{
		{"nothing is taken", 100, 1 << 20, 0, 0, true},
		{"a part each 10 seconds is taken", 100, 1 << 20, 0, 10 * time.Second, false},
		{"a part each 10 seconds is taken of one write", 1, 100 << 20, 0, 10 * time.Second, false},
		{"nothing is said for an hour", 3, 1 << 20, time.Hour, time.Millisecond, false},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(tt.name+" over "+protocol, func(t *testing.T) {
				ended := make(chan end, 1)
				inMemory(t, plain(80), Config{}, func(w http.ResponseWriter, r *http.Request) {
					begun := time.Now()
					part := make([]byte, tt.size)
					for range tt.parts {
						time.Sleep(tt.pause)
						if _, err := w.Write(part); err != nil {
							<-r.Context().Done()
							ended <- end{err, time.Since(begun), r.Context().Err()}
							return
						}
						_ = http.NewResponseController(w).Flush()
					}
					ended <- end{}
				}, func(t *testing.T, m *memory, s *Listeners) {
					ended = make(chan end, 1)
					var body io.Reader
					if protocol == "HTTP/2" {
						response, err := overPipes(t, m).Get("http://a/")
						require.NoError(t, err)
						defer response.Body.Close()
						body = response.Body
					} else {
						conn := m.dial("192.0.2.1:1")
						defer conn.Close()
						_, err := io.WriteString(conn, get)
						require.NoError(t, err)
						body = conn
					}
					taken := make(chan struct{})
					if tt.take == 0 {
						close(taken)
					} else {
						go func() {
							defer close(taken)
							for {
								time.Sleep(tt.take)
								if _, err := io.CopyN(io.Discard, body, 1<<20); err != nil {
									return
								}
							}
						}()
					}
					got := <-ended
					<-taken
					if tt.ends {
						require.Error(t, got.err)
						require.ErrorIs(t, got.done, context.Canceled)
						require.InDelta(t, 21, got.after.Seconds(), 2)
						require.EqualValues(t, 1, s.Ports()[0].SlowReaders)
						return
					}
					require.NoError(t, got.err)
					require.Zero(t, s.Ports()[0].SlowReaders)
				})
			})
		}
	}
}

// TestHeadersThatNeverEnd closes connections with HTTP/2 on which a header does not arrive in
// time, and no others.
func TestHeadersThatNeverEnd(t *testing.T) {
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	const unfinished = "\x00\x00\x01\x01\x01\x00\x00\x00\x01\x82"    // HEADERS without END_HEADERS
	const continued = "\x00\x00\x01\x09\x00\x00\x00\x00\x01\x86"     // CONTINUATION without END_HEADERS
	const half = "\x00\x00\x40\x01\x05\x00\x00\x00\x01\x82"          // HEADERS, of which the rest is missing
	const ping = "\x00\x00\x08\x06\x00\x00\x00\x00\x00" + "12345678" // PING
	ca := newAuthority(t)
	for _, tt := range []struct {
		name, first, more string
		ends              bool
	}{
		{"HEADERS", unfinished, "", true},
		{"CONTINUATION each second", unfinished, continued, true},
		{"a part of a frame", half, "", true},
		{"a part of a frame's header", "\x00", "", true},
		{"PING each second", "", ping, false},
	} {
		for _, secured := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				server, c := plain(80), Config{}
				if secured {
					server = secure("a.test", simple("a"))
					c.Credentials = map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}
				}
				inMemory(t, server, c, says("app"), func(t *testing.T, m *memory, s *Listeners) {
					conn := m.dial("192.0.2.1:1")
					if secured {
						conn = tls.Client(conn, &tls.Config{RootCAs: ca.pool, ServerName: "a.test", NextProtos: []string{"h2"}, Time: time.Now})
					}
					defer conn.Close()
					begun := time.Now()
					sent := make(chan struct{})
					go func() {
						defer close(sent)
						_, _ = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+settings+tt.first)
						for tt.more != "" {
							time.Sleep(time.Second)
							if _, err := io.WriteString(conn, tt.more); err != nil {
								return
							}
						}
					}()
					require.NoError(t, conn.SetReadDeadline(begun.Add(time.Minute)))
					_, _ = io.Copy(io.Discard, conn)
					want := 10 * time.Second
					if !tt.ends {
						want = time.Minute
					}
					require.InDelta(t, want.Seconds(), time.Since(begun).Seconds(), 1)
					_ = conn.Close()
					<-sent
				})
			})
		}
	}
}

func TestConnectionLimits(t *testing.T) {
	for _, tt := range []struct {
		name    string
		config  Config
		clients []string
		refused []bool
	}{
		{"in total", Config{MaxConnections: 2}, []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"}, []bool{false, false, true}},
		{"per address", Config{MaxConnectionsPerAddress: 1}, []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "[::ffff:192.0.2.2]:2"}, []bool{false, true, false, true}},
		{"per network of IPv6", Config{MaxConnectionsPerAddress: 1}, []string{"[2001:db8::1]:1", "[2001:db8::ffff]:1", "[2001:db8:0:1::1]:1"}, []bool{false, true, false}},
		{"but for a proxy", Config{MaxConnectionsPerAddress: 1, ManyConnections: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/31")}},
			[]string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "192.0.2.2:2"}, []bool{false, false, false, true}},
		{"none", Config{MaxConnections: spec.NoLimit}, []string{"192.0.2.1:1", "192.0.2.1:2"}, []bool{false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inMemory(t, plain(80), tt.config, says("app"), func(t *testing.T, m *memory, s *Listeners) {
				var open []net.Conn
				refused := uint64(0)
				ask := func(client string) bool {
					conn := m.dial(client)
					open = append(open, conn)
					if _, err := io.WriteString(conn, get); err != nil {
						return false
					}
					status, _ := statusOf(t, bufio.NewReader(conn), time.Now())
					return status == 200
				}
				for i, client := range tt.clients {
					require.Equal(t, !tt.refused[i], ask(client), client)
					if tt.refused[i] {
						refused++
					}
				}
				require.Equal(t, refused, s.Ports()[0].Refused)
				for _, conn := range open {
					_ = conn.Close()
				}
				synctest.Wait()
				require.Zero(t, s.connections.total)
				require.Empty(t, s.connections.from)
				require.True(t, ask(tt.clients[0]), "there is room again")
				_ = open[len(open)-1].Close()
			})
		})
	}
}

// TestHeaderLines refuses headers and trailers of many lines, however short.
func TestHeaderLines(t *testing.T) {
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "x%d:1\r\n", i)
		}
		return b.String()
	}
	for n, want := range map[int]int{990: 200, 1001: 431} {
		inMemory(t, plain(80), Config{}, says("app"), func(t *testing.T, m *memory, _ *Listeners) {
			conn := m.dial("192.0.2.1:1")
			go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n"+lines(n)+"\r\n") }()
			status, _ := statusOf(t, bufio.NewReader(conn), time.Now())
			require.Equal(t, want, status)
			_ = conn.Close()

			client := overPipes(t, m)
			r, err := http.NewRequest("GET", "http://a/", nil)
			require.NoError(t, err)
			for i := range n {
				r.Header["X"+strconv.Itoa(i)] = []string{"1"}
			}
			response, err := client.Do(r)
			require.NoError(t, err)
			require.Equal(t, want, response.StatusCode)
			response.Body.Close()
			client.CloseIdleConnections()
		})
	}
}
