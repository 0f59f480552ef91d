package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

func tcpAddr(text string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		panic(err)
	}
	return a
}

func TestProxyHeader(t *testing.T) {
	const signature = "0d0a0d0a000d0a515549540a"
	for _, row := range []struct {
		name, remote string
		local        net.Addr
		v1, v2       string
	}{
		{"IPv4", "192.0.2.1:56324", tcpAddr("198.51.100.2:443"),
			"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", signature + "21" + "11" + "000c" + "c0000201" + "c6336402" + "dc04" + "01bb"},
		{"IPv6", "[2001:db8::1]:1", tcpAddr("[2001:db8::2]:65535"),
			"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
			signature + "21" + "21" + "0024" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "0001" + "ffff"},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:1", tcpAddr("198.51.100.2:2"),
			"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\n", signature + "21" + "11" + "000c" + "c0000201" + "c6336402" + "0001" + "0002"},
		{"a zone", "[fe80::1%eth0]:1", tcpAddr("[2001:db8::2]:2"),
			"PROXY TCP6 fe80::1 2001:db8::2 1 2\r\n",
			signature + "21" + "21" + "0024" + "fe800000000000000000000000000001" + "20010db8000000000000000000000002" + "0001" + "0002"},
		{"nowhere received", "192.0.2.1:1", nil, "PROXY UNKNOWN\r\n", signature + "20000000"},
		{"from nowhere", "", tcpAddr("198.51.100.2:2"), "PROXY UNKNOWN\r\n", signature + "20000000"},
		{"a socket", "@", &net.UnixAddr{Name: "/run/gateway.sock", Net: "unix"}, "PROXY UNKNOWN\r\n", signature + "20000000"},
		{"a name", "client.test:1", tcpAddr("198.51.100.2:2"), "PROXY UNKNOWN\r\n", signature + "20000000"},
		{"two families", "192.0.2.1:1", tcpAddr("[2001:db8::2]:2"), "PROXY UNKNOWN\r\n", signature + "20000000"},
	} {
		r := get("/")
		r.RemoteAddr = row.remote
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		if row.local != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, row.local))
		}
		require.Equal(t, row.v1, ProxyProtocolV1.header(r), row.name)
		require.Equal(t, row.v2, hex.EncodeToString([]byte(ProxyProtocolV2.header(r))), row.name)
		require.Empty(t, NoProxyProtocol.header(r), row.name)
	}
}

// A proxied is a connection that began with a header.
type proxied struct {
	net.Conn
	header string
}

// proxiedListener reads the headers of the connections that it accepts.
type proxiedListener struct{ net.Listener }

func (l proxiedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	var header []byte
	for one := make([]byte, 1); ; {
		if _, err := io.ReadFull(conn, one); err != nil {
			return proxied{conn, "cut"}, nil
		}
		header = append(header, one[0])
		switch {
		case header[0] == 'P' && one[0] == '\n',
			header[0] == '\r' && len(header) >= 16 && len(header) == 16+int(header[14])<<8+int(header[15]):
			return proxied{conn, string(header)}, nil
		case len(header) > 232:
			return proxied{conn, "endless"}, nil
		}
	}
}

// proxiedKey is the key of a request's header.
type proxiedKey struct{}

// proxiedBackend answers with the header of the connection, in hex, and the
// connection's name.
func proxiedBackend(t *testing.T, protocol Protocol, secure bool) (string, *x509.CertPool) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%x %s", r.Context().Value(proxiedKey{}), r.RemoteAddr)
	}))
	server.Listener = proxiedListener{server.Listener}
	server.Config.ErrorLog = quiet
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if c, ok := conn.(*tls.Conn); ok {
			conn = c.NetConn()
		}
		return context.WithValue(ctx, proxiedKey{}, conn.(proxied).header)
	}
	server.EnableHTTP2 = protocol == HTTP2
	roots := x509.NewCertPool()
	if secure {
		server.StartTLS()
		roots.AddCert(server.Certificate())
	} else {
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetHTTP1(true)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), roots
}

// from returns a request from a client's port.
func from(client int) *http.Request {
	r := get("/")
	r.RemoteAddr = fmt.Sprintf("192.0.2.1:%d", client)
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tcpAddr("198.51.100.2:443")))
}

// proxiedWay runs test with each transport and version, in plain text and over TLS.
func proxiedWay(t *testing.T, test func(t *testing.T, c Config)) {
	everyWay(t, func(t *testing.T, c Config) {
		for _, secure := range []bool{false, true} {
			for _, version := range []ProxyProtocol{ProxyProtocolV1, ProxyProtocolV2} {
				t.Run(fmt.Sprintf("v%d TLS %v", version, secure), func(t *testing.T) {
					address, roots := proxiedBackend(t, c.Protocol, secure)
					c.Endpoints, c.ProxyProtocol = []Endpoint{{Address: address}}, version
					if secure {
						c.TLS = &tls.Config{RootCAs: roots, ServerName: "example.com"}
					}
					test(t, c)
				})
			}
		}
	})
}

// A client's connections carry its address, and are reused only for that
// client.
func TestProxyProtocol(t *testing.T) {
	proxiedWay(t, func(t *testing.T, c Config) {
		u := newUpstream(t, c)
		connections := make(map[string]string)
		for range 3 {
			for client := 1; client <= 3; client++ {
				r := from(client)
				w := testwire.Within(t, begin(u, r))
				require.Equal(t, 200, w.Code)
				header, connection, _ := strings.Cut(w.Body.String(), " ")
				require.Equal(t, hex.EncodeToString([]byte(c.ProxyProtocol.header(r))), header)
				connections[connection] = header
			}
		}
		require.Len(t, connections, 3)
	})
}

// However many clients come simultaneously, and whatever the limits, none gets
// another's address.
func TestProxyProtocolUnderLoad(t *testing.T) {
	requests := 20
	if testing.Short() {
		requests = 8
	}
	for name, change := range map[string]func(*Config){
		"no limits":   func(*Config) {},
		"limits":      func(c *Config) { c.Limits = &Limits{MaxConnections: 2} },
		"few idle":    func(c *Config) { c.MaxIdle = 2 },
		"none idle":   func(c *Config) { c.MaxIdle = -1 },
		"few streams": func(c *Config) { c.MaxConcurrentStreams = 1; c.MaxRequestsPerConnection = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, c Config) {
				address, _ := proxiedBackend(t, c.Protocol, false)
				c.Endpoints, c.ProxyProtocol = []Endpoint{{Address: address}}, ProxyProtocolV2
				change(&c)
				u := newUpstream(t, c)
				var running sync.WaitGroup
				for worker := range 12 {
					running.Go(func() {
						for i := range requests {
							r := from(1 + (worker+i)%5)
							w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
							u.ServeHTTP(w, r)
							if want := hex.EncodeToString([]byte(ProxyProtocolV2.header(r))); w.failed != nil || !strings.HasPrefix(w.Body.String(), want+" ") {
								t.Errorf("%s got %s, failure %+v", r.RemoteAddr, w.Body, w.failed)
							}
						}
					})
				}
				running.Wait()
				if u.breaker != nil {
					settled(t, u)
				}
			})
		})
	}
}

// The connections of disconnected clients make room for those of others.
func TestProxyProtocolKeepsRecentConnections(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		address, _ := proxiedBackend(t, c.Protocol, false)
		c.Endpoints, c.ProxyProtocol, c.MaxIdle = []Endpoint{{Address: address}}, ProxyProtocolV1, 2
		c.Limits = &Limits{}
		u := newUpstream(t, c)
		connection := func(client int) string {
			_, name, _ := strings.Cut(testwire.Within(t, begin(u, from(client))).Body.String(), " ")
			return name
		}
		first, second, third := connection(1), connection(2), connection(3)
		require.EqualValues(t, 2, u.breaker.Connections.Active())
		require.Equal(t, third, connection(3))
		require.Equal(t, second, connection(2))
		require.NotEqual(t, first, connection(1))
		require.Equal(t, second, connection(2))
		require.NotEqual(t, third, connection(3))
	})
}

// If a header cannot be written because the connection ended, the connection
// counts as not made.
func TestProxyHeaderCannotBeWritten(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		c.Endpoints, c.ProxyProtocol = []Endpoint{{Address: "10.0.0.1:80"}}, ProxyProtocolV1
		c.Dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			far.Close()
			return near, nil
		}
		w := testwire.Within(t, begin(newUpstream(t, c), from(1)))
		require.Equal(t, FlagConnectFailure, w.failed.Flag)
		require.False(t, w.failed.RequestSent)
	})
}

// The header comes first, before the TLS handshake and the preface of HTTP/2.
func TestProxyHeaderComesFirst(t *testing.T) {
	proxiedWay(t, func(t *testing.T, c Config) {
		first := make(chan string, 1)
		c.Endpoints[0].Address = testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
			head, _ := in.Peek(16)
			first <- string(head)
		})
		testwire.Within(t, begin(newUpstream(t, c), from(1)))
		require.Equal(t, c.ProxyProtocol.header(from(1))[:16], testwire.Within(t, first))
	})
}
