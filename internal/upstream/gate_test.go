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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// A stage is a host whose requests arrive, and finish on command.
type stage struct {
	arrived chan string
	finish  chan struct{}
	leave   func()
}

func newStage(t *testing.T) *stage {
	s := &stage{arrived: make(chan string, 100), finish: make(chan struct{})}
	s.leave = sync.OnceFunc(func() { close(s.finish) })
	t.Cleanup(s.leave)
	return s
}

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.arrived <- r.URL.Path
	select {
	case <-s.finish:
	case <-r.Context().Done():
	}
}

// begin makes u serve a request, and returns a channel for the outcome.
func begin(u *Upstream, r *http.Request) <-chan *hostRecorder {
	c := make(chan *hostRecorder, 1)
	go func() {
		w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
		u.ServeHTTP(w, r)
		c <- w
	}()
	return c
}

// pending waits until n requests wait for a connection.
func pending(t *testing.T, u *Upstream, n int64) {
	t.Helper()
	require.Eventually(t, func() bool { return u.breaker.Pending.Active() == n }, patience, time.Millisecond)
}

// queued waits until n requests are in the queues of u's only host.
func queued(t *testing.T, u *Upstream, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		switch c := u.hosts.Load().hosts[0].client.(type) {
		case *direct:
			return c.gate.queued() == n
		default:
			return c.(*netHTTP).gate.queued() == n
		}
	}, patience, time.Millisecond)
}

func (g *gate[C]) queued() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.queues {
		n += len(q.waiting)
	}
	return n
}

// settled waits until nothing is in use.
func settled(t *testing.T, u *Upstream) {
	t.Helper()
	for _, h := range u.hosts.Load().hosts {
		h.client.closeIdle()
	}
	require.Eventually(t, func() bool {
		b := u.breaker
		return b.Connections.Active() == 0 && b.Pending.Active() == 0 && b.Requests.Active() == 0
	}, patience, time.Millisecond, "%d connections, %d pending, %d requests",
		u.breaker.Connections.Active(), u.breaker.Pending.Active(), u.breaker.Requests.Active())
	for _, h := range u.hosts.Load().hosts {
		require.Zero(t, h.state.Active.Load())
		switch c := h.client.(type) {
		case *direct:
			require.Empty(t, c.gate.queues)
		case *netHTTP:
			require.Empty(t, c.gate.queues)
			require.Zero(t, c.gate.waiters.Load())
			require.Empty(t, c.pool.unused)
			require.Empty(t, c.pool.ready)
		}
	}
}

// overflowed checks the answer to a refused request.
func overflowed(t *testing.T, f *Failure) {
	t.Helper()
	require.NotNil(t, f)
	require.Equal(t, FlagOverflow, f.Flag)
	require.Equal(t, 503, f.Status)
	require.Equal(t, "upstream connect error or disconnect/reset before headers. reset reason: overflow", f.Body)
	require.True(t, f.Overloaded)
	require.False(t, f.RequestSent)
	require.ErrorIs(t, f.Err, errOverflow)
}

// With one connection one request runs, one waits, and one is refused.
func TestOverflow(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		s := newStage(t)
		c := to(transport, httpBackend(t, s.ServeHTTP))
		c.Limits = &Limits{MaxConnections: 1, MaxPendingRequests: 1}
		c.Outliers = &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 100}
		u := newUpstream(t, c)
		f := serveFront(t, u)
		runs := begin(u, get("/runs"))
		require.Equal(t, "/runs", testwire.Within(t, s.arrived))
		waits := begin(u, get("/waits"))
		pending(t, u, 1)
		response, body := f.get("/refused")
		require.Equal(t, 503, response.StatusCode)
		require.Equal(t, "true", response.Header.Get("X-Envoy-Overloaded"))
		require.Equal(t, "upstream connect error or disconnect/reset before headers. reset reason: overflow", body)
		overflowed(t, testwire.Within(t, begin(u, get("/refused"))).failed)
		require.Zero(t, u.detector.Ejected(), "no failure of the host")
		s.leave()
		require.Equal(t, 200, testwire.Within(t, runs).Code)
		require.Equal(t, 200, testwire.Within(t, waits).Code)
		require.Equal(t, int64(1), u.breaker.Connections.Active(), "idle")
		require.Equal(t, "/waits", testwire.Within(t, s.arrived))
		require.Empty(t, s.arrived)
		settled(t, u)
	})
}

// Requests have their own limit, with every transport.
func TestTooManyRequests(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		s := newStage(t)
		fleet(t, &c, s.ServeHTTP, s.ServeHTTP)
		c.Limits = &Limits{MaxRequests: 2}
		u := newUpstream(t, c)
		first, second := begin(u, get("/")), begin(u, get("/"))
		testwire.Within(t, s.arrived)
		testwire.Within(t, s.arrived)
		overflowed(t, testwire.Within(t, begin(u, get("/"))).failed)
		s.leave()
		require.Equal(t, 200, testwire.Within(t, first).Code)
		require.Equal(t, 200, testwire.Within(t, second).Code)
		for range 5 {
			require.Equal(t, 200, testwire.Within(t, begin(u, get("/"))).Code)
		}
		settled(t, u)
	})
}

// Each host may have one connection, whatever the limit.
func TestEachHostHasOneConnection(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		s := newStage(t)
		c := Config{Transport: transport, Balancing: Balancing{Policy: RoundRobin}}
		fleet(t, &c, s.ServeHTTP, s.ServeHTTP, s.ServeHTTP)
		c.Limits = &Limits{MaxConnections: 1}
		u := newUpstream(t, c)
		var all []<-chan *hostRecorder
		for range 3 {
			all = append(all, begin(u, get("/")))
			testwire.Within(t, s.arrived)
		}
		require.Equal(t, int64(3), u.breaker.Connections.Active())
		all = append(all, begin(u, get("/")))
		pending(t, u, 1)
		s.leave()
		for _, one := range all {
			require.Equal(t, 200, testwire.Within(t, one).Code)
		}
		settled(t, u)
	})
}

// Waiters are served in order, even if connections are not reused.
func TestWaitersAreServedInOrder(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for name, change := range map[string]func(*Config){
			"reused":       func(*Config) {},
			"not kept":     func(c *Config) { c.MaxIdle = -1 },
			"used once":    func(c *Config) { c.MaxRequestsPerConnection = 1 },
			"used twice":   func(c *Config) { c.MaxRequestsPerConnection = 2 },
			"old at once":  func(c *Config) { c.MaxConnectionDuration = 1 },
			"few requests": func(c *Config) { c.Limits.MaxRequests = 1 },
		} {
			t.Run(name, func(t *testing.T) {
				s := newStage(t)
				order := make(chan string, 9)
				c := to(transport, httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
					order <- r.URL.Path
					s.ServeHTTP(w, r)
				}))
				c.Limits = &Limits{MaxConnections: 1}
				change(&c)
				u := newUpstream(t, c)
				var all []<-chan *hostRecorder
				var want []string
				for i := range 6 {
					want = append(want, fmt.Sprint("/", i))
					all = append(all, begin(u, get(want[i])))
					if i == 0 {
						testwire.Within(t, s.arrived)
					}
					queued(t, u, i)
				}
				s.leave()
				for _, one := range all {
					require.Equal(t, 200, testwire.Within(t, one).Code)
				}
				settled(t, u)
				for _, path := range want {
					require.Equal(t, path, testwire.Within(t, order))
				}
			})
		}
	})
}

// A request that stops waiting leaves no trace, and does not count as a failure
// of a host.
func TestWaiterGivesUp(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		s := newStage(t)
		c := to(transport, httpBackend(t, s.ServeHTTP))
		c.Limits = &Limits{MaxConnections: 1}
		c.Outliers = &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 100}
		u := newUpstream(t, c)
		runs := begin(u, get("/runs"))
		testwire.Within(t, s.arrived)
		for cause, flag := range map[error]string{ErrTimeout: FlagTimeout, errors.New("gone"): FlagDownstream} {
			ctx, cancel := context.WithCancelCause(t.Context())
			waits := begin(u, get("/waits").WithContext(ctx))
			pending(t, u, 1)
			cancel(cause)
			require.Equal(t, flag, testwire.Within(t, waits).failed.Flag)
			pending(t, u, 0)
		}
		require.Zero(t, u.detector.Ejected())
		s.leave()
		require.Equal(t, 200, testwire.Within(t, runs).Code)
		settled(t, u)
	})
}

// If a connection to a host cannot be made, the requests that wait for one stop
// waiting.
func TestWaitersFailWithConnection(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		dialing, fail := make(chan struct{}, 9), make(chan struct{})
		c := to(transport, "127.0.0.1:1")
		c.Limits = &Limits{MaxConnections: 1}
		c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			dialing <- struct{}{}
			<-fail
			return nil, errors.New("down")
		}
		u := newUpstream(t, c)
		first := begin(u, get("/"))
		testwire.Within(t, dialing)
		second := begin(u, get("/"))
		pending(t, u, 2)
		close(fail)
		require.Equal(t, FlagConnectFailure, testwire.Within(t, first).failed.Flag)
		require.Equal(t, FlagConnectFailure, testwire.Within(t, second).failed.Flag)
		require.Empty(t, dialing)
		settled(t, u)
	})
}

// A client that disconnects while it connects does not make others fail: the
// next one connects.
func TestWaiterConnectsInPlaceOfAnother(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		address := httpBackend(t, func(http.ResponseWriter, *http.Request) {})
		dialing := make(chan struct{}, 9)
		var dials atomic.Int32
		c := to(transport, address)
		c.Limits = &Limits{MaxConnections: 1}
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialing <- struct{}{}
			if dials.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		u := newUpstream(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		first := begin(u, get("/").WithContext(ctx))
		testwire.Within(t, dialing)
		second := begin(u, get("/"))
		pending(t, u, 2)
		cancel()
		require.Equal(t, FlagDownstream, testwire.Within(t, first).failed.Flag)
		require.Equal(t, 200, testwire.Within(t, second).Code)
		settled(t, u)
	})
}

// A connection that can no longer be used blocks no waiter.
func TestDeadIdleConnectionMakesRoom(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		c := to(transport, httpBackend(t, func(http.ResponseWriter, *http.Request) {}))
		c.Limits = &Limits{MaxConnections: 1}
		c.MaxConnectionDuration = 20 * time.Millisecond
		u := newUpstream(t, c)
		for range 5 {
			require.Equal(t, 200, testwire.Within(t, begin(u, get("/"))).Code)
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(c.MaxConnectionDuration)
		require.Equal(t, 200, testwire.Within(t, begin(u, get("/"))).Code)
		settled(t, u)
	})
}

// After a backend closed its idle connections, new ones are made within the
// limits.
func TestStaleConnectionsUnderLimits(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		var conns []net.Conn
		var mu sync.Mutex
		address := testwire.Backend(t, func(conn net.Conn, in *bufio.Reader) {
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			for {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		})
		c := to(transport, address)
		c.Limits = &Limits{MaxConnections: 2, MaxRequests: 2}
		u := newUpstream(t, c)
		for range 5 {
			first, second := begin(u, get("/")), begin(u, get("/"))
			require.Equal(t, 200, testwire.Within(t, first).Code)
			require.Equal(t, 200, testwire.Within(t, second).Code)
			mu.Lock()
			for _, conn := range conns {
				conn.Close()
			}
			conns = nil
			mu.Unlock()
		}
		settled(t, u)
	})
}

// Connections to servers with different names have different queues, each of
// which may have one connection.
func TestGateKeepsServersApart(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		s := newStage(t)
		address, roots := secureBackend(t, HTTP1, s.ServeHTTP)
		c := to(transport, address)
		c.TLS = &tls.Config{RootCAs: roots}
		c.AnyName = true
		c.Limits = &Limits{MaxConnections: 1}
		u := newUpstream(t, c)
		named := func(host string) *http.Request {
			r := get("/" + host)
			r.Host = host
			return r
		}
		first := begin(u, named("a.test"))
		require.Equal(t, "/a.test", testwire.Within(t, s.arrived))
		second := begin(u, named("b.test"))
		require.Equal(t, "/b.test", testwire.Within(t, s.arrived))
		third := begin(u, named("a.test"))
		pending(t, u, 1)
		s.leave()
		for _, one := range []<-chan *hostRecorder{first, second, third} {
			require.Equal(t, 200, testwire.Within(t, one).Code)
		}
		settled(t, u)
	})
}

// Retries have a limit, or a budget.
func TestRetryLimits(t *testing.T) {
	u := newUpstream(t, Config{})
	for range 100 {
		require.True(t, u.AcquireRetry())
	}
	u.ReleaseRetry()

	u = newUpstream(t, Config{Limits: &Limits{MaxRetries: 1}})
	require.True(t, u.AcquireRetry())
	require.False(t, u.AcquireRetry())
	u.ReleaseRetry()
	require.True(t, u.AcquireRetry())

	everyWay(t, func(t *testing.T, c Config) {
		s := newStage(t)
		fleet(t, &c, s.ServeHTTP)
		c.Limits = &Limits{RetryBudget: &RetryBudget{Percent: 50}}
		u := newUpstream(t, c)
		require.False(t, u.AcquireRetry())
		for range 4 {
			begin(u, get("/"))
			testwire.Within(t, s.arrived)
		}
		require.True(t, u.AcquireRetry())
		require.True(t, u.AcquireRetry())
		require.False(t, u.AcquireRetry())
		s.leave()
		settled(t, u)
	})
}

// A budget with an interval uses the clock of the balancer, and counts requests
// that have ended.
func TestRetryBudgetOfAnInterval(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		now := time.Now()
		fleet(t, &c, named(0))
		c.Balancing.Now = func() time.Time { return now }
		c.Limits = &Limits{RetryBudget: &RetryBudget{Percent: 50, Interval: 10 * time.Second}}
		u := newUpstream(t, c)
		for range 4 {
			send(u, get("/"))
		}
		require.True(t, u.AcquireRetry())
		require.True(t, u.AcquireRetry())
		require.False(t, u.AcquireRetry())
		u.ReleaseRetry()
		now = now.Add(11 * time.Second)
		require.False(t, u.AcquireRetry())
	})
}

// Whatever happens to requests, nothing stays in use.
func TestLimitsUnderLoad(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		handler := func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/close":
				w.Header().Set("Connection", "close")
			case "/abort":
				panic(http.ErrAbortHandler)
			case "/slow":
				time.Sleep(time.Millisecond)
			}
			_, _ = io.Copy(w, r.Body)
		}
		fleet(t, &c, handler, handler)
		c.Limits = &Limits{MaxConnections: 4, MaxPendingRequests: 6, MaxRequests: 8}
		c.MaxRequestsPerConnection = 5
		u := newUpstream(t, c)
		var running sync.WaitGroup
		var served, refused atomic.Int64
		for worker := range 16 {
			running.Go(func() {
				for i := range 60 {
					path := []string{"/", "/close", "/abort", "/slow", "/gone"}[(worker+i)%5]
					ctx, cancel := context.WithCancel(t.Context())
					if path == "/gone" {
						time.AfterFunc(time.Duration(i)*20*time.Microsecond, cancel)
					}
					w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
					u.ServeHTTP(w, get(path).WithContext(ctx))
					cancel()
					switch {
					case w.failed == nil:
						served.Add(1)
					case w.failed.Overloaded:
						refused.Add(1)
					}
				}
			})
		}
		running.Wait()
		require.Positive(t, served.Load())
		require.Positive(t, refused.Load())
		settled(t, u)
	})
}
