package upstream

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// A table answers lookups from a map.
type table struct {
	mu      sync.Mutex
	answers map[string][]string
	lookups int
}

func (r *table) set(name string, addresses ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers == nil {
		r.answers = make(map[string][]string)
	}
	r.answers[name] = addresses
}

// asked returns the number of lookups.
func (r *table) asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lookups
}

func (r *table) LookupNetIP(_ context.Context, _, name string) ([]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lookups++
	var found []netip.Addr
	for _, address := range r.answers[name] {
		switch address {
		case "fail":
			return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
		case "unknown":
			return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		case "none":
		case "invalid":
			found = append(found, netip.Addr{})
		default:
			found = append(found, netip.MustParseAddr(address))
		}
	}
	return found, nil
}

// addressesOf returns where requests are sent.
func addressesOf(u *Upstream) []string {
	var addresses []string
	for _, h := range u.hosts.Load().hosts {
		addresses = append(addresses, h.address.Load().address)
	}
	return addresses
}

func TestResolution(t *testing.T) {
	for _, row := range []struct {
		name       string
		resolution Resolution
		// answers are the answers to consecutive lookups, and want are the
		// addresses after each.
		answers [][]string
		want    [][]string
	}{
		{"all addresses", DNS, [][]string{{"10.0.0.2", "10.0.0.1"}}, [][]string{{"10.0.0.1:80", "10.0.0.2:80"}}},
		{"changes", DNS, [][]string{{"10.0.0.1"}, {"10.0.0.2", "10.0.0.1"}, {"10.0.0.2"}}, [][]string{{"10.0.0.1:80"}, {"10.0.0.1:80", "10.0.0.2:80"}, {"10.0.0.2:80"}}},
		{"old ones are kept", DNS, [][]string{{"10.0.0.1"}, {"fail"}, {"10.0.0.2"}}, [][]string{{"10.0.0.1:80"}, {"10.0.0.1:80"}, {"10.0.0.2:80"}}},
		{"not those of a name that is gone", DNS, [][]string{{"10.0.0.1"}, {"unknown"}, {"10.0.0.1"}, {}}, [][]string{{"10.0.0.1:80"}, nil, {"10.0.0.1:80"}, nil}},
		{"one address twice", DNS, [][]string{{"10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"}}, [][]string{{"10.0.0.1:80"}}},
		{"recovers", DNS, [][]string{{"fail"}, {"10.0.0.1"}}, [][]string{nil, {"10.0.0.1:80"}}},
		{"IPv4 first", DNS, [][]string{{"fd00::1", "10.0.0.1"}, {"fd00::1"}}, [][]string{{"10.0.0.1:80"}, {"[fd00::1]:80"}}},
		{"mapped", DNS, [][]string{{"::ffff:10.0.0.1"}}, [][]string{{"10.0.0.1:80"}}},
		{"no address", DNS, [][]string{{"invalid"}}, [][]string{nil}},
		{"first address", DNSRoundRobin, [][]string{{"10.0.0.2", "10.0.0.1"}, {"10.0.0.1", "10.0.0.2"}}, [][]string{{"10.0.0.2:80"}, {"10.0.0.1:80"}}},
		{"the latest of a name that is gone", DNSRoundRobin, [][]string{{"unknown"}, {"10.0.0.1"}, {"unknown"}, {}, {"fail"}},
			[][]string{nil, {"10.0.0.1:80"}, {"10.0.0.1:80"}, {"10.0.0.1:80"}, {"10.0.0.1:80"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				resolver := new(table)
				resolver.set("a.test", row.answers[0]...)
				u := newUpstream(t, Config{Resolution: row.resolution, Resolver: resolver, Endpoints: []Endpoint{{Address: "a.test:80"}}})
				synctest.Wait()
				require.Equal(t, row.want[0], addressesOf(u))
				for i := range row.answers[1:] {
					resolver.set("a.test", row.answers[i+1]...)
					time.Sleep(DefaultRefresh + lookupJitter)
					synctest.Wait()
					require.Equal(t, row.want[i+1], addressesOf(u))
				}
				require.NoError(t, u.Close())
				before := resolver.asked()
				time.Sleep(10 * DefaultRefresh)
				require.Equal(t, before, resolver.asked(), "closed")
			})
		})
	}
}

// A host that stays keeps its identity: its connections and its requests in
// flight.
func TestResolutionKeepsHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver := new(table)
		resolver.set("a.test", "10.0.0.1")
		u := newUpstream(t, Config{Resolution: DNS, Resolver: resolver, Endpoints: []Endpoint{
			{Address: "10.9.9.9:80", Weight: 7}, {Address: "a.test:80", Weight: 3}, {Address: "unix:/x"},
		}})
		synctest.Wait()
		before := slices.Clone(u.hosts.Load().hosts)
		require.Equal(t, []string{"10.9.9.9:80", "10.0.0.1:80", "/x"}, addressesOf(u))
		resolver.set("a.test", "10.0.0.1", "10.0.0.2")
		time.Sleep(DefaultRefresh + lookupJitter)
		synctest.Wait()
		after := u.hosts.Load().hosts
		require.Equal(t, []string{"10.9.9.9:80", "10.0.0.1:80", "10.0.0.2:80", "/x"}, addressesOf(u))
		require.Same(t, before[0], after[0])
		require.Same(t, before[1], after[1])
		for i, weight := range []uint32{7, 3, 3, 1} {
			require.Equal(t, weight, after[i].known.Weight)
		}
		set := u.hosts.Load()
		time.Sleep(DefaultRefresh + lookupJitter)
		synctest.Wait()
		require.Same(t, set, u.hosts.Load(), "nothing changed")
	})
}

// hanging never answers.
type hanging struct{}

func (hanging) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Requests wait for the first answer, but not longer than their context.
func TestFirstRequestsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, Config{Resolution: DNS, Resolver: hanging{}, Endpoints: []Endpoint{{Address: "a.test:80"}}})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		u.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
		require.Equal(t, 504, w.Code)
		require.Equal(t, time.Second, time.Since(start))

		w = httptest.NewRecorder()
		u.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		require.Equal(t, 503, w.Code)
		require.Equal(t, "no healthy upstream", w.Body.String())
		require.Equal(t, lookupTimeout, time.Since(start))
	})
}

// A request goes to the current address of its name, and a change does not
// disturb one in flight.
func TestResolutionServes(t *testing.T) {
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
		resolver := new(table)
		resolver.set("a.test", "10.0.0.1")
		c := to(transport, "a.test:80")
		c.Resolution, c.Resolver, c.Refresh = DNS, resolver, time.Millisecond
		c.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", map[string]string{"10.0.0.1:80": first, "10.0.0.2:80": second}[address])
		}
		u := newUpstream(t, c)
		f := serveFront(t, u)
		_, body := f.get("/")
		require.Equal(t, "first", body)
		slow := make(chan string)
		go func() {
			_, body := f.get("/slow")
			slow <- body
		}()
		testwire.Within(t, arrived)
		resolver.set("a.test", "10.0.0.2")
		require.Eventually(t, func() bool { return addressesOf(u)[0] == "10.0.0.2:80" }, patience, time.Millisecond)
		_, body = f.get("/")
		require.Equal(t, "second", body)
		close(finish)
		require.Equal(t, "first", testwire.Within(t, slow))
	})
}
