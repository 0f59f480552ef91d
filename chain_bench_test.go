package gateway_test

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/paired"
	"github.com/lateengo/gateway/spec"
)

// A chain is a way to expose two versions of a service below /products: match,
// strip the prefix, set a header, choose a version nine to one, call.
var chains = []struct {
	name string
	make func(t testing.TB, v1, v2 http.Handler) http.Handler
	// complete means that the backend also gets X-Forwarded-For and X-Request-Id.
	complete bool
	// writes means that it modifies the caller's request.
	writes bool
}{
	{"gateway", func(t testing.TB, v1, v2 http.Handler) http.Handler { return gatewayChain(t, v1, v2) }, true, false},
	{"gateway-in-place", func(t testing.TB, v1, v2 http.Handler) http.Handler { return gatewayChain(t, v1, v2).InPlace() }, true, true},
	{"chi", chiChain(forwardedProto), false, true},
	{"chi-complete", chiChain(forwarded), true, false},
}

func gatewayChain(t testing.TB, v1, v2 http.Handler) *gateway.Gateway {
	gw, err := gateway.New().
		Route(spec.Route{
			Match:   []spec.Match{{URI: spec.Prefix("/products")}},
			Rewrite: &spec.Rewrite{URI: "/"},
			Headers: spec.Headers{Request: spec.HeaderOperations{
				Add: map[string]string{"X-Forwarded-Proto": "https"},
			}},
			Destinations: []spec.Destination{{Host: "product-service", Weight: 90}, {Host: "product-service-v2", Weight: 10}},
		}).
		Backend("product-service", v1).
		Backend("product-service-v2", v2).
		Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	return gw
}

// chiChain is a typical chain written by hand.
func chiChain(headers func(http.Handler) http.Handler) func(t testing.TB, v1, v2 http.Handler) http.Handler {
	return func(_ testing.TB, v1, v2 http.Handler) http.Handler {
		split := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rand.IntN(100) < 90 {
				v1.ServeHTTP(w, r)
			} else {
				v2.ServeHTTP(w, r)
			}
		})
		mux := chi.NewRouter()
		mux.Handle("/products/*", headers(http.StripPrefix("/products", split)))
		return mux
	}
}

// forwardedProto is the shortest way to set a header: it modifies the caller's
// request.
func forwardedProto(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Forwarded-Proto", "https")
		next.ServeHTTP(w, r)
	})
}

// forwarded does not modify the caller's request, and sets the same headers as the
// gateway.
func forwarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		if client, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			if before := r.Header.Get("X-Forwarded-For"); before != "" {
				client = before + ", " + client
			}
			r.Header.Set("X-Forwarded-For", client)
		}
		r.Header.Set("X-Forwarded-Proto", "https")
		var id [16]byte
		binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
		binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
		r.Header.Set("X-Request-Id", hex.EncodeToString(id[:]))
		next.ServeHTTP(w, r)
	})
}

// discard is the cheapest http.ResponseWriter.
type discard struct{ header http.Header }

func (w discard) Header() http.Header         { return w.header }
func (w discard) Write(p []byte) (int, error) { return len(p), nil }
func (w discard) WriteHeader(int)             {}

// plainHeaders are the headers of a simple client.
var plainHeaders = [][2]string{
	{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
	{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	{"Accept-Encoding", "gzip, deflate, br"},
}

// browserHeaders are Firefox's headers over HTTP/1.1, except Host.
var browserHeaders = append(plainHeaders[:3:3], [][2]string{
	{"Accept-Language", "en-GB,en;q=0.5"},
	{"Connection", "keep-alive"},
	{"Cookie", "session=3f5d9c4e1a; theme=dark; consent=2026-01-01"},
	{"Upgrade-Insecure-Requests", "1"},
	{"Sec-Fetch-Dest", "document"},
	{"Sec-Fetch-Mode", "navigate"},
	{"Sec-Fetch-Site", "none"},
	{"Sec-Fetch-User", "?1"},
	{"Priority", "u=0, i"},
}...)

// A freshRequest recreates a request for each handler call, as net/http's server
// does: it has no changes of an earlier handler, the header map has the server's
// size, and no slice in it has room to append.
type freshRequest struct {
	template, request http.Request
	url               url.URL
}

func newFreshRequest(headers [][2]string) *freshRequest {
	r := httptest.NewRequest(http.MethodGet, "/products/1?x=1", nil)
	r.Header = make(http.Header, len(headers)+1) // net/http has counted Host as well
	for _, h := range headers {
		r.Header[h[0]] = []string{h[1]}
	}
	return &freshRequest{template: *r}
}

// make returns the request, which is valid until the next call.
func (f *freshRequest) make() *http.Request {
	f.request, f.url = f.template, *f.template.URL
	f.request.URL, f.request.Header = &f.url, maps.Clone(f.template.Header)
	return &f.request
}

func TestChainsDoTheSame(t *testing.T) {
	requests := 10_000
	if testing.Short() {
		requests = 2000
	}
	for _, c := range chains {
		t.Run(c.name, func(t *testing.T) {
			drawn := [2]int{}
			version := func(i int) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					require.Equal(t, "/1", r.URL.Path)
					require.Equal(t, "x=1", r.URL.RawQuery)
					require.Equal(t, []string{"https"}, r.Header["X-Forwarded-Proto"])
					require.Equal(t, "gzip, deflate, br", r.Header.Get("Accept-Encoding"))
					if c.complete {
						require.Equal(t, "192.0.2.1", r.Header.Get("X-Forwarded-For"))
						require.GreaterOrEqual(t, len(r.Header.Get("X-Request-Id")), 32)
					}
					drawn[i]++
				})
			}
			h := c.make(t, version(0), version(1))
			fresh := newFreshRequest(browserHeaders)
			for range requests {
				r := fresh.make()
				h.ServeHTTP(discard{http.Header{}}, r)
				if !c.writes {
					require.Equal(t, "/products/1", r.URL.Path)
					require.Equal(t, fresh.template.Header, r.Header)
				}
			}
			// This is seven times the standard deviation.
			require.InDelta(t, 0.9*float64(requests), drawn[0], 7*math.Sqrt(0.09*float64(requests)))
			require.Equal(t, requests, drawn[0]+drawn[1])
		})
	}
}

// BenchmarkChain measures the whole way of a request to a backend in this process.
// Each run has its own request, because some contestants modify it. The cost of
// that is "request", and is included in all others. "x-gateway" excludes it. It is
// the median of many short interleaved turns, so compare this number on a machine
// with other work.
func BenchmarkChain(b *testing.B) {
	b.Run("plain", func(b *testing.B) { benchmarkChain(b, plainHeaders) })
	b.Run("browser", func(b *testing.B) { benchmarkChain(b, browserHeaders) })
}

func benchmarkChain(b *testing.B, headers [][2]string) {
	backend := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	contestants := []paired.Contestant{chainContestant("request", headers, backend)}
	for _, c := range chains {
		contestants = append(contestants, chainContestant(c.name, headers, c.make(b, backend, backend)))
	}
	results := paired.Compare(101, chainTurn, contestants...)
	for i, c := range contestants {
		b.Run(c.Name, func(b *testing.B) {
			b.ReportAllocs()
			c.Run(b.N)
			b.ReportMetric((results[i].Ratio-1)/(results[1].Ratio-1), "x-gateway")
		})
	}
}

func chainContestant(name string, headers [][2]string, h http.Handler) paired.Contestant {
	w, fresh := discard{http.Header{}}, newFreshRequest(headers)
	return paired.Contestant{Name: name, Run: func(n int) {
		for range n {
			h.ServeHTTP(w, fresh.make())
		}
	}}
}

// chainTurn is long enough to include the garbage collection of a turn.
const chainTurn = 5 * time.Millisecond
