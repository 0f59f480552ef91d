package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/paired"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/spec"
)

// The four shapes of large route tables. Requests have the headers of browsers and
// API clients.
var shapes = []struct {
	name string
	// declare returns n routes, whose names are their numbers.
	declare func(n int) spec.Declarations
	// request returns a request, and the number of the route that matches it or -1.
	request func(n int, random *rand.Rand) (*http.Request, int)
}{
	{"prefixes", prefixesShape, prefixesRequest},
	{"hosts", hostsShape, hostsRequest},
	{"rules", rulesShape, rulesRequest},
	{"tenants", tenantsShape, tenantsRequest},
}

func numbered(i int, m spec.Match) spec.Route {
	return spec.Route{Name: fmt.Sprint(i), Match: []spec.Match{m}, DirectResponse: &spec.DirectResponse{Status: http.StatusOK}}
}

func served(host string, routes []spec.Route) spec.VirtualService {
	return spec.VirtualService{Name: "vs-" + host, Hosts: []string{host}, Gateways: []string{"*"}, Routes: routes}
}

func clientRequest(host, target string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = host
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	return r
}

// prefix returns the i-th of disjoint prefixes.
func prefix(i int) string {
	region := [...]string{"eu", "us", "ap", "sa"}[i%4]
	service := [...]string{"products", "orders", "users", "carts", "invoices"}[i%5]
	return fmt.Sprintf("/api/%s/v%d/%s%d/", region, i%3+1, service, i)
}

// One request in 16 matches no route.
func missing(random *rand.Rand) bool { return random.IntN(16) == 0 }

func prefixesShape(n int) spec.Declarations {
	var routes []spec.Route
	for i := range n {
		routes = append(routes, numbered(i, spec.Match{URI: spec.Prefix(prefix(i))}))
	}
	return spec.Declarations{VirtualServices: []spec.VirtualService{served("*", routes)}}
}

func prefixesRequest(n int, random *rand.Rand) (*http.Request, int) {
	i := random.IntN(n)
	if missing(random) {
		return clientRequest("shop.example.com", prefix(n+i)+"42"), -1
	}
	return clientRequest("shop.example.com", prefix(i)+"42/reviews"), i
}

const prefixesOfHost = 4

func hostsShape(n int) spec.Declarations {
	var d spec.Declarations
	for i := 0; i < n; i += prefixesOfHost {
		var routes []spec.Route
		for j := i; j < min(i+prefixesOfHost, n); j++ {
			routes = append(routes, numbered(j, spec.Match{URI: spec.Prefix(fmt.Sprintf("/part%d/", j-i))}))
		}
		d.VirtualServices = append(d.VirtualServices, served(fmt.Sprintf("shop%d.example.com", i/prefixesOfHost), routes))
	}
	return d
}

func hostsRequest(n int, random *rand.Rand) (*http.Request, int) {
	i := random.IntN(n)
	host := fmt.Sprintf("shop%d.example.com", i/prefixesOfHost)
	if missing(random) {
		return clientRequest(host, "/nothing/42"), -1
	}
	return clientRequest(host, fmt.Sprintf("/part%d/42/reviews", i%prefixesOfHost)), i
}

const rulesOfPrefix = 8

// rule is the match of the i-th of the ordered rules on a prefix.
func rule(uri string, i int) spec.Match {
	m := spec.Match{URI: spec.Prefix(uri)}
	switch i % rulesOfPrefix {
	case 0:
		m.Method, m.Headers = spec.Exact("POST"), map[string]spec.StringMatch{"X-Canary": spec.Exact("yes")}
	case 1:
		m.Headers = map[string]spec.StringMatch{"X-Group": spec.Exact("beta")}
	case 2:
		m.Headers = map[string]spec.StringMatch{"X-Group": spec.Exact("staff")}
	case 3:
		m.QueryParams = map[string]spec.StringMatch{"version": spec.Exact("2")}
	case 4:
		m.QueryParams = map[string]spec.StringMatch{"debug": {}}
	case 5:
		m.Headers = map[string]spec.StringMatch{"X-Region": spec.Prefix("eu-")}
	case 6:
		m.Headers = map[string]spec.StringMatch{"User-Agent": spec.Prefix("curl/")}
	}
	return m
}

func rulesShape(n int) spec.Declarations {
	var routes []spec.Route
	for i := range n {
		routes = append(routes, numbered(i, rule(prefix(i/rulesOfPrefix), i)))
	}
	return spec.Declarations{VirtualServices: []spec.VirtualService{served("*", routes)}}
}

func rulesRequest(n int, random *rand.Rand) (*http.Request, int) {
	i := random.IntN(n)
	target := prefix(i/rulesOfPrefix) + "42"
	if missing(random) {
		return clientRequest("shop.example.com", prefix(n+i)+"42"), -1
	}
	r := clientRequest("shop.example.com", target)
	switch i % rulesOfPrefix {
	case 0:
		r.Method = http.MethodPost
		r.Header.Set("X-Canary", "yes")
	case 1:
		r.Header.Set("X-Group", "beta")
	case 2:
		r.Header.Set("X-Group", "staff")
	case 3:
		r.URL.RawQuery = "page=1&version=2"
	case 4:
		r.URL.RawQuery = "page=1&debug"
	case 5:
		r.Header.Set("X-Region", "eu-west-3")
	case 6:
		r.Header.Set("User-Agent", "curl/8.14.1")
	}
	return r, i
}

func tenantsShape(n int) spec.Declarations {
	var routes []spec.Route
	for i := range n {
		routes = append(routes, numbered(i, spec.Match{
			URI:     spec.Prefix("/api/"),
			Headers: map[string]spec.StringMatch{"X-Tenant": spec.Exact(fmt.Sprintf("tenant-%d", i))},
		}))
	}
	return spec.Declarations{VirtualServices: []spec.VirtualService{served("*", routes)}}
}

func tenantsRequest(n int, random *rand.Rand) (*http.Request, int) {
	i := random.IntN(n)
	r := clientRequest("shop.example.com", "/api/products/42")
	if missing(random) {
		r.Header.Set("X-Tenant", "nobody")
		return r, -1
	}
	r.Header.Set("X-Tenant", fmt.Sprintf("tenant-%d", i))
	return r, i
}

// declared is a Source of declarations in Go.
type declared spec.Declarations

func (d declared) Declare() (spec.Declarations, error) { return spec.Declarations(d), nil }

// One round has requestCount shuffled requests.
const requestCount = 1024

// shapeProgram compiles a shape and creates requests for it. It checks that each
// gets the right route, with the index and with a scan.
func shapeProgram(t testing.TB, shape, n int) (*program.Program, []*http.Request) {
	t.Helper()
	gw, err := New().Load(declared(shapes[shape].declare(n))).Build()
	require.NoError(t, err)
	p := gw.load()
	random := rand.New(rand.NewPCG(1, uint64(n)))
	requests := make([]*http.Request, requestCount)
	for i := range requests {
		r, want := shapes[shape].request(n, random)
		requests[i] = r
		var v match.View
		host, c, _ := p.Route(p.TableFor(r), &v, r)
		if want < 0 {
			require.Nil(t, c)
		} else {
			require.NotNil(t, c, "%s: %s %s", shapes[shape].name, r.Host, r.URL)
			require.Equal(t, fmt.Sprint(want), c.Name)
		}
		if i := host.List.Scan(&v); want >= 0 {
			require.Same(t, c, &host.Clauses[i])
		} else {
			require.Equal(t, -1, i)
		}
	}
	return p, requests
}

var sizes = []int{1, 10, 100, 1000, 10_000}

// BenchmarkDecision measures the cost of finding a request's route. route is all of
// it, from the request of net/http. Of that, find is the search among the clauses
// of the virtual host with the index, and scan is the same with a plain scan in
// order. The ratios are medians of many short interleaved turns, so compare these
// on a machine with other work: "x-scan" is relative to the plain scan of the same
// table, "x-10" to a table of 10 routes.
func BenchmarkDecision(b *testing.B) {
	for shape := range shapes {
		small := newDecider(b, shape, 10)
		for _, n := range sizes {
			d := newDecider(b, shape, n)
			index := paired.Compare(turns, turn, paired.Contestant{Run: d.scan}, paired.Contestant{Run: d.find})
			whole := paired.Compare(turns, turn, paired.Contestant{Run: small.route}, paired.Contestant{Run: d.route})
			b.Run(fmt.Sprintf("%s/%d", shapes[shape].name, n), func(b *testing.B) {
				b.Run("route", func(b *testing.B) {
					b.ReportAllocs()
					d.route(b.N)
					b.ReportMetric(whole[1].Ratio, "x-10")
				})
				b.Run("find", func(b *testing.B) {
					b.ReportAllocs()
					d.find(b.N)
					b.ReportMetric(index[1].Ratio, "x-scan")
				})
			})
		}
	}
}

const turns, turn = 51, time.Millisecond

// A decider decides about the requests of a shape, one after the other.
type decider struct {
	program  *program.Program
	requests []*http.Request
	// views and hosts are the views and hosts of the requests.
	views []match.View
	hosts []*program.VirtualHost
	next  int
}

func newDecider(t testing.TB, shape, n int) *decider {
	d := new(decider)
	d.program, d.requests = shapeProgram(t, shape, n)
	d.views, d.hosts = make([]match.View, requestCount), make([]*program.VirtualHost, requestCount)
	for i, r := range d.requests {
		d.hosts[i], _, _ = d.program.Route(d.program.TableFor(r), &d.views[i], r)
	}
	return d
}

func (d *decider) route(n int) {
	for range n {
		r := d.requests[d.next]
		var v match.View
		_, _, _ = d.program.Route(d.program.TableFor(r), &v, r)
		d.next = (d.next + 1) % requestCount
	}
}

func (d *decider) find(n int) {
	for range n {
		d.hosts[d.next].Find(&d.views[d.next])
		d.next = (d.next + 1) % requestCount
	}
}

func (d *decider) scan(n int) {
	for range n {
		d.hosts[d.next].List.Scan(&d.views[d.next])
		d.next = (d.next + 1) % requestCount
	}
}
