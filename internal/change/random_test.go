package change_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
)

// A world makes random configurations of few words, so that their routes overlap, and
// requests of the same words.
type world struct {
	*rand.Rand
	regexes bool
}

func pick[T any](w *world, of ...T) T { return of[w.IntN(len(of))] }

func (w *world) path() string {
	path := ""
	for range 1 + w.IntN(3) {
		path += "/" + pick(w, "a", "b", "ab", "")
	}
	return path
}

func (w *world) uri() spec.StringMatch {
	switch n := w.IntN(10); {
	case n < 3:
		return spec.Exact(w.path())
	case n < 8:
		return spec.Prefix(w.path())
	case n < 9 && w.regexes:
		return spec.Regex(pick(w, "/a.*", "/[ab]+", "/(a|b)(/.*)?", ".*", "/a/[a-z]+", "(?i)/A.*"))
	}
	return spec.StringMatch{}
}

func (w *world) value() spec.StringMatch {
	switch w.IntN(4) {
	case 0:
		return spec.StringMatch{}
	case 1:
		return spec.Prefix(pick(w, "1", "2"))
	}
	if w.regexes && w.IntN(4) == 0 {
		return spec.Regex(pick(w, "1+", "[12]", "1|12"))
	}
	return spec.Exact(pick(w, "1", "2", "12"))
}

func (w *world) values() map[string]spec.StringMatch {
	if w.IntN(3) > 0 {
		return nil
	}
	out := map[string]spec.StringMatch{}
	for range 1 + w.IntN(2) {
		out[pick(w, "x-a", "x-b")] = w.value()
	}
	return out
}

func (w *world) match() spec.Match {
	m := spec.Match{URI: w.uri(), Headers: w.values(), IgnoreURICase: w.IntN(12) == 0}
	if w.IntN(4) == 0 {
		m.WithoutHeaders = map[string]spec.StringMatch{pick(w, "x-a", "x-c"): w.value()}
	}
	if w.IntN(5) == 0 {
		m.QueryParams = map[string]spec.StringMatch{pick(w, "p", "q"): w.value()}
	}
	if w.IntN(6) == 0 {
		m.Method = spec.Exact(pick(w, "GET", "POST"))
	}
	if w.IntN(15) == 0 {
		m.Authority = pick(w, spec.Prefix("shop"), spec.Exact("shop.test"), spec.Exact("shop.test:80"))
	}
	return m
}

func (w *world) route() spec.Route {
	var r spec.Route
	for range w.IntN(3) {
		r.Match = append(r.Match, w.match())
	}
	w.act(&r)
	return r
}

// act gives a route a new action.
func (w *world) act(r *spec.Route) {
	*r = spec.Route{Match: r.Match}
	switch w.IntN(8) {
	case 0:
		r.Redirect = &spec.Redirect{URI: pick(w, "", "/new"), Authority: pick(w, "other.test", "www.test")}
		return
	case 1:
		r.DirectResponse = &spec.DirectResponse{Status: pick(w, 200, 404, 503), Body: []byte(pick(w, "", "no"))}
		return
	}
	r.Destinations = []spec.Destination{{Host: pick(w, "a", "b"), Port: 80}}
	if w.IntN(3) == 0 {
		r.Destinations = append(r.Destinations, spec.Destination{Host: pick(w, "a", "b"), Port: 80, Weight: w.IntN(3)})
		r.Destinations[0].Weight = 1 + w.IntN(2)
	}
	if w.IntN(3) == 0 {
		r.Rewrite = &spec.Rewrite{URI: pick(w, "/", "/a", "/b", "/x/")}
	}
	w.adorn(r)
}

// adorn changes something small about what a route with destinations does.
func (w *world) adorn(r *spec.Route) {
	if len(r.Destinations) == 0 {
		w.act(r)
		return
	}
	switch w.IntN(6) {
	case 0:
		r.Timeout = pick(w, 0, time.Second, 2*time.Second)
	case 1:
		r.Headers.Request.Set = map[string]string{pick(w, "x-a", "x-d"): pick(w, "1", "2")}
	case 2:
		r.Headers.Request.Remove = []string{pick(w, "x-a", "x-d")}
	case 3:
		r.Retry = pick(w, nil, &spec.Retry{}, &spec.Retry{Attempts: 2}, &spec.Retry{Attempts: 3, On: []string{"5xx"}})
	case 4:
		r.RateLimits = pick(w, nil, []spec.RateLimit{{Requests: 1 + w.IntN(2), Unit: 1e9}})
	}
}

// A config is a list of routes for each host.
type config map[string][]spec.Route

var randomHosts = []string{"shop.test", "*.test", "*"}

func (w *world) config() config {
	c := config{}
	for _, host := range randomHosts[:1+w.IntN(len(randomHosts))] {
		for range 1 + w.IntN(5) {
			c[host] = append(c[host], w.route())
		}
	}
	return c
}

// edited returns the configuration after some edits.
func (w *world) edited(c config) config {
	out := config{}
	for host, routes := range c {
		out[host] = append([]spec.Route(nil), routes...)
	}
	for range 1 + w.IntN(2) {
		host := pick(w, randomHosts...)
		routes := out[host]
		at := 0
		if len(routes) > 0 {
			at = w.IntN(len(routes))
		}
		switch n := w.IntN(9); {
		case len(routes) == 0 || n == 0:
			out[host] = append(routes, w.route())
		case n == 1:
			out[host] = append(routes[:at:at], routes[at+1:]...)
		case n == 2:
			other := w.IntN(len(routes))
			routes[at], routes[other] = routes[other], routes[at]
		case n == 3:
			out[host] = append(routes[:at:at], append([]spec.Route{w.route()}, routes[at:]...)...)
		case n == 4:
			delete(out, host)
		case n <= 6:
			w.adorn(&routes[at])
		default:
			r := routes[at]
			r.Match = append([]spec.Match(nil), r.Match...)
			if len(r.Match) == 0 {
				r.Match = []spec.Match{w.match()}
			} else {
				r.Match[w.IntN(len(r.Match))] = w.match()
			}
			routes[at] = r
		}
	}
	return out
}

func (c config) build(t testing.TB) *gateway.Gateway {
	b := gateway.New().Backend("a", http.NotFoundHandler()).Random(func() uint64 { return 0 })
	for _, host := range randomHosts {
		if len(c[host]) > 0 {
			b.VirtualService(spec.VirtualService{Name: "r" + strconv.Itoa(len(host)), Hosts: []string{host}, Gateways: []string{"*"}, Routes: c[host]})
		}
	}
	gw, err := b.Build()
	if err != nil {
		return nil // contradictions are refused
	}
	t.Cleanup(func() { _ = gw.Close() })
	return gw
}

func (w *world) request() *http.Request {
	r := httptest.NewRequest(pick(w, "GET", "GET", "GET", "POST", "PUT"), "http://x.test/", nil)
	r.Host = pick(w, "shop.test", "shop.test:80", "www.test", "other.example", "SHOP.test")
	path := w.path()
	if w.IntN(4) == 0 {
		path = strings.ToUpper(path)
	}
	r.URL.Path, r.RequestURI = path+pick(w, "", "", "c", "/"), ""
	for _, name := range []string{"x-a", "x-b", "x-c"} {
		if w.IntN(3) == 0 {
			r.Header.Set(name, pick(w, "", "1", "2", "12", "3"))
		}
	}
	var query []string
	for _, name := range []string{"p", "q"} {
		if w.IntN(5) == 0 {
			query = append(query, name+"="+pick(w, "", "1", "2", "12", "3"))
		}
	}
	r.URL.RawQuery = strings.Join(query, "&")
	return r
}

// decided returns the decision without names and positions: what a client or a
// destination could notice.
func decided(t testing.TB, gw *gateway.Gateway, r *http.Request) string {
	d := gw.Decide(r)
	d.VirtualHost, d.Reason = "", ""
	if d.Route != nil {
		own := *d.Route
		own.VirtualService, own.Name, own.Index, own.Match = "", "", 0, ""
		d.Route = &own
	}
	// Equal shares of one destination are one.
	shares := map[string]float64{}
	for i := range d.Destinations {
		x := d.Destinations[i]
		share := float64(x.Weight) / float64(x.Total)
		x.Weight, x.Total = 0, 0
		text, err := json.Marshal(x)
		require.NoError(t, err)
		shares[string(text)] += share
	}
	d.Destinations = nil
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return string(text) + fmt.Sprint(shares)
}

// witness returns the witness as a request.
func witness(t testing.TB, w *inspect.Witness) *http.Request {
	r, err := http.NewRequest(w.Method, w.URL, nil)
	require.NoError(t, err)
	r.Header = w.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	r.RemoteAddr = "192.0.2.1:1234"
	return r
}

// TestRandomEdits compares the changes with a random search. Whatever the search finds
// must be a change, and each witness must get different answers.
func TestRandomEdits(t *testing.T) {
	cases, requests := 120, 200
	if n, err := strconv.Atoi(os.Getenv("LATEEN_CHANGE_CASES")); err == nil {
		cases, requests = n, 100_000
	}
	var changed, foundBoth, onlyDiff, unproved, refused int
	for seed := range cases {
		w := &world{rand.New(rand.NewPCG(uint64(seed), 7)), seed%3 == 0}
		before := w.config()
		old, new := before.build(t), w.edited(before).build(t)
		if old == nil || new == nil {
			refused++
			continue
		}
		c := old.Changes(new, inspect.Comparing{})
		for i := range c.Requests {
			for _, wit := range append(c.Requests[i].Others, c.Requests[i].Witness) {
				a, b := decided(t, old, witness(t, &wit)), decided(t, new, witness(t, &wit))
				require.NotEqual(t, a, b, "seed %d: %s: %v", seed, wit.String(), c.Requests[i].Differences)
			}
		}
		found := ""
		for range requests {
			r := w.request()
			if decided(t, old, r) != decided(t, new, r) {
				found = fmt.Sprint(r.Method, " ", r.Host, r.URL, r.Header)
				break
			}
		}
		if found != "" && c.Proved {
			require.NotEmpty(t, c.Requests, "seed %d: the search found %s", seed, found)
		}
		if !c.Proved {
			unproved++
			if !w.regexes {
				t.Errorf("seed %d: nothing is proved: %v", seed, c.Unproved)
			}
		}
		switch {
		case found != "" && len(c.Requests) > 0:
			foundBoth++
			changed++
		case len(c.Requests) > 0:
			onlyDiff++
			changed++
		}
	}
	t.Logf("%d edits, %d refused: %d change requests, of which the search of %d requests found %d and missed %d; %d not proved",
		cases, refused, changed, requests, foundBoth, onlyDiff, unproved)
}
