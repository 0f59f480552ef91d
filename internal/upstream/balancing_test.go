package upstream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// everyWay runs test with each transport, and over HTTP/2.
func everyWay(t *testing.T, test func(t *testing.T, c Config)) {
	for _, row := range transports {
		t.Run(row.name, func(t *testing.T) { test(t, Config{Name: t0, Transport: row.transport}) })
	}
	t.Run("h2c", func(t *testing.T) { test(t, Config{Name: t0, Protocol: HTTP2}) })
}

// hostName is the address of the i-th host of a fleet.
func hostName(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

// fleet makes handlers the hosts of c, at the addresses 10.0.0.1, 10.0.0.2 and
// so on.
func fleet(t *testing.T, c *Config, handlers ...http.HandlerFunc) {
	real := make(map[string]string)
	for i, handler := range handlers {
		name := net.JoinHostPort(hostName(i), "80")
		real[name] = httpBackend(t, handler)
		c.Endpoints = append(c.Endpoints, Endpoint{Address: name})
	}
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, real[address])
	}
}

// named answers with the address of the i-th host.
func named(i int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(hostName(i))) }
}

// send makes u serve a request, and returns the status and the body.
func send(u http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	u.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// get is a request for path with headers, such as "Name: value".
func get(path string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// A clock is set by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1e9, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

func TestRoundRobin(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		fleet(t, &c, named(0), named(1), named(2))
		c.Balancing.Policy = RoundRobin
		u := newUpstream(t, c)
		var order []string
		for range 9 {
			_, body := send(u, get("/"))
			order = append(order, body)
		}
		require.Equal(t, order[:3], order[3:6])
		require.Equal(t, order[:3], order[6:])
		slices.Sort(order[:3])
		require.Equal(t, []string{hostName(0), hostName(1), hostName(2)}, order[:3])
	})
}

// Each key has a host, and keeps it when other hosts come or go.
func TestConsistentHash(t *testing.T) {
	for name, row := range map[string]struct {
		key     HashKey
		request func(i int) *http.Request
	}{
		"header": {
			HashKey{Header: "x-user"},
			func(i int) *http.Request { return get("/", fmt.Sprintf("X-User: %d", i)) },
		},
		"query": {
			HashKey{QueryParameter: "user"},
			func(i int) *http.Request { return get(fmt.Sprintf("/?user=%d", i)) },
		},
		"cookie": {
			HashKey{Cookie: &HashCookie{Name: "user"}},
			func(i int) *http.Request { return get("/", fmt.Sprintf("Cookie: user=%d", i)) },
		},
		"source": {
			HashKey{SourceIP: true},
			func(i int) *http.Request {
				r := get("/")
				r.RemoteAddr = fmt.Sprintf("203.0.113.%d:4711", i)
				return r
			},
		},
	} {
		for policy, name := range map[Policy]string{RingHash: name + " on a ring", Maglev: name + " in a table"} {
			t.Run(name, func(t *testing.T) {
				everyWay(t, func(t *testing.T, c Config) {
					if testing.Short() && row.key.Header == "" && (c.Transport != Direct || c.Protocol == HTTP2) {
						t.Skip("only the key that is a header goes every way")
					}
					t.Parallel() // it waits for a lookup
					fleet(t, &c, named(0), named(1), named(2))
					resolver := new(table)
					resolver.set("a.test", hostName(0), hostName(1), hostName(2))
					c.Endpoints = []Endpoint{{Address: "a.test:80"}}
					c.Resolution, c.Resolver, c.Refresh = DNS, resolver, time.Millisecond
					c.Balancing = Balancing{Policy: policy, TableSize: 503}
					c.Hash = []HashKey{row.key}
					u := newUpstream(t, c)
					const keys = 40
					before := make([]string, keys)
					for i := range keys {
						_, before[i] = send(u, row.request(i))
					}
					for i := range keys {
						_, body := send(u, row.request(i))
						require.Equal(t, before[i], body)
					}
					require.Contains(t, before, hostName(0))
					require.Contains(t, before, hostName(2))

					resolver.set("a.test", hostName(1), hostName(2))
					require.Eventually(t, func() bool { return len(addressesOf(u)) == 2 }, patience, time.Millisecond)
					moved := 0
					for i := range keys {
						_, body := send(u, row.request(i))
						if body != before[i] && before[i] != hostName(0) {
							moved++
						}
						require.NotEqual(t, hostName(0), body)
					}
					// The other hosts have more of the ring or the table, so a
					// few keys move.
					require.LessOrEqual(t, moved, keys/4)
				})
			})
		}
	}
}

// With DNSRoundRobin keys depend on the name, whatever its address.
func TestConsistentHashByName(t *testing.T) {
	resolver := new(table)
	resolver.set("a.test", "10.0.0.1")
	resolver.set("b.test", "10.0.0.2")
	u := newUpstream(t, Config{
		Resolution: DNSRoundRobin, Resolver: resolver, Balancing: Balancing{Policy: RingHash},
		Endpoints: []Endpoint{{Address: "a.test:80"}, {Address: "b.test:80"}},
	})
	<-u.resolved
	require.Equal(t, "a.test:80", u.hosts.Load().hosts[0].known.Address)
	require.Equal(t, "b.test:80", u.hosts.Load().hosts[1].known.Address)
}

// A client without the cookie gets one, whatever the host answers, and with it
// reaches the same host again.
func TestCreatedCookie(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		failing := func(i int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "own", Value: "x"})
				w.WriteHeader(500 + i)
			}
		}
		fleet(t, &c, failing(0), failing(1), failing(2))
		ttl := time.Minute
		c.Balancing.Policy = RingHash
		c.Hash = []HashKey{{Cookie: &HashCookie{Name: "sticky", TTL: &ttl, Path: "/"}}}
		f := serveFront(t, newUpstream(t, c))
		f.server.Client().Transport.(*http.Transport).DisableKeepAlives = true
		for range 4 {
			first, _ := f.get("/")
			cookies := first.Cookies()
			require.Len(t, cookies, 2)
			require.Equal(t, "own", cookies[0].Name)
			sticky := cookies[1]
			require.Equal(t, "sticky", sticky.Name)
			require.Equal(t, 60, sticky.MaxAge)
			require.Equal(t, "/", sticky.Path)
			require.True(t, sticky.HttpOnly)
			for range 3 {
				again, _ := f.do("GET", "/", nil, "Cookie: sticky="+sticky.Value)
				require.Equal(t, first.StatusCode, again.StatusCode)
				require.Len(t, again.Cookies(), 1)
			}
		}
	})
}

// A response that does not come from a host has no cookie.
func TestNoCookieWithoutHost(t *testing.T) {
	ttl := time.Minute
	for _, c := range []Config{{}, to(Direct, refused(t))} {
		c.Hash = []HashKey{{Cookie: &HashCookie{Name: "sticky", TTL: &ttl}}}
		c.Balancing.Policy = RingHash
		response, _ := serveFront(t, newUpstream(t, c)).get("/")
		require.Equal(t, 503, response.StatusCode)
		require.Empty(t, response.Cookies())
	}
}

// The trusted address is the one from ClientAddress, not that of the
// connection.
func TestHashByTrustedClient(t *testing.T) {
	c := Config{Balancing: Balancing{Policy: RingHash}, Hash: []HashKey{{SourceIP: true}}}
	fleet(t, &c, named(0), named(1), named(2))
	c.ClientAddress = func(r *http.Request) netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(r.Header.Get("X-Forwarded-For")), 0)
	}
	u := newUpstream(t, c)
	seen := make(map[string]bool)
	for i := range 30 {
		r := get("/", fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i))
		_, body := send(u, r)
		seen[body] = true
		_, again := send(u, r)
		require.Equal(t, body, again)
	}
	require.Len(t, seen, 3)
}

// hostRecorder records where requests were sent, and how they failed.
type hostRecorder struct {
	*httptest.ResponseRecorder
	hosts  []Host
	failed *Failure
}

func (r *hostRecorder) UpstreamHost(h Host)      { r.hosts = append(r.hosts, h) }
func (r *hostRecorder) UpstreamFailed(f Failure) { r.failed = &f }

func TestHostRecorder(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		fleet(t, &c, named(0))
		w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
		u := newUpstream(t, c)
		u.ServeHTTP(w, get("/"))
		require.Len(t, w.hosts, 1)
		require.Equal(t, "10.0.0.1:80", w.hosts[0].Address)
		require.Equal(t, map[Protocol]string{HTTP1: "HTTP/1.1", HTTP2: "HTTP/2"}[c.Protocol], w.hosts[0].Protocol)
		require.Nil(t, w.failed)

		c.Dial, c.Endpoints = nil, []Endpoint{{Address: refused(t)}}
		w = &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
		newUpstream(t, c).ServeHTTP(w, get("/"))
		require.Equal(t, w.hosts, []Host{w.failed.Host})
		require.Equal(t, c.Endpoints[0].Address, w.failed.Host.Address)

		c.Endpoints = nil
		w = &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
		newUpstream(t, c).ServeHTTP(w, get("/"))
		require.Empty(t, w.hosts)
		require.Zero(t, w.failed.Host)
	})
}

// A retry goes to another host, as long as there is one.
func TestTriedHostsAreAvoided(t *testing.T) {
	for _, policy := range []Policy{LeastRequest, RoundRobin, Random, RingHash, Maglev} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			c := Config{Balancing: Balancing{Policy: policy, TableSize: 503}, Hash: []HashKey{{Header: "x-user"}}}
			fleet(t, &c, named(0), named(1))
			u := newUpstream(t, c)
			const n = 50
			same := 0
			for i := range n {
				r := get("/", fmt.Sprintf("X-User: %d", i))
				tried := new(Tried)
				r = r.WithContext(WithTried(r.Context(), tried))
				first := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
				u.ServeHTTP(first, r)
				tried.Add(first.hosts[0])
				second := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
				u.ServeHTTP(second, r)
				if first.hosts[0] == second.hosts[0] {
					same++
				}
				// Every host was tried.
				tried.Add(second.hosts[0])
				third := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
				u.ServeHTTP(third, r)
				require.Equal(t, 200, third.Code)
			}
			// After some draws a tried host is accepted.
			require.LessOrEqual(t, same, n/5)
		})
	}
	tried := new(Tried)
	tried.Add(Host{})
	require.Empty(t, tried.hosts)
}

// Hosts outside the nearest locality are used once it fails, and only with
// outlier detection.
func TestLocalityFailover(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		var down atomic.Bool
		near := func(w http.ResponseWriter, r *http.Request) {
			if down.Load() {
				w.WriteHeader(503)
				return
			}
			_, _ = w.Write([]byte(hostName(0)))
		}
		fleet(t, &c, near, named(1))
		c.Endpoints[0].Locality, c.Endpoints[1].Locality = "here/a", "there/b"
		c.Balancing.Locality = &LocalitySetting{Proxy: ParseLocality("here/a/x")}
		seen := func(u *Upstream) map[string]int {
			all := make(map[string]int)
			for range 100 {
				_, body := send(u, get("/"))
				all[body]++
			}
			return all
		}
		all := seen(newUpstream(t, c))
		require.Len(t, all, 2, "without outlier detection localities are alike: %v", all)

		clock := new(clock)
		c.Balancing.Now = clock.now
		c.Outliers = &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 100}
		u := newUpstream(t, c)
		require.Equal(t, map[string]int{hostName(0): 100}, seen(u))
		down.Store(true)
		require.Equal(t, map[string]int{"": 1, hostName(1): 99}, seen(u))
		down.Store(false)
		clock.advance(time.Minute)
		require.Equal(t, map[string]int{hostName(0): 100}, seen(u))
		require.False(t, c.Balancing.Locality.OutlierDetection, "the caller's is not changed")
	})
}

// A retry leaves the locality that was tried, if that is configured.
func TestRetryInRemoteLocality(t *testing.T) {
	var c Config
	fleet(t, &c, named(0), named(1))
	c.Endpoints[0].Locality, c.Endpoints[1].Locality = "here", "there"
	c.Balancing.Locality = &LocalitySetting{Proxy: ParseLocality("here")}
	c.Outliers = &OutlierDetection{}
	u := newUpstream(t, c)
	for _, remote := range []bool{false, true} {
		tried := &Tried{RemoteLocalities: remote}
		var order []string
		for range 4 {
			w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
			r := get("/")
			u.ServeHTTP(w, r.WithContext(WithTried(r.Context(), tried)))
			tried.Add(w.hosts[0])
			order = append(order, w.Body.String())
		}
		here, there := hostName(0), hostName(1)
		want := []string{here, here, here, here}
		if remote {
			want = []string{here, here, there, there}
		}
		require.Equal(t, want, order)
	}
}

// Requests in flight count for the balancer from the choice of the host to the
// end of the response.
func TestLeastRequest(t *testing.T) {
	everyWay(t, func(t *testing.T, c Config) {
		arrived, finish := make(chan string, 100), make(chan struct{})
		slow := func(i int) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) {
				arrived <- hostName(i)
				<-finish
			}
		}
		fleet(t, &c, slow(0), slow(1))
		c.Endpoints[1].Weight = 3
		u := newUpstream(t, c)
		var running sync.WaitGroup
		counts := make(map[string]int)
		for range 80 {
			running.Go(func() { send(u, get("/")) })
			counts[testwire.Within(t, arrived)]++
		}
		active := u.hosts.Load().hosts[0].state.Active.Load() + u.hosts.Load().hosts[1].state.Active.Load()
		close(finish)
		running.Wait()
		require.Equal(t, int64(80), active)
		// Of n requests x*n are where (1-x)/(1+2x) of the next ones go.
		require.InDelta(t, 0.366*80, counts[hostName(0)], 14)
		require.Zero(t, u.hosts.Load().hosts[0].state.Active.Load())
		require.Zero(t, u.hosts.Load().hosts[1].state.Active.Load())
	})
}
