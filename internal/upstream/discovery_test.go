package upstream

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// updates is a Discovery that yields the endpoints sent to it, and ends when it
// is closed.
type updates chan []Endpoint

func (d updates) watch(ctx context.Context, update func([]Endpoint)) error {
	for {
		select {
		case endpoints, ok := <-d:
			if !ok {
				return errors.New("closed")
			}
			update(endpoints)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send yields endpoints, and waits until they are in use.
func (d updates) send(endpoints ...Endpoint) {
	d <- endpoints
	synctest.Wait()
}

func TestDiscovery(t *testing.T) {
	at := func(addresses ...string) []Endpoint {
		var endpoints []Endpoint
		for _, a := range addresses {
			endpoints = append(endpoints, Endpoint{Address: a})
		}
		return endpoints
	}
	for _, row := range []struct {
		name    string
		updates [][]Endpoint
		want    [][]string
	}{
		{"in the order of addresses", [][]Endpoint{at("10.0.0.2:80", "unix:/x", "10.0.0.1:81", "[::1]:80", "10.0.0.1:80")},
			[][]string{{"10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80", "[::1]:80", "/x"}}},
		{"changes", [][]Endpoint{at("10.0.0.1:80"), at("10.0.0.2:80", "10.0.0.1:80"), at("10.0.0.2:80")},
			[][]string{{"10.0.0.1:80"}, {"10.0.0.1:80", "10.0.0.2:80"}, {"10.0.0.2:80"}}},
		{"none", [][]Endpoint{at("10.0.0.1:80"), nil, at("10.0.0.1:80")}, [][]string{{"10.0.0.1:80"}, nil, {"10.0.0.1:80"}}},
		{"none at first", [][]Endpoint{nil, at("10.0.0.1:80")}, [][]string{nil, {"10.0.0.1:80"}}},
		{"one address twice", [][]Endpoint{at("10.0.0.1:80", "10.0.0.1:80", "[::1]:80", "[0:0::1]:80")}, [][]string{{"10.0.0.1:80", "[::1]:80"}}},
		{"what New would refuse", [][]Endpoint{append(at("a.test:80", "10.0.0.1", "10.0.0.1:0", "unix:", "", "10.0.0.2:80"), Endpoint{Address: "10.0.0.3:80", Weight: -1})},
			[][]string{{"10.0.0.2:80"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := make(updates)
				u := newUpstream(t, Config{Discovery: d.watch})
				for i, endpoints := range row.updates {
					d.send(endpoints...)
					require.Equal(t, row.want[i], addressesOf(u))
				}
			})
		})
	}
}

// A host that stays keeps its identity, even if its properties change.
func TestDiscoveryKeepsHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := make(updates)
		u := newUpstream(t, Config{Discovery: d.watch, Outliers: &OutlierDetection{Consecutive5xx: 1, MaxEjectionPercent: 100}})
		one := Endpoint{Address: "10.0.0.1:80", Weight: 3, Locality: "a/b", Labels: map[string]string{"version": "1"}}
		two := Endpoint{Address: "10.0.0.2:80"}
		d.send(one, two)
		before := u.hosts.Load()
		before.hosts[0].monitor.Response(http.StatusServiceUnavailable)
		require.True(t, before.hosts[0].state.Ejected.Load())
		joined := before.hosts[0].known.Added

		d.send(two, one)
		require.Same(t, before, u.hosts.Load(), "nothing changed")

		time.Sleep(time.Second)
		one.Weight, one.Locality, one.Labels = 5, "a/c", map[string]string{"version": "2"}
		d.send(one, two, Endpoint{Address: "10.0.0.3:80"})
		after := u.hosts.Load()
		require.Same(t, before.hosts[0], after.hosts[0])
		require.Same(t, before.hosts[1], after.hosts[1])
		require.True(t, after.hosts[0].state.Ejected.Load())
		known := after.hosts[0].known
		require.Equal(t, uint32(5), known.Weight)
		require.Equal(t, ParseLocality("a/c"), known.Locality)
		require.Equal(t, "2", known.Labels["version"])
		require.Equal(t, joined, known.Added)

		one.Weight = 6
		d.send(one, two, Endpoint{Address: "10.0.0.3:80"})
		require.NotSame(t, after, u.hosts.Load(), "the balancer knows the weight")

		d.send(two)
		require.True(t, after.hosts[0].gone.Load())
		require.False(t, after.hosts[1].gone.Load())
		d.send(one, two)
		require.NotSame(t, after.hosts[0], u.hosts.Load().hosts[0], "what came back is another")
	})
}

// Requests wait for the first endpoints, but not longer than their context, and
// not forever.
func TestFirstRequestsWaitForDiscovery(t *testing.T) {
	get := func(ctx context.Context, u *Upstream) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		u.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		return w
	}
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, Config{Discovery: make(updates).watch})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Equal(t, 504, get(ctx, u).Code)
		require.Equal(t, time.Second, time.Since(start))
		w := get(t.Context(), u)
		require.Equal(t, 503, w.Code)
		require.Equal(t, "no healthy upstream", w.Body.String())
		require.Equal(t, firstEndpointsTimeout, time.Since(start))
	})
	synctest.Test(t, func(t *testing.T) {
		d := make(updates)
		u := newUpstream(t, Config{Discovery: d.watch})
		start := time.Now()
		time.AfterFunc(time.Second, func() { d <- nil })
		require.Equal(t, 503, get(t.Context(), u).Code)
		require.Equal(t, time.Second, time.Since(start), "none is an answer")
	})
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, Config{Discovery: make(updates).watch})
		require.NoError(t, u.Close())
		start := time.Now()
		require.Equal(t, 503, get(t.Context(), u).Code)
		require.Zero(t, time.Since(start), "closed")
	})
}

// A Discovery that returns is called again, after growing waits, and its
// endpoints stay.
func TestDiscoveryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		calls := make(chan time.Duration, 20)
		var yields atomic.Bool
		yields.Store(true)
		var late atomic.Value
		u := newUpstream(t, Config{
			Random: func() uint64 { return 0 },
			Discovery: func(_ context.Context, update func([]Endpoint)) error {
				calls <- time.Since(start)
				if !yields.Load() {
					return errors.New("unreachable")
				}
				update([]Endpoint{{Address: "10.0.0.1:80"}})
				late.Store(update)
				return nil
			},
		})
		called := func(at ...int) {
			for _, ms := range at {
				require.Equal(t, time.Duration(ms)*time.Millisecond, <-calls)
			}
			synctest.Wait()
		}
		called(0)
		late.Load().(func([]Endpoint))(nil)
		require.Equal(t, []string{"10.0.0.1:80"}, addressesOf(u), "its time is over")
		yields.Store(false)
		called(250, 750, 1750, 3750, 7750, 15750, 30750, 45750)
		require.Equal(t, []string{"10.0.0.1:80"}, addressesOf(u))
		yields.Store(true)
		called(60750, 61000)
	})
}

// Close ends the watch, and no update takes effect later.
func TestCloseEndsDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		late := make(chan func([]Endpoint), 1)
		u, err := New(Config{Discovery: func(ctx context.Context, update func([]Endpoint)) error {
			late <- update
			update([]Endpoint{{Address: "10.0.0.1:80"}})
			<-ctx.Done()
			ended.Store(true)
			return nil
		}})
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, u.Close())
		require.True(t, ended.Load())
		require.True(t, u.hosts.Load().hosts[0].gone.Load())
		(<-late)([]Endpoint{{Address: "10.0.0.2:80"}})
		require.Equal(t, []string{"10.0.0.1:80"}, addressesOf(u))
	})
}

// Requests go to the current endpoints, and those in flight continue when they
// change.
func TestDiscoveryServes(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		arrived, finish := make(chan struct{}), make(chan struct{})
		first := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(arrived)
				<-finish
			}
			_, _ = w.Write([]byte("first"))
		})
		second := httpBackend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("second")) })
		d := make(updates)
		u := newUpstream(t, Config{Name: t0, Transport: transport, Discovery: d.watch})
		f := serveFront(t, u)
		go func() { d <- []Endpoint{{Address: first}} }()
		_, body := f.get("/")
		require.Equal(t, "first", body)
		slow := make(chan string)
		go func() {
			_, body := f.get("/slow")
			slow <- body
		}()
		testwire.Within(t, arrived)
		d <- []Endpoint{{Address: second}}
		require.Eventually(t, func() bool { return addressesOf(u)[0] == second }, patience, time.Millisecond)
		_, body = f.get("/")
		require.Equal(t, "second", body)
		close(finish)
		require.Equal(t, "first", testwire.Within(t, slow))
	})
}

func TestDiscoveryExcludesEndpoints(t *testing.T) {
	d := make(updates).watch
	for _, c := range []Config{{Discovery: d, Endpoints: []Endpoint{{Address: "10.0.0.1:80"}}}, {Discovery: d, Resolution: DNS}} {
		_, err := New(c)
		require.EqualError(t, err, `upstream "": there are endpoints, or a resolution, beside a discovery`)
	}
}
