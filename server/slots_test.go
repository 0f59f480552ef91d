package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A place where connections come from: memory with a clock of its own, or this host.
type origin struct {
	dial func() net.Conn
	s    *Listeners
	gw   *gateway.Gateway
	tls  *tls.Config
}

// shake is dial with a handshake.
func (o *origin) shake(t *testing.T, protocols ...string) *tls.Conn {
	c := o.tls.Clone()
	c.NextProtos = protocols
	conn := tls.Client(o.dial(), c)
	require.NoError(t, conn.Handshake())
	return conn
}

// says writes the text, and reads until the server ends the connection.
func (o *origin) says(conn net.Conn, text string) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, text)
	}()
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
	<-sent
}

// leaves writes the text, and closes the connection.
func (o *origin) leaves(conn net.Conn, text string) {
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// asks sends a request, and reads the answer.
func (o *origin) asks(t *testing.T, conn net.Conn, text string) (int, *bufio.Reader) {
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.Copy(io.Discard, response.Body)
	}
	return response.StatusCode, in
}

// over2 is a client with HTTP/2, whose connections come from dial.
func over2(dial func() net.Conn) (*http.Client, func()) {
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(context.Context, string, string) (net.Conn, error) {
		return dial(), nil
	}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: transport}, transport.CloseIdleConnections
}

// A telling is a connection whose client tells its address in the first line, as with the
// PROXY protocol.
type telling struct {
	net.Conn
	once sync.Once
	in   *bufio.Reader
}

func (c *telling) learn() {
	c.once.Do(func() {
		c.in = bufio.NewReader(c.Conn)
		_, _ = c.in.ReadString('\n')
	})
}

func (c *telling) Read(p []byte) (int, error) {
	c.learn()
	return c.in.Read(p)
}

func (c *telling) RemoteAddr() net.Addr {
	c.learn()
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
}

// A nameless is a connection whose client has no address.
type nameless struct{ net.Conn }

func (nameless) RemoteAddr() net.Addr { return nil }

// A wrapping is a listener that wraps its connections.
type wrapping struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (l wrapping) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		conn = l.wrap(conn)
	}
	return conn, err
}

// shutdown ends the listeners, at once if ctx has ended.
func (o *origin) shutdown(ctx context.Context) { _ = o.s.Shutdown(ctx) }

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestSlotsAreFreed ends connections in every way, and requires that nothing of them is left: they
// are no longer counted, the next one is accepted under a limit of one, and no goroutine stays.
func TestSlotsAreFreed(t *testing.T) {
	const half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"
	const getTLS = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
	const proxyLine = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
	const unfinished = clientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x01\x01\x01\x00\x00\x00\x01\x82"
	asks := func(text string) func(*testing.T, *origin) {
		return func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			o.asks(t, conn, text)
		}
	}
	says := func(text string) func(*testing.T, *origin) {
		return func(_ *testing.T, o *origin) { o.says(o.dial(), text) }
	}
	leaves := func(text string) func(*testing.T, *origin) {
		return func(_ *testing.T, o *origin) { o.leaves(o.dial(), text) }
	}
	saysInTLS := func(text string, protocols ...string) func(*testing.T, *origin) {
		return func(t *testing.T, o *origin) { o.says(o.shake(t, protocols...), text) }
	}
	upgrades := func(t *testing.T, o *origin) {
		conn := o.dial()
		status, in := o.asks(t, conn, upgrade)
		require.Equal(t, 101, status)
		_, _ = io.Copy(io.Discard, in)
		_ = conn.Close()
	}
	http2 := func(o *origin, dial func() net.Conn) (int, error) {
		client, end := over2(dial)
		defer end()
		response, err := client.Get("http://a.test/")
		if err != nil {
			return 0, err
		}
		_ = response.Body.Close()
		return response.StatusCode, nil
	}
	overHTTP2 := func(t *testing.T, o *origin) { _, _ = http2(o, o.dial) }
	hijacks := func(then func(net.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _ := switchTo(w)
			then(conn)
		}
	}
	for _, tt := range []struct {
		name    string
		secured bool
		// timed means that the path takes seconds. changes means that it changes the listeners, and
		// ends that they are closed after it.
		timed, changes, ends bool
		config               Config
		wrap                 func(net.Conn) net.Conn
		// first is what a wrapper reads.
		first   string
		handler http.HandlerFunc
		path    func(t *testing.T, o *origin)
	}{
		{name: "a request", path: asks(get)},
		{name: "the last request", path: says("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")},
		{name: "an idle connection", timed: true, config: Config{IdleTimeout: time.Minute}, path: says(get)},
		{name: "no request", path: leaves("")},
		{name: "no request in time", timed: true, path: says("")},
		{name: "half a head", path: leaves("GET / HT")},
		{name: "half a head in time", timed: true, path: says("GET / HT")},
		{name: "a request that cannot be read", path: says("?\r\n\r\n")},
		{name: "a head that is too large", path: says("GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 70<<10))},
		{name: "half a body", handler: readsAll, path: leaves(half)},
		{name: "a body that nobody reads", handler: func(http.ResponseWriter, *http.Request) {}, path: leaves(half)},
		{name: "a slow body", timed: true, handler: readsAll, path: says(half)},
		{name: "a slow reader", timed: true, handler: func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(make([]byte, 1<<20))
		}, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			_, _ = io.WriteString(conn, get)
			time.Sleep(time.Minute)
			_ = conn.Close()
		}},
		{name: "a client that leaves during its request", handler: func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, path: leaves(get)},
		{name: "a stream on which nothing moves", timed: true, config: Config{StreamIdleTimeout: time.Minute}, handler: func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, path: asks(get)},

		{name: "a panic", handler: func(http.ResponseWriter, *http.Request) { panic("oh") }, path: says(get)},
		{name: "an aborted request", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, path: says(get)},
		{name: "an aborted body", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, path: leaves(half)},
		{name: "the end of the goroutine", handler: func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, path: says(get)},

		{name: "plain text on a TLS port", secured: true, path: says(get)},
		{name: "half a handshake", secured: true, path: leaves("\x16\x03\x01")},
		{name: "half a handshake in time", timed: true, secured: true, path: says("\x16\x03\x01")},
		{name: "a name that no server has", secured: true, path: func(t *testing.T, o *origin) {
			c := o.tls.Clone()
			c.ServerName = "b.test"
			conn := tls.Client(o.dial(), c)
			require.Error(t, conn.Handshake())
			_ = conn.Close()
		}},
		{name: "a client that does not trust the certificate", secured: true, path: func(t *testing.T, o *origin) {
			conn := tls.Client(o.dial(), &tls.Config{ServerName: "a.test"})
			require.Error(t, conn.Handshake())
			_ = conn.Close()
		}},
		{name: "a client without an address, and a failed handshake", secured: true, wrap: func(conn net.Conn) net.Conn { return nameless{conn} }, path: says(get)},
		{name: "TLS", secured: true, path: func(t *testing.T, o *origin) {
			conn := o.shake(t)
			o.asks(t, conn, getTLS)
			_ = conn.Close()
		}},
		{name: "TLS, and the end of TCP", secured: true, path: func(t *testing.T, o *origin) {
			conn := o.shake(t)
			o.asks(t, conn, getTLS)
			_ = conn.NetConn().Close()
		}},

		{name: "HTTP/2", path: overHTTP2},
		{name: "a panic over HTTP/2", handler: func(http.ResponseWriter, *http.Request) { panic("oh") }, path: overHTTP2},
		{name: "a client that leaves during its request over HTTP/2", handler: func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			path: leaves(clientPreface + h2frame(4, 0, 0, "") + h2frame(headersFrame, 5, 1, aGet))},
		{name: "half a preface", path: leaves(clientPreface[:20])},
		{name: "half a preface in time", timed: true, path: says(clientPreface[:20])},
		{name: "a preface, and no more", path: leaves(clientPreface)},
		{name: "a preface, and no more in time", timed: true, path: says(clientPreface)},
		{name: "a preface, and something else", path: says(clientPreface + strings.Repeat("x", 100))},
		{name: "a header that never ends", timed: true, path: says(unfinished)},
		{name: "HTTP/2 over TLS", secured: true, path: func(t *testing.T, o *origin) {
			status, err := http2(o, func() net.Conn { return o.shake(t, "h2") })
			require.NoError(t, err)
			require.NotZero(t, status)
		}},
		{name: "HTTP/2 was agreed on, and HTTP/1.1 is spoken", secured: true, path: saysInTLS(get, "h2")},
		{name: "HTTP/2 was agreed on, and nothing comes", timed: true, secured: true, path: saysInTLS("", "h2")},
		{name: "HTTP/2 was agreed on, and the client leaves", secured: true, path: func(t *testing.T, o *origin) { o.leaves(o.shake(t, "h2"), clientPreface[:3]) }},
		{name: "a header that never ends over TLS", timed: true, secured: true, path: saysInTLS(unfinished, "h2")},

		{name: "an upgrade that the client ends", handler: hijacks(func(conn net.Conn) {
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}), path: func(t *testing.T, o *origin) {
			conn := o.dial()
			o.asks(t, conn, upgrade)
			_ = conn.Close()
		}},
		{name: "an upgrade that the handler ends", handler: hijacks(func(conn net.Conn) { _ = conn.Close() }), path: upgrades},
		{name: "an upgrade that ends twice", handler: hijacks(func(conn net.Conn) {
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { _ = conn.Close() })
			}
			all.Wait()
		}), path: upgrades},
		{name: "an upgrade that ends after its handler", handler: hijacks(func(conn net.Conn) { go func() { _ = conn.Close() }() }), path: upgrades},
		{name: "an upgrade, and a panic", handler: hijacks(func(net.Conn) { panic("oh") }), path: upgrades},
		{name: "an upgrade that is aborted", handler: hijacks(func(net.Conn) { panic(http.ErrAbortHandler) }), path: upgrades},
		{name: "an upgrade, and the end of the goroutine", handler: hijacks(func(net.Conn) { runtime.Goexit() }), path: upgrades},
		{name: "an upgrade on which nothing moves", timed: true, config: Config{StreamIdleTimeout: time.Minute}, handler: hijacks(func(net.Conn) {}), path: upgrades},
		{name: "an upgrade with a limit, and a panic", config: Config{StreamIdleTimeout: time.Minute}, handler: hijacks(func(net.Conn) { panic("oh") }), path: upgrades},
		{name: "an upgrade after a slow body", timed: true, handler: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "mine")
				_ = conn.Close()
			}
		}, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			_, _ = io.WriteString(conn, half)
			got, _ := io.ReadAll(conn)
			require.Equal(t, "mine", string(got))
			_ = conn.Close()
		}},
		{name: "an upgrade over TLS, and a panic", secured: true, handler: hijacks(func(net.Conn) { panic("oh") }), path: func(t *testing.T, o *origin) {
			conn := o.shake(t)
			o.asks(t, conn, strings.Replace(upgrade, "Host: a", "Host: a.test", 1))
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}},

		{name: "a connection above a limit", path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			o.asks(t, conn, get)
			o.says(o.dial(), get)
			o.asks(t, conn, get)
			require.EqualValues(t, 1, o.s.Ports()[0].Refused)
		}},
		{name: "a connection above that of its address", config: Config{MaxConnections: 5}, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			o.asks(t, conn, get)
			o.says(o.dial(), get)
			o.asks(t, conn, get)
			require.EqualValues(t, 1, o.s.Ports()[0].RefusedPerAddress)
		}},
		{name: "a wrapper that knows the address later", wrap: func(conn net.Conn) net.Conn { return &telling{Conn: conn} }, first: proxyLine, path: asks(proxyLine + get)},
		{name: "a client that does not tell its address", wrap: func(conn net.Conn) net.Conn { return &telling{Conn: conn} }, first: proxyLine, path: leaves("PROXY")},
		{name: "clients that do not tell their addresses keep nobody waiting", wrap: func(conn net.Conn) net.Conn { return &telling{Conn: conn} }, first: proxyLine,
			config: Config{MaxConnections: 5}, path: func(t *testing.T, o *origin) {
				for range 3 {
					defer o.dial().Close()
				}
				conn := o.dial()
				defer conn.Close()
				o.asks(t, conn, proxyLine+get)
				o.says(o.dial(), proxyLine+get)
				require.EqualValues(t, 1, o.s.Ports()[0].RefusedPerAddress)
			}},

		{name: "the end of the listeners", ends: true, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			o.asks(t, conn, get)
			o.shutdown(t.Context())
		}},
		{name: "the end of the listeners during a handshake", ends: true, secured: true, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			_, _ = io.WriteString(conn, "\x16\x03\x01")
			o.shutdown(t.Context())
		}},
		{name: "the end of the listeners during a request", ends: true, handler: func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			_, _ = io.WriteString(conn, get)
			o.shutdown(ended())
		}},
		{name: "the end of the listeners, and an upgrade that nobody ends", ends: true, handler: hijacks(func(net.Conn) {}), path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			o.asks(t, conn, upgrade)
			o.shutdown(t.Context())
		}},
		{name: "the end of the listeners, and many upgrades that nobody ends", ends: true, config: Config{MaxConnections: 500, MaxConnectionsPerAddress: spec.NoLimit},
			wrap: func(conn net.Conn) net.Conn { return nameless{conn} }, handler: hijacks(func(net.Conn) {}), path: func(t *testing.T, o *origin) {
				for range 200 {
					conn := o.dial()
					defer conn.Close()
					o.asks(t, conn, upgrade)
				}
				o.shutdown(t.Context())
			}},
		{name: "the end of the listeners, and a client that has not told its address", ends: true, wrap: func(conn net.Conn) net.Conn { return &telling{Conn: conn} }, path: func(t *testing.T, o *origin) {
			conn := o.dial()
			defer conn.Close()
			o.shutdown(ended())
		}},
		{name: "a TLS server that goes while its connections stay", secured: true, changes: true, path: func(t *testing.T, o *origin) {
			idle := o.shake(t)
			o.asks(t, idle, getTLS)
			other := secure("b.test", simple("a"))
			require.NoError(t, o.gw.Replace(toApp(readsAll).Server(other)))
			require.NoError(t, o.s.Sync())
			_, _ = io.Copy(io.Discard, idle)
			_ = idle.Close()
			require.NoError(t, o.gw.Replace(toApp(readsAll).Server(secure("a.test", simple("a")))))
			require.NoError(t, o.s.Sync())
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ca := newAuthority(t)
			server, number := plain(80), 80
			c := tt.config
			c.Credentials = map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}
			if tt.secured {
				server, number = secure("a.test", simple("a")), 443
			}
			if c.MaxConnections == 0 {
				c.MaxConnections = 1
			}
			if c.MaxConnectionsPerAddress == 0 {
				c.MaxConnectionsPerAddress = 1
			}
			c.Logger = slog.New(slog.DiscardHandler)
			// A handler that is not used up by the path answers the next connection.
			handler := tt.handler
			if handler == nil {
				handler = readsAll
			}
			serve := func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/next" {
					return
				}
				handler(w, r)
			}
			client := &tls.Config{RootCAs: ca.pool, ServerName: "a.test", Time: time.Now}
			wrap := func(l net.Listener) net.Listener {
				if tt.wrap != nil {
					return wrapping{l, tt.wrap}
				}
				return l
			}
			// next reports whether there is room.
			next := func(o *origin) bool {
				conn := o.dial()
				if tt.secured {
					conn = tls.Client(conn, o.tls)
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, tt.first+"GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
					return false
				}
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					return false
				}
				_, _ = io.Copy(io.Discard, response.Body)
				return response.StatusCode == 200
			}
			t.Run("in memory", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
					c := c
					c.Listen = func(string, string) (net.Listener, error) { return wrap(m), nil }
					gw, err := toApp(serve).Server(server).Build()
					require.NoError(t, err)
					s := New(gw, c)
					require.NoError(t, s.Start())
					o := &origin{func() net.Conn { return m.dial("192.0.2.1:1") }, s, gw, client}
					idle := func() {
						time.Sleep(10 * time.Second) // the watch looks each second
						synctest.Wait()
						require.Empty(t, left(s))
						require.Zero(t, s.watch.Listed())
					}
					defer func() {
						o.shutdown(ended())
						require.NoError(t, gw.Close())
					}()
					tt.path(t, o)
					idle()
					if !tt.ends {
						require.True(t, next(o))
						idle()
					}
				})
			})
			if tt.timed {
				return
			}
			t.Run("over TCP", func(t *testing.T) {
				c := c
				c.Addresses = map[int]string{number: "127.0.0.1:0"}
				c.GracePeriod = spec.NoLimit
				c.Listen = func(network, address string) (net.Listener, error) {
					l, err := net.Listen(network, address)
					return wrap(l), err
				}
				gw, err := toApp(serve).Server(server).Build()
				require.NoError(t, err)
				s := New(gw, c)
				require.NoError(t, s.Start())
				defer func() {
					_ = s.Shutdown(ended())
					require.NoError(t, gw.Close())
				}()
				address := s.Addr(number).String()
				before := goleak.IgnoreCurrent()
				dialed := uint64(0)
				o := &origin{func() net.Conn {
					conn, err := net.Dial("tcp", address)
					require.NoError(t, err)
					dialed++
					_ = conn.SetDeadline(time.Now().Add(patience))
					return conn
				}, s, gw, client}
				idle := func() {
					require.Eventually(t, func() bool {
						// A client may leave before it is accepted.
						p := s.Ports()
						return (len(p) == 0 || p[0].Accepted >= dialed) && left(s) == ""
					}, patience, time.Millisecond, "%v", left(s))
					if !tt.changes {
						goleak.VerifyNone(t, before)
					}
				}
				tt.path(t, o)
				idle()
				if !tt.ends {
					// One that was accepted may not have been counted yet, and so not have been left.
					require.Eventually(t, func() bool {
						counted := dialed
						if next(o) {
							return true
						}
						dialed = counted
						return false
					}, patience, time.Millisecond)
					idle()
				}
			})
		})
	}
}

// left tells what is known of connections.
func left(s *Listeners) string {
	var out strings.Builder
	note := func(what string, n int) {
		if n != 0 {
			fmt.Fprintf(&out, "%d %s, ", n, what)
		}
	}
	s.connections.mu.Lock()
	note("in total", s.connections.total)
	note("addresses", len(s.connections.from))
	s.connections.mu.Unlock()
	for _, p := range s.Ports() {
		note("open", int(p.Open))
		note("active", int(p.Active))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.ports {
		g := p.current
		g.hijacked.mu.Lock()
		note("hijacked", len(g.hijacked.conns))
		g.hijacked.mu.Unlock()
		note("handled", int(g.handling.count.Load()))
	}
	return out.String()
}

var errOdd = errors.New("odd")

// TestFailedListenersEnd ends listeners that have failed for ever, without waiting for anybody.
// The next Sync opens them again.
func TestFailedListenersEnd(t *testing.T) {
	opened := 0
	log := slog.New(slog.DiscardHandler)
	s, _ := start(t, toApp(says("app")).Server(plain(80)), local(Config{Logger: log, Listen: func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		if opened++; opened == 1 {
			return &odd{l.(*net.TCPListener)}, nil
		}
		return l, nil
	}}, 80))
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.ports[0].socket.failed.Load()
	}, patience, time.Millisecond)
	require.NoError(t, s.Sync())
	require.Equal(t, 2, opened)
	response, _ := raw(t, s, get)
	require.Equal(t, 200, response.StatusCode)
}

// An odd listener fails, and has deadlines.
type odd struct{ *net.TCPListener }

func (*odd) Accept() (net.Conn, error) { return nil, errOdd }

// A client that never tells its address, which a wrapper reads, loses its connection in time.
func TestClientsThatDoNotTellTheirAddress(t *testing.T) {
	for _, engine := range []Engine{EngineLateen, EngineNetHTTP} {
		for _, perAddress := range []int{spec.NoLimit, 1} {
			c := local(Config{Engine: engine, ReadHeaderTimeout: 50 * time.Millisecond, MaxConnectionsPerAddress: perAddress}, 80)
			c.Listen = func(network, address string) (net.Listener, error) {
				l, err := net.Listen(network, address)
				return wrapping{l, func(conn net.Conn) net.Conn { return &telling{Conn: conn} }}, err
			}
			s, _ := start(t, toApp(says("app")).Server(plain(80)), c)
			conn, err := net.Dial("tcp", s.Addr(80).String())
			require.NoError(t, err)
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			_, err = io.Copy(io.Discard, conn)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "%v with a limit of %d", engine, perAddress)
			require.NoError(t, conn.Close())
		}
	}
}
