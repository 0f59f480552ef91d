package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// refused is an address without a listener.
func refused(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// recorder records the failure of a request.
type recorder struct {
	http.ResponseWriter
	failures chan<- Failure
}

func (r recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
func (r recorder) UpstreamFailed(f Failure)    { r.failures <- f }

func TestFailures(t *testing.T) {
	const prefix = "upstream connect error or disconnect/reset before headers. reset reason: "
	closing := func(conn net.Conn, in *bufio.Reader) { headOf(in) }
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct {
			name    string
			config  func(t *testing.T) Config
			flag    string
			status  int
			body    string
			notSent bool
		}{
			{
				name:   "no endpoints",
				config: func(t *testing.T) Config { return Config{Transport: transport} },
				flag:   "UH", status: 503, body: "no healthy upstream", notSent: true,
			},
			{
				name:   "refused",
				config: func(t *testing.T) Config { return to(transport, refused(t)) },
				flag:   "UF", status: 503, notSent: true,
				body: prefix + "remote connection failure, transport failure reason: delayed connect error: Connection refused",
			},
			{
				name: "connect timeout",
				config: func(t *testing.T) Config {
					c := to(transport, "127.0.0.1:1")
					c.ConnectTimeout = time.Millisecond
					c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return c
				},
				flag: "UF", status: 503, body: prefix + "connection timeout", notSent: true,
			},
			{
				name: "no such socket",
				config: func(t *testing.T) Config {
					return to(transport, "unix://"+t.TempDir()+"/none.sock")
				},
				flag: "UF", status: 503, notSent: true,
				body: prefix + "remote connection failure, transport failure reason: delayed connect error: No such file or directory",
			},
			{
				name: "odd dial error",
				config: func(t *testing.T) Config {
					c := to(transport, "127.0.0.1:1")
					c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("10.1.2.3 is down") }
					return c
				},
				flag: "UF", status: 503, body: prefix + "remote connection failure", notSent: true,
			},
			{
				name:   "closed before the head",
				config: func(t *testing.T) Config { return to(transport, testwire.Backend(t, closing)) },
				flag:   "UC", status: 503, body: prefix + "connection termination",
			},
			{
				name: "reset before the head",
				config: func(t *testing.T) Config {
					return to(transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
						headOf(in)
						_ = conn.(*net.TCPConn).SetLinger(0)
					}))
				},
				flag: "UC", status: 503, body: prefix + "connection termination",
			},
			{
				name: "closed in the head",
				config: func(t *testing.T) Config {
					return to(transport, testwire.Backend(t, answer("HTTP/1.1 200 OK\r\nA: b")))
				},
				flag: "UC", status: 503, body: prefix + "connection termination",
			},
			{
				name: "not HTTP",
				config: func(t *testing.T) Config {
					return to(transport, testwire.Backend(t, answer("SSH-2.0-OpenSSH_9.6\r\n\r\n")))
				},
				flag: "UPE", status: 502, body: prefix + "protocol error",
			},
			{
				name: "plain text for TLS",
				config: func(t *testing.T) Config {
					c := to(transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
						_, _ = in.Peek(1)
						_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
					}))
					c.TLS = &tls.Config{ServerName: "a.test"}
					return c
				},
				flag: "UF", status: 503, notSent: true,
				body: prefix + "remote connection failure, transport failure reason: TLS_error:|WRONG_VERSION_NUMBER:TLS_error_end",
			},
			{
				name: "unknown authority",
				config: func(t *testing.T) Config {
					server := httptest.NewUnstartedServer(http.NotFoundHandler())
					server.Config.ErrorLog = quiet
					server.StartTLS()
					t.Cleanup(server.Close)
					c := to(transport, server.Listener.Addr().String())
					c.TLS = &tls.Config{ServerName: "example.com"}
					return c
				},
				flag: "UF", status: 503, notSent: true,
				body: prefix + "remote connection failure, transport failure reason: TLS_error:|CERTIFICATE_VERIFY_FAILED:TLS_error_end",
			},
		} {
			t.Run(row.name, func(t *testing.T) {
				u := newUpstream(t, row.config(t))
				failures := make(chan Failure, 1)
				f := serveFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/recorded" {
						w = recorder{w, failures}
					}
					u.ServeHTTP(w, r)
				}))

				response, body := f.get("/")
				require.Equal(t, row.status, response.StatusCode)
				require.Equal(t, row.body, body)
				require.Equal(t, []string{"text/plain"}, response.Header["Content-Type"])

				response, body = f.get("/recorded")
				require.Equal(t, 200, response.StatusCode)
				require.Empty(t, body, "nothing is written for a recorder")
				failure := testwire.Within(t, failures)
				require.Error(t, failure.Err)
				require.Equal(t, row.flag != FlagNoHealthyUpstream, failure.Host.Address != "")
				failure.Err, failure.Host = nil, Host{}
				require.Equal(t, Failure{Flag: row.flag, Status: row.status, Body: row.body, RequestSent: !row.notSent}, failure)

				response, body = f.do("POST", "/", strings.NewReader("x"), "Content-Type: application/grpc")
				require.Equal(t, 200, response.StatusCode)
				require.Empty(t, body)
				require.Equal(t, "14", response.Header.Get("Grpc-Status"))
				require.Equal(t, row.body, response.Header.Get("Grpc-Message"))
			})
		}
	})
}

// The connection to the backend is closed when a request is over, for whatever
// reason.
func TestCancellation(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, row := range []struct {
			name   string
			cause  error
			flag   string
			status int
		}{
			{"timeout", ErrTimeout, "UT", 504},
			{"deadline", context.DeadlineExceeded, "UT", 504},
			{"other", errors.New("gone"), "DC", 499},
			{"plain", nil, "DC", 499},
		} {
			t.Run(row.name, func(t *testing.T) {
				arrived, closed := make(chan struct{}), make(chan error, 1)
				address := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					headOf(in)
					close(arrived)
					_, err := in.ReadByte()
					closed <- err
				})
				u := newUpstream(t, to(transport, address))
				ctx, cancel := context.WithCancelCause(t.Context())
				failures := make(chan Failure, 1)
				go func() {
					u.ServeHTTP(recorder{httptest.NewRecorder(), failures}, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
				}()
				testwire.Within(t, arrived)
				cancel(row.cause)
				failure := testwire.Within(t, failures)
				require.Equal(t, row.flag, failure.Flag)
				require.Equal(t, row.status, failure.Status)
				err := testwire.Within(t, closed)
				require.Error(t, err)
				require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the backend gave up, nobody closed the connection")
			})
		}
	})
}

// When a client disconnects, its request to the backend ends as well.
func TestClientGoesAway(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, send := range map[string]string{
			"before the head": "",
			"in the body":     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
			"in chunks":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		} {
			t.Run(name, func(t *testing.T) {
				arrived, closed := make(chan struct{}), make(chan struct{})
				f := proxy(t, transport, testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
					headOf(in)
					_, _ = io.WriteString(conn, send)
					close(arrived)
					_, _ = in.ReadByte()
					close(closed)
				}))
				conn, in := f.dial()
				_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				require.NoError(t, err)
				testwire.Within(t, arrived)
				if send != "" {
					response, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					_, err = io.ReadFull(response.Body, make([]byte, 3))
					require.NoError(t, err)
				}
				conn.Close()
				testwire.Within(t, closed)
			})
		}
	})
}

// The backend does not mistake a request whose body ends too early for a
// complete one.
func TestClientGoesAwayInItsBody(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, send := range map[string]string{
			"fixed":   "Content-Length: 10\r\n\r\nabc",
			"chunked": "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		} {
			t.Run(name, func(t *testing.T) {
				ended := make(chan error, 1)
				arrived := make(chan struct{})
				f := proxy(t, transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
					_, err := io.ReadFull(r.Body, make([]byte, 3))
					close(arrived)
					if err == nil {
						_, err = io.ReadAll(r.Body)
					}
					ended <- err
				}))
				conn, _ := f.dial()
				_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+send)
				require.NoError(t, err)
				testwire.Within(t, arrived)
				conn.Close()
				require.Error(t, testwire.Within(t, ended))
			})
		}
	})
}

// A response that the backend does not finish does not look complete to the
// client.
func TestCutResponses(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, send := range map[string]string{
			"fixed":          "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
			"fixed, empty":   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
			"fixed, long":    "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 500000),
			"fixed, spliced": fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 2*spliceLength) + strings.Repeat("x", spliceLength),
			"chunked":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
			"in a chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
			"in the trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n",
			"chunk size":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n",
			"chunk end":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
		} {
			t.Run(name, func(t *testing.T) {
				f := proxy(t, transport, testwire.Backend(t, answer(send)))
				f.server.Config.ErrorLog = quiet
				for _, protocol := range []string{"http/1.1", "h2c"} {
					t.Run(protocol, func(t *testing.T) {
						client := &http.Transport{Protocols: new(http.Protocols)}
						client.Protocols.SetHTTP1(protocol == "http/1.1")
						client.Protocols.SetUnencryptedHTTP2(protocol == "h2c")
						defer client.CloseIdleConnections()
						r, err := http.NewRequestWithContext(t.Context(), "GET", f.server.URL, nil)
						require.NoError(t, err)
						response, err := client.RoundTrip(r)
						if err != nil {
							return
						}
						_, err = io.ReadAll(response.Body)
						response.Body.Close()
						require.Error(t, err)
					})
				}
			})
		}
	})
}

func TestClassify(t *testing.T) {
	ctx := t.Context()
	for _, row := range []struct {
		err  error
		flag string
		body string
	}{
		{syscall.ECONNRESET, "UC", "connection termination"},
		{io.ErrUnexpectedEOF, "UC", "connection termination"},
		{&dialError{os.ErrDeadlineExceeded}, "UF", "connection timeout"},
		{&dialError{syscall.EHOSTUNREACH}, "UF", "remote connection failure, transport failure reason: delayed connect error: No route to host"},
		{errors.New("stream error: stream ID 1; REFUSED_STREAM"), "UR", "remote refused stream reset"},
		{errors.New("http2: Transport received Server's graceful shutdown GOAWAY"), "UR", "remote refused stream reset"},
		{errors.New("http2: Transport received GOAWAY from server ErrCode:ENHANCE_YOUR_CALM"), "UR", "remote refused stream reset"},
		{errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1"), "UC", "connection termination"},
		{errors.New("http2: client conn could not be established"), "UC", "connection termination"},
		{errors.New("http2: client connection lost"), "UC", "connection termination"},
		{errors.New("http2: client connection force closed via ClientConn.Close"), "UC", "connection termination"},
		{errors.New("stream error: stream ID 1; CANCEL; received from peer"), "UR", "remote reset"},
		{errors.New("stream error: stream ID 1; PROTOCOL_ERROR"), "UPE", "protocol error"},
		{errors.New("malformed"), "UPE", "protocol error"},
	} {
		f := classify(ctx, row.err, true)
		require.Equal(t, row.flag, f.Flag, "%v", row.err)
		require.Equal(t, resetPrefix+row.body, f.Body, "%v", row.err)
		require.Equal(t, row.flag != "UF", f.RequestSent)
	}
}
