package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// secureBackend serves handler over TLS, and returns its address and trusted
// roots. Its certificate is for example.com and 127.0.0.1.
func secureBackend(t *testing.T, protocol Protocol, handler http.HandlerFunc) (string, *x509.CertPool) {
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = protocol == HTTP2
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.Listener.Addr().String(), roots
}

func TestTLS(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, protocol := range []Protocol{HTTP1, HTTP2} {
			t.Run(fmt.Sprint("HTTP/", protocol+1), func(t *testing.T) {
				address, roots := secureBackend(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Proto, r.Host, r.TLS.ServerName, body)
				})
				for _, row := range []struct{ name, serverName, host, want string }{
					{"given", "example.com", "a.test", "a.test example.com"},
					{"of the request", "", "example.com:81", "example.com:81 example.com"},
					{"address of the request", "", "127.0.0.1", "127.0.0.1 "},
				} {
					t.Run(row.name, func(t *testing.T) {
						c := to(transport, address)
						c.Protocol = protocol
						c.TLS = &tls.Config{RootCAs: roots, ServerName: row.serverName}
						u := newUpstream(t, c)
						f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							r.Host = row.host
							u.ServeHTTP(w, r)
						}))
						for range 3 {
							response, body := f.do("POST", "/", strings.NewReader("abc"))
							require.Equal(t, 200, response.StatusCode, body)
							require.Equal(t, fmt.Sprintf("HTTP/%d.%d %s abc", protocol+1, 1-protocol, row.want), body)
							_, body = f.get("/")
							require.Equal(t, fmt.Sprintf("HTTP/%d.%d %s ", protocol+1, 1-protocol, row.want), body)
						}
					})
				}
			})
		}
	})
}

// A connection made to one server is not used for another.
func TestTLSByRequestKeepsServersApart(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		address, roots := secureBackend(t, HTTP1, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.TLS.ServerName)
		})
		c := to(transport, address)
		c.TLS = &tls.Config{RootCAs: roots}
		u := newUpstream(t, c)
		f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host = r.URL.Path[1:]
			u.ServeHTTP(w, r)
		}))
		for range 3 {
			_, body := f.get("/example.com")
			require.Equal(t, "example.com", body)
			response, _ := f.get("/other.test")
			require.Equal(t, 503, response.StatusCode)
		}
	})
}

func TestHTTP2NotAgreedTo(t *testing.T) {
	address, roots := secureBackend(t, HTTP1, func(http.ResponseWriter, *http.Request) {})
	c := to(Direct, address)
	c.Protocol, c.TLS = HTTP2, &tls.Config{RootCAs: roots, ServerName: "example.com"}
	f := serveFront(t, newUpstream(t, c))
	response, body := f.get("/")
	require.Equal(t, 503, response.StatusCode)
	require.Contains(t, body, "TLS_error")
}

func TestH2C(t *testing.T) {
	address := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s %s", r.Proto, r.Host, r.RequestURI, r.Header.Get("Te"), body)
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "fine")
	})
	c, err := FromURL("h2c://" + address + "/base")
	require.NoError(t, err)
	f := serveFront(t, newUpstream(t, c))
	client := &http.Transport{Protocols: new(http.Protocols)}
	client.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(client.CloseIdleConnections)
	for _, target := range []string{"/a%2Fb?x", "//x", `/a"b\c`} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", f.server.URL, io.MultiReader(strings.NewReader("abc")))
		require.NoError(t, err)
		r.Host = "a.test"
		r.URL.Opaque = target
		if strings.HasPrefix(target, "//") {
			r.URL.Opaque = "//a.test" + target
		}
		r.Header.Set("Te", "trailers")
		r.Header.Set("Content-Type", "application/grpc")
		response, err := client.RoundTrip(r)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "HTTP/2.0 a.test /base"+target+" trailers abc", string(body))
		require.Equal(t, http.Header{"Grpc-Status": {"0"}, "Grpc-Message": {"fine"}}, response.Trailer)
	}
}

// A gRPC answer that is only a head stays one.
func TestTrailersOnly(t *testing.T) {
	address := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "5")
	})
	c, err := FromURL("h2c://" + address)
	require.NoError(t, err)
	f := serveFront(t, newUpstream(t, c))
	response, _ := f.do("POST", "/", strings.NewReader("x"), "Content-Type: application/grpc")
	require.Equal(t, "5", response.Header.Get("Grpc-Status"))
	require.Empty(t, response.Trailer)
}

// The protocol to the backend is the client's, and neither protocol uses the
// other's connections.
func TestClientProtocol(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, secure := range []bool{false, true} {
			t.Run(map[bool]string{false: "plain", true: "TLS"}[secure], func(t *testing.T) {
				echo := func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto, " ", r.RemoteAddr) }
				c := to(transport, "")
				c.Protocol = ClientProtocol
				if secure {
					var roots *x509.CertPool
					c.Endpoints[0].Address, roots = secureBackend(t, HTTP2, echo)
					c.TLS = &tls.Config{RootCAs: roots, ServerName: "example.com"}
				} else {
					c.Endpoints[0].Address = httpBackend(t, echo)
				}
				u := newUpstream(t, c)
				connections := make(map[string]string)
				for range 2 {
					for _, row := range []struct {
						proto        string
						major, minor int
						want         string
					}{{"HTTP/1.0", 1, 0, "HTTP/1.1"}, {"HTTP/1.1", 1, 1, "HTTP/1.1"}, {"HTTP/2.0", 2, 0, "HTTP/2.0"}} {
						r := get("/")
						r.Proto, r.ProtoMajor, r.ProtoMinor = row.proto, row.major, row.minor
						w := testwire.Within(t, begin(u, r))
						require.Equal(t, 200, w.Code)
						proto, address, _ := strings.Cut(w.Body.String(), " ")
						require.Equal(t, row.want, proto)
						connections[address] = proto
						require.Equal(t, strings.TrimSuffix(row.want, ".0"), w.hosts[0].Protocol)
					}
				}
				require.Len(t, connections, 2)
			})
		}
	})
}

// A request for an upgrade comes over HTTP/1.1, and can be forwarded.
func TestUpgradeOverClientProtocol(t *testing.T) {
	asks := get("/")
	asks.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	for protocol, want := range map[Protocol]string{HTTP1: "websocket", HTTP2: "", ClientProtocol: "websocket"} {
		c := Config{Protocol: protocol}
		require.Equal(t, want, upgradeOf(asks, c.protocolOf(asks)))
	}
}

func TestUnixSocket(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		path := t.TempDir() + "/backend.sock"
		listener, err := net.Listen("unix", path)
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "over a socket: "+r.Host)
		})}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { server.Close() })
		f := proxy(t, transport, "unix://"+path)
		for range 3 {
			_, body := f.get("/")
			require.Contains(t, body, "over a socket: 127.0.0.1")
		}
	})
}

// A connection without a descriptor for the kernel check can be used, too.
func TestConnectionWithoutDescriptor(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		address := httpBackend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
		c := to(transport, address)
		dials := 0
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			return struct{ net.Conn }{conn}, err
		}
		f := serveFront(t, newUpstream(t, c))
		for range 5 {
			_, body := f.do("POST", "/", strings.NewReader("abc"))
			require.Equal(t, "abc", body)
			response, _ := f.get("/")
			require.Equal(t, 200, response.StatusCode)
		}
		require.Equal(t, 1, dials)
	})
}

// If an Upstream is closed while requests are in flight, they are served, and
// nothing remains afterwards.
func TestCloseLetsRequestsFinish(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		arrived, finish := make(chan struct{}), make(chan struct{})
		closed := make(chan struct{}, 9)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(arrived)
				<-finish
			}
			_, _ = io.WriteString(w, "done")
		}))
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed <- struct{}{}
			}
		}
		server.Start()
		t.Cleanup(server.Close)
		u, err := New(to(transport, server.Listener.Addr().String()))
		require.NoError(t, err)
		f := serveFront(t, u)
		answer := make(chan string)
		go func() {
			_, body := f.get("/slow")
			answer <- body
		}()
		testwire.Within(t, arrived)
		_, body := f.get("/")
		require.Equal(t, "done", body)
		require.NoError(t, u.Close())
		testwire.Within(t, closed)
		close(finish)
		require.Equal(t, "done", testwire.Within(t, answer))
		testwire.Within(t, closed)
		_, body = f.get("/late")
		require.Equal(t, "done", body)
		testwire.Within(t, closed)
		require.NoError(t, u.Close(), "a second time")
	})
}

func TestMaxIdle(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		closes := make(chan bool, 9)
		c := to(transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) { closes <- r.Close }))
		c.MaxIdle = -1
		f := serveFront(t, newUpstream(t, c))
		f.get("/")
		f.get("/")
		require.True(t, testwire.Within(t, closes))
		require.True(t, testwire.Within(t, closes))
	})
}
