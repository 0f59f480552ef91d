package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// ejecting makes c eject a host after one failure, on the given clock.
func ejecting(c *Config, clock *clock) {
	c.Balancing.Now = clock.now
	c.Outliers = &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 100}
}

// A host that fails gets no more requests until its ejection is over.
func TestEjection(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		var down atomic.Bool
		down.Store(true)
		fleet(t, &c, named(0), func(w http.ResponseWriter, _ *http.Request) {
			if down.Load() {
				w.WriteHeader(500)
				return
			}
			_, _ = w.Write([]byte(hostName(1)))
		})
		clock := new(clock)
		ejecting(&c, clock)
		c.Balancing.Policy = RoundRobin
		u := newUpstream(t, c)
		count := func() map[string]int {
			counts := make(map[string]int)
			for range 20 {
				_, body := send(u, get("/"))
				counts[body]++
			}
			return counts
		}
		require.Equal(t, map[string]int{"": 1, hostName(0): 19}, count())
		down.Store(false)
		clock.advance(29 * time.Second)
		require.Equal(t, map[string]int{hostName(0): 20}, count())
		clock.advance(time.Second)
		require.Equal(t, map[string]int{hostName(0): 10, hostName(1): 10}, count())
	})
}

// If all hosts are ejected, none is chosen, unless panic is allowed.
func TestAllEjected(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		failing := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
		fleet(t, &c, failing, failing)
		clock := new(clock)
		ejecting(&c, clock)
		for _, panics := range []uint32{0, 50} {
			c.Balancing.PanicThreshold = panics
			u := newUpstream(t, c)
			for range 2 {
				status, _ := send(u, get("/"))
				require.Equal(t, 500, status)
			}
			w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
			u.ServeHTTP(w, get("/"))
			if panics > 0 {
				require.Equal(t, 500, w.Code)
				continue
			}
			require.Equal(t, FlagNoHealthyUpstream, w.failed.Flag)
			require.Equal(t, 503, w.failed.Status)
			require.Equal(t, "no healthy upstream", w.failed.Body)
		}
	})
}

// Each kind of failure counts once. Failures that the host did not cause do not
// count.
func TestWhatEjects(t *testing.T) {
	cancelled := func(cause error) func(t *testing.T, r *http.Request, arrived <-chan struct{}) *http.Request {
		return func(t *testing.T, r *http.Request, arrived <-chan struct{}) *http.Request {
			ctx, cancel := context.WithCancelCause(r.Context())
			go func() {
				<-arrived
				cancel(cause)
			}()
			return r.WithContext(ctx)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	grpc := func(code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", code)
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		request func(t *testing.T, r *http.Request, arrived <-chan struct{}) *http.Request
		headers []string
		ejects  bool
	}{
		{name: "200", handler: status(200)},
		{name: "404", handler: status(404)},
		{name: "500", handler: status(500), ejects: true},
		{name: "503", handler: status(503), ejects: true},
		{name: "599", handler: status(599), ejects: true},
		{name: "closed", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ejects: true},
		{name: "cut", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, ejects: true},
		{name: "timeout", handler: hang, request: cancelled(ErrTimeout), ejects: true},
		{name: "deadline", handler: hang, request: cancelled(context.DeadlineExceeded), ejects: true},
		{name: "client gone", handler: hang, request: cancelled(errors.New("gone"))},
		{name: "gRPC unavailable", handler: grpc("14"), headers: []string{"Content-Type: application/grpc"}, ejects: true},
		{name: "gRPC unknown", handler: grpc("99"), headers: []string{"Content-Type: application/grpc"}, ejects: true},
		{name: "gRPC not found", handler: grpc("5"), headers: []string{"Content-Type: application/grpc"}},
		{name: "gRPC without being asked", handler: grpc("14")},
		{name: "request that cannot be sent", handler: status(200), headers: []string{"A: b\x01\r\nC"}},
		{name: "body that ends early", handler: func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		}, request: func(_ *testing.T, r *http.Request, _ <-chan struct{}) *http.Request {
			r.Method, r.ContentLength, r.Body = "POST", 10, io.NopCloser(strings.NewReader("short"))
			return r
		}},
		{name: "body too long", handler: func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		}, request: func(_ *testing.T, r *http.Request, _ <-chan struct{}) *http.Request {
			r.Method, r.ContentLength = "POST", -1
			r.Body = http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("too long")), 3)
			return r
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, c Config) {
				arrived := make(chan struct{}, 1)
				fleet(t, &c, func(w http.ResponseWriter, r *http.Request) {
					arrived <- struct{}{}
					row.handler(w, r)
				})
				ejecting(&c, new(clock))
				u := newUpstream(t, c)
				r := get("/", row.headers...)
				if row.request != nil {
					r = row.request(t, r, arrived)
				}
				func() {
					defer func() {
						if e := recover(); e != nil && e != http.ErrAbortHandler {
							panic(e)
						}
					}()
					u.ServeHTTP(&hostRecorder{ResponseRecorder: httptest.NewRecorder()}, r)
				}()
				require.Equal(t, row.ejects, u.hosts.Load().hosts[0].state.Ejected.Load())
				require.Equal(t, row.ejects, u.detector.Ejected() == 1)
			})
		})
	}
	t.Run("refused", func(t *testing.T) {
		everyWay(t, func(t *testing.T, c Config) {
			c.Endpoints = []Endpoint{{Address: refused(t)}}
			ejecting(&c, new(clock))
			u := newUpstream(t, c)
			send(u, get("/"))
			require.Equal(t, 1, u.detector.Ejected())
		})
	})
	t.Run("not HTTP", func(t *testing.T) {
		everyWay(t, func(t *testing.T, c Config) {
			c.Endpoints = []Endpoint{{Address: testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
				_, _ = in.Peek(1)
				_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.6 is what I speak\r\n\r\n")
			})}}
			ejecting(&c, new(clock))
			u := newUpstream(t, c)
			send(u, get("/"))
			require.Equal(t, 1, u.detector.Ejected())
		})
	})
}

// Each try counts once.
func TestTryCountsOnce(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		var kind atomic.Int32
		fleet(t, &c, func(w http.ResponseWriter, _ *http.Request) {
			if kind.Add(1)%2 == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(500)
		})
		ejecting(&c, new(clock))
		c.Outliers.Consecutive5xx = 6
		u := newUpstream(t, c)
		for range 5 {
			send(u, get("/"))
		}
		require.Zero(t, u.detector.Ejected())
		send(u, get("/"))
		require.Equal(t, 1, u.detector.Ejected())
	})
}

// Failures without a response are counted separately if configured, and a host
// that accepts connections ends a series of them.
func TestLocalFailuresApart(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		c.Endpoints = []Endpoint{{Address: refused(t)}}
		ejecting(&c, new(clock))
		c.Outliers.SplitLocalOrigin, c.Outliers.ConsecutiveLocalOrigin = true, 2
		u := newUpstream(t, c)
		send(u, get("/"))
		require.Zero(t, u.detector.Ejected())
		send(u, get("/"))
		require.Equal(t, 1, u.detector.Ejected())

		fleet(t, &c, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		c.Endpoints = c.Endpoints[1:]
		u = newUpstream(t, c)
		for range 5 {
			send(u, get("/"))
		}
		require.Zero(t, u.detector.Ejected())
	})
}

// A host that leaves no longer counts, and one that stays remains ejected.
func TestEjectionSurvivesOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(table)
		resolver.set("a.test", "10.0.0.1", "10.0.0.2")
		u := newUpstream(t, Config{
			Resolution: DNS, Resolver: resolver, Endpoints: []Endpoint{{Address: "a.test:80"}},
			Outliers: &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 100},
			Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("down") },
		})
		synctest.Wait()
		send(u, get("/"))
		send(u, get("/"))
		require.Equal(t, 2, u.detector.Ejected())
		resolver.set("a.test", "10.0.0.2", "10.0.0.3")
		time.Sleep(DefaultRefresh + lookupJitter)
		synctest.Wait()
		require.Equal(t, 1, u.detector.Ejected())
		w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
		u.ServeHTTP(w, get("/"))
		require.Equal(t, "10.0.0.3:80", w.failed.Host.Address)
		_, body := send(u, get("/"))
		require.Equal(t, "no healthy upstream", body)
		time.Sleep(30 * time.Second)
		_, body = send(u, get("/"))
		require.NotEqual(t, "no healthy upstream", body)
	})
}

// A backend that cuts each of its bodies is ejected after some failures in a row, if a
// response is counted when it ends. Envoy counts each head as a success before.
func TestCutBodiesEject(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		for _, whole := range []bool{true, false} {
			own := c
			var cut atomic.Bool
			fleet(t, &own, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write([]byte("x"))
				_ = http.NewResponseController(w).Flush()
				if cut.Load() {
					panic(http.ErrAbortHandler)
				}
				_, _ = w.Write(make([]byte, 999_999))
			})
			ejecting(&own, new(clock))
			own.Outliers.Consecutive5xx, own.JudgeWholeResponses = 3, whole
			u := newUpstream(t, own)
			request := func(cuts bool) {
				cut.Store(cuts)
				defer func() { require.Equal(t, cuts, recover() == http.ErrAbortHandler) }()
				u.ServeHTTP(&hostRecorder{ResponseRecorder: httptest.NewRecorder()}, get("/"))
			}
			// A complete response ends a series.
			for _, cuts := range []bool{true, true, false, true, true} {
				request(cuts)
				require.Zero(t, u.detector.Ejected())
			}
			request(true)
			require.Equal(t, whole, u.detector.Ejected() == 1)
		}
	})
}
