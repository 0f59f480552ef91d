package compile_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// A registry is a Discovery with endpoints that the test sets.
type registry struct {
	mu        sync.Mutex
	endpoints []spec.Endpoint
	fails     error
	watched   []spec.Service
	updates   map[int]func([]spec.Endpoint)
	next      int
}

func (r *registry) set(endpoints ...spec.Endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endpoints = endpoints
	for _, update := range r.updates {
		update(endpoints)
	}
}

// watching returns the number of current watches, and of all watches so far.
func (r *registry) watching() [2]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return [2]int{len(r.updates), r.next}
}

func (r *registry) Watch(ctx context.Context, service spec.Service, update func([]spec.Endpoint)) error {
	r.mu.Lock()
	if r.fails != nil {
		r.mu.Unlock()
		return r.fails
	}
	if r.updates == nil {
		r.updates = map[int]func([]spec.Endpoint){}
	}
	n := r.next
	r.next++
	r.updates[n] = update
	r.watched = append(r.watched, service)
	update(r.endpoints)
	r.mu.Unlock()
	<-ctx.Done()
	r.mu.Lock()
	delete(r.updates, n)
	r.mu.Unlock()
	return ctx.Err()
}

// An uncomparable Discovery never equals another.
type uncomparable struct {
	*registry
	_ []int
}

// discovered is a service with discovery.
func discovered(host string) spec.Service {
	return spec.Service{Name: "shop", Namespace: "shops", Hosts: []string{host}, Resolution: spec.ResolveDiscovery, Ports: []spec.ServicePort{{Number: 80, Name: "http"}}}
}

// The endpoints of a destination are those of the subset, at the port number of
// each, and can change.
func TestDiscovery(t *testing.T) {
	place := func(text string) (netip.AddrPort, spec.Endpoint) {
		s := httptest.NewServer(testhttp.Saying(text))
		t.Cleanup(s.Close)
		at := netip.MustParseAddrPort(s.Listener.Addr().String())
		return at, spec.Endpoint{Address: at.Addr().String(), Ports: map[string]int{"http": int(at.Port())}, Labels: map[string]string{"version": text}}
	}
	_, v1 := place("v1")
	_, v2 := place("v2")
	r := &registry{}
	r.set(v1, v2)
	gw := testgateway.Built(t, gateway.New().Discovery("", r).Service(discovered("a.test")).
		DestinationRule(spec.DestinationRule{Namespace: "shops", Host: "a.test", Subsets: []spec.Subset{
			{Name: "v1", Labels: map[string]string{"version": "v1"}}, {Name: "v2", Labels: map[string]string{"version": "v2"}},
		}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/1")}}, Destinations: []spec.Destination{{Host: "a.test", Subset: "v1"}}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/2")}}, Destinations: []spec.Destination{{Host: "a.test", Subset: "v2"}}}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a.test"}}}))
	get := func(path string) string {
		return testgateway.Serve(gw, httptest.NewRequest("GET", path, nil)).Body.String()
	}
	require.Equal(t, "v1", get("/1"))
	require.Equal(t, "v2", get("/2"))
	require.Contains(t, []string{"v1", "v2"}, get("/"))
	for _, s := range r.watched {
		require.Equal(t, "shops", s.Namespace)
		require.Equal(t, []string{"a.test"}, s.Hosts)
	}
	r.set(v2)
	require.Equal(t, "no healthy upstream", get("/1"))
	require.Equal(t, "v2", get("/2"))
	require.Equal(t, "v2", get("/"))
	_, v1 = place("v1")
	r.set(v1)
	require.Equal(t, "v1", get("/1"))
	require.Equal(t, "no healthy upstream", get("/2"))
}

// A replacement keeps unchanged watches, and ends the others.
func TestDiscoveryAcrossReplacements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(registry)
		build := func(s spec.Service, d compile.Discovery) *gateway.Builder {
			return gateway.New().Discovery("r", d).Service(s).Route(spec.Route{Destinations: []spec.Destination{{Host: "a.test"}}})
		}
		s := discovered("a.test")
		s.Discovery = "r"
		gw := testgateway.Built(t, build(s, r))
		synctest.Wait()
		require.Equal(t, [2]int{1, 1}, r.watching())
		replace := func(s spec.Service, d compile.Discovery) {
			require.NoError(t, gw.Replace(build(s, d)))
			synctest.Wait()
		}
		replace(s, r)
		require.Equal(t, [2]int{1, 1}, r.watching(), "nothing changed")
		other := new(registry)
		replace(s, other)
		require.Equal(t, [2]int{0, 1}, r.watching())
		require.Equal(t, [2]int{1, 1}, other.watching())
		replace(s, uncomparable{registry: r})
		replace(s, uncomparable{registry: r})
		require.Equal(t, [2]int{1, 3}, r.watching())
		s.Ports = []spec.ServicePort{{Number: 80, Name: "http", TargetPort: 8080}}
		replace(s, r)
		require.Equal(t, [2]int{1, 4}, r.watching())
		require.NoError(t, gw.Replace(gateway.New()))
		require.Equal(t, [2]int{0, 4}, r.watching(), "the service is gone")
		replace(s, r)
		require.NoError(t, gw.Close())
		require.Equal(t, [2]int{0, 5}, r.watching())
	})
}

// A failed build leaves no watches.
func TestDiscoveryOfFailedBuild(t *testing.T) {
	r := new(registry)
	_, err := gateway.New().Discovery("", r).Service(discovered("a.test")).BackendURL("b.test", "ftp://b.test").
		Route(spec.Route{Destinations: []spec.Destination{{Host: "a.test", Weight: 1}, {Host: "b.test", Weight: 1}}}).Build()
	require.Error(t, err)
	require.Zero(t, r.watching()[0])
}

// Failures are logged.
func TestDiscoveryWarns(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	r := &registry{fails: errors.New("unreachable")}
	w := &compile.Watch{Discovery: r, Service: discovered("a.test"), Port: &spec.ServicePort{Number: 80, Name: "http"}, Log: logger}
	require.EqualError(t, w.Run(t.Context(), nil), "unreachable")
	placed := w.Place([]spec.Endpoint{
		{Address: "b.test"}, {Address: "10.0.0.1", Weight: -1}, {Address: "10.0.0.1", Ports: map[string]int{"http": 70000}},
		{Address: "10.0.0.2", Weight: 3, Locality: "r/z", Labels: map[string]string{"a": "b"}}, {Address: "unix:///run/x.sock"}, {Address: "fd00::1", Ports: map[string]int{"http": 81, "other": 0}},
	})
	require.Equal(t, []upstream.Endpoint{
		{Address: "10.0.0.2:80", Weight: 3, Locality: "r/z", Labels: map[string]string{"a": "b"}}, {Address: "unix:///run/x.sock"}, {Address: "[fd00::1]:81"},
	}, placed)
	require.Equal(t, `level=WARN msg="discovery ended" hosts=[a.test] port=80 error=unreachable
level=WARN msg="discovered endpoint left out" hosts=[a.test] port=80 problem="\"b.test\" is not an IP address"
level=WARN msg="discovered endpoint left out" hosts=[a.test] port=80 problem="-1 is not a weight, 0 or more is expected"
level=WARN msg="discovered endpoint left out" hosts=[a.test] port=80 problem="70000 is not a port, 1 to 65535 is expected"
`, log.String())

	log.Reset()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, w.Run(ctx, nil))
	require.Empty(t, log.String(), "told to end")
}

func TestDiscoveryHasToBeThere(t *testing.T) {
	s := discovered("a.test")
	s.Discovery, s.Origin = "consol", spec.Origin{Kind: "Service", Name: "s"}
	_, err := gateway.New().Discovery("consul", new(registry)).Discovery("", nil).Service(s).Build()
	require.ErrorContains(t, err, `discovery: no discovery is registered as "consol"; did you mean "consul"?`)
	s.Discovery = ""
	_, err = gateway.New().Discovery("", nil).Service(s).Build()
	require.ErrorContains(t, err, `discovery: no discovery is registered as ""`)
}

// Among services of one host and namespace, the oldest decides whether endpoints
// are discovered.
func TestDiscoveryOfPooledServices(t *testing.T) {
	static := spec.Service{Name: "static", Namespace: "shops", Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic,
		Ports: []spec.ServicePort{{Number: 80}, {Number: 81}}, Endpoints: []spec.Endpoint{{Address: "10.0.0.1"}}}
	younger := discovered("a.test")
	younger.Name = "younger"
	youngest := discovered("a.test")
	youngest.Created = time.Unix(1, 0)
	for _, row := range []struct {
		name     string
		services []spec.Service
		want     string
	}{
		{"endpoints of a younger one", []spec.Service{discovered("a.test"), static}, `the endpoints of a.test come from the discovery of the older service "shop"`},
		{"a younger one, too", []spec.Service{discovered("a.test"), younger}, `the endpoints of a.test come from the discovery of the older service "shop"`},
		{"a younger one alone", []spec.Service{youngest, static}, `nothing is discovered: the older service "static" defines the endpoints of a.test`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := gateway.New().Discovery("", new(registry))
			for _, s := range row.services {
				b.Service(s)
			}
			testgateway.Built(t, b)
			require.True(t, slices.ContainsFunc(b.Warnings(), func(w spec.Warning) bool { return w.Problem == row.want }), "%v", b.Warnings())
		})
	}
	r := new(registry)
	gw := testgateway.Built(t, gateway.New().Discovery("", r).Service(discovered("a.test")).Service(static).Route(spec.Route{Destinations: []spec.Destination{{Host: "a.test", Port: 81}}}))
	require.Equal(t, http.StatusServiceUnavailable, testgateway.Serve(gw, httptest.NewRequest("GET", "/", nil)).Code)
	require.Equal(t, [2]int{1, 1}, r.watching(), "the port of the younger is served by what is discovered, too")
}
