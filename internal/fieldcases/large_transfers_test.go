package fieldcases

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
)

// Large downloads and uploads arrive complete, with known length or in chunks, and
// so do parts of them. Their allocations do not grow with their size.
func TestLargeTransfers(t *testing.T) {
	const size = 8 << 20
	data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	file := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	want := fmt.Sprintf("%x", sha256.Sum256(data))
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			http.ServeFile(w, r, file)
			return
		}
		sum := sha256.New()
		_, err := io.Copy(sum, r.Body)
		_, _ = fmt.Fprintf(w, "%x %v %v", sum.Sum(nil), err, r.ContentLength)
	})
	behind := httptest.NewServer(app)
	t.Cleanup(behind.Close)
	client := speaking(t, http1)
	do := func(t *testing.T, method, address string, body io.Reader, fields ...string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/large", body)
		require.NoError(t, err)
		for i := 0; i < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		response, err := client.RoundTrip(r)
		require.NoError(t, err)
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	text := func(t *testing.T, response *http.Response) string {
		all, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return string(all)
	}
	through := routes[:3]
	if !testing.Short() {
		through = append(routes[:len(routes):len(routes)], struct {
			name  string
			route spec.Route
		}{"mirrored", spec.Route{Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "nowhere"}}}}})
	}
	for name, b := range map[string]func() *gateway.Builder{
		"direct": func() *gateway.Builder { return gateway.New().BackendURL("app", behind.URL) },
		"net/http": func() *gateway.Builder {
			return gateway.New().BackendURL("app", behind.URL).Transport(gateway.TransportNetHTTP)
		},
		"a handler": func() *gateway.Builder { return gateway.New().Backend("app", app) },
	} {
		for _, r := range through {
			t.Run(name+", "+r.name, func(t *testing.T) {
				address := serve(t, testgateway.Built(t, b().Route(toApp(r.route))))
				allocated := allocations()

				response := do(t, "GET", address, nil)
				sum := sha256.New()
				n, err := io.Copy(sum, response.Body)
				require.NoError(t, err)
				require.EqualValues(t, size, n)
				require.EqualValues(t, size, response.ContentLength)
				require.Equal(t, want, fmt.Sprintf("%x", sum.Sum(nil)))

				require.Equal(t, fmt.Sprint(want, " <nil> ", size), text(t, do(t, "PUT", address, bytes.NewReader(data))))
				require.Equal(t, want+" <nil> -1", text(t, do(t, "PUT", address, io.MultiReader(bytes.NewReader(data)))))

				response = do(t, "GET", address, nil, "Range", "bytes=1048576-1048585")
				require.Equal(t, 206, response.StatusCode)
				require.Equal(t, "0123456789", text(t, response))

				require.Less(t, allocations()-allocated, uint64(4<<20))
			})
		}
	}
}

// allocations is the number of allocated bytes so far, including freed ones.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// If a client does not read, its backend soon has to stop. The gateway keeps no more
// data for it.
func TestAClientThatDoesNotRead(t *testing.T) {
	for _, r := range routes {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var written atomic.Int64
				ended := make(chan struct{})
				gw := testgateway.Built(t, gateway.New().Route(toApp(r.route)).Backend("app", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					defer close(ended)
					part := make([]byte, 32<<10)
					for {
						n, err := w.Write(part)
						if err != nil {
							return
						}
						written.Add(int64(n))
					}
				})))
				client, conn := net.Pipe()
				served := make(chan error, 1)
				s := &http.Server{Handler: gw}
				l := &oneConn{conn: conn, closed: make(chan struct{})}
				go func() { served <- s.Serve(l) }()
				_, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
				require.NoError(t, err)
				// No side continues.
				synctest.Wait()
				require.Less(t, written.Load(), int64(256<<10))
				select {
				case <-ended:
					require.Fail(t, "the backend was not held up")
				default:
				}
				require.NoError(t, client.Close())
				<-ended
				require.NoError(t, s.Close())
				require.ErrorIs(t, <-served, http.ErrServerClosed)
			})
		})
	}
}

// A oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	close(l.closed)
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
