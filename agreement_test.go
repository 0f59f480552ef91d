package gateway_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// A small is a small random configuration of few words, so that its routes lie over each
// other and ask for the same headers and parameters.
type small struct {
	*rand.Rand
	semantics gateway.Semantics
	strict    bool
	trusted   int
	services  []spec.VirtualService
}

func (c *small) one(of ...string) string { return of[c.IntN(len(of))] }

func (c *small) compared(values ...string) spec.StringMatch {
	switch c.IntN(5) {
	case 0:
		return spec.StringMatch{}
	case 1:
		return spec.Prefix(c.one(values...))
	}
	return spec.Exact(c.one(values...))
}

func (c *small) match() spec.Match {
	m := spec.Match{URI: c.compared("/", "/a", "/a/", "/a/b", "/b", "/a;b", "/a.", "/a%20")}
	if c.IntN(8) == 0 {
		m.Method = spec.Exact(c.one("GET", "POST", "TRACE"))
	}
	if c.IntN(8) == 0 {
		m.Authority = c.compared("a.test", "a.test.", "a.test:80", "www.a.test", "a")
	}
	for range c.IntN(3) {
		conditions := map[string]spec.StringMatch{c.one("x-a", "x-b", "x_c", "x-real-ip"): c.compared("1", "2", "x y")}
		switch c.IntN(5) {
		case 0:
			m.WithoutHeaders = conditions
		case 1, 2:
			m.QueryParams = map[string]spec.StringMatch{c.one("q", "q", "r", "a b"): c.compared("1", "2", "x y", "x+y", "%31")}
		default:
			m.Headers = conditions
		}
	}
	return m
}

func (c *small) route(name string) spec.Route {
	r := spec.Route{Name: name}
	for k := range c.IntN(3) {
		m := c.match()
		m.Name = fmt.Sprintf("m%d", k)
		r.Match = append(r.Match, m)
	}
	switch c.IntN(8) {
	case 0:
		r.Redirect = &spec.Redirect{URI: "/new"}
	case 1:
		r.DirectResponse = &spec.DirectResponse{Status: 418, Body: []byte(name)}
	default:
		r.Destinations = []spec.Destination{{Host: "backend", Port: 80}}
		r.Headers.Response.Set = map[string]string{"x-route": name}
		if c.IntN(6) == 0 {
			r.RateLimits = []spec.RateLimit{c.limit()}
		}
	}
	return r
}

// limit returns a limit that no test reaches.
func (c *small) limit() spec.RateLimit {
	l := spec.RateLimit{Requests: 1_000_000, Unit: 3600e9}
	switch c.IntN(3) {
	case 0:
		l.Per = []spec.LimitKey{{Header: "x-b"}}
	case 1:
		l.When = &spec.Match{QueryParams: map[string]spec.StringMatch{c.one("q", "r"): c.compared("1")}}
	}
	return l
}

func newSmall(seed uint64) *small {
	c := &small{Rand: rand.New(rand.NewPCG(seed, 14)), semantics: gateway.Semantics(seed % 3 / 2), strict: seed%4 == 1}
	if seed%10 == 3 {
		c.trusted = 1
	}
	for i := range 1 + c.IntN(3) {
		vs := spec.VirtualService{Name: "s" + strconv.Itoa(i), Namespace: "n", Gateways: []string{"gw"}}
		vs.Hosts = []string{c.one("a.test", "*.a.test", "*", "www.a.test", "b.test")}
		for j := range 1 + c.IntN(5) {
			vs.Routes = append(vs.Routes, c.route(fmt.Sprintf("s%d-r%d", i, j)))
		}
		c.services = append(c.services, vs)
	}
	return c
}

// edited returns the configuration after a small change.
func (c *small) edited() *small {
	to := *c
	to.services = slices.Clone(c.services)
	vs := &to.services[c.IntN(len(c.services))]
	vs.Routes = slices.Clone(vs.Routes)
	at := c.IntN(len(vs.Routes))
	switch c.IntN(7) {
	case 0:
		to.strict = !c.strict
	case 1: // a copy of a route in front of it, with one match more
		r := vs.Routes[at]
		r.Match = []spec.Match{c.match()}
		vs.Routes = slices.Insert(vs.Routes, at, r)
	case 2:
		vs.Routes = slices.Delete(vs.Routes, at, at+1)
		if len(vs.Routes) == 0 {
			vs.Routes = []spec.Route{c.route("new")}
		}
	case 3:
		vs.Routes[at].Match = append(slices.Clone(vs.Routes[at].Match), c.match())
	case 4:
		vs.Routes[at].RateLimits = []spec.RateLimit{c.limit()}
	case 5: // matches that no request shows
		if len(vs.Routes[at].Match) > 0 {
			vs.Routes[at].Match = vs.Routes[at].Match[1:]
		}
	default:
		vs.Routes[at] = c.route(vs.Routes[at].Name)
	}
	return &to
}

// A built is a gateway, and what became of the last request.
type built struct {
	*gateway.Gateway
	last observe.Outcome
}

func (c *small) build(t testing.TB) *built {
	out := new(built)
	b := gateway.New().Semantics(c.semantics).TrustedProxies(c.trusted).Random(func() uint64 { return 0 }).
		Server(spec.Server{Gateway: "gw", Namespace: "n", Port: 80, PortName: "http", Protocol: spec.ProtocolHTTP, Hosts: []string{"*"}}).
		Backend("*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "backend") })).
		Observe(observe.Func(func(o *observe.Outcome) { out.last = *o }))
	if c.strict {
		b.Strict(gateway.Strict{MaxFields: 5})
	}
	for _, vs := range c.services {
		b.VirtualService(vs)
	}
	gw, err := b.Build()
	if err != nil {
		return nil // conditions that exclude each other are refused
	}
	t.Cleanup(func() { _ = gw.Close() })
	out.Gateway = gw
	return out
}

// odd returns a request that is probably an odd one, as a server reads it, or nil.
func (c *small) odd() *http.Request {
	method := c.one("GET", "GET", "GET", "GET", "POST", "TRACE", "OPTIONS", "track", strings.Repeat("M", 33))
	host := c.one("a.test", "a.test", "www.a.test", "c.test", "A.TEST", "b.test", "x.a.test")
	host += c.one("", "", "", ".", ".", "..", ":80", ":80", ".:80", "..:80", ":", ":x", ":99999", "%2e", ".:")
	if c.IntN(30) == 0 {
		host = c.one("", "[::1]", "[::1]:80", "[a]", "a_b.test", "a b", "u@a.test", ".", "192.0.2.1", ".a.test")
	}
	path := c.one("/", "/a", "/a", "/a/", "/a/b", "/b", "/%61", "//a", "/a/../b", "/a;b", "/a.", "/a%20", "/a%2fb", "/%zz", "/a#b", "*")
	query := ""
	if n := c.IntN(4); n > 0 {
		var all []string
		for range n {
			all = append(all, c.one("q", "q", "q", "%71", "r", "x", "a+b", "a%20b", "")+c.one("=1", "=1", "=2", "=x+y", "=x%20y", "=%31", "=%2531", "=", "", "=%zz", "=1;q=2"))
		}
		query = "?" + strings.Join(all, c.one("&", "&", "&", "&&", ";"))
	}
	version := c.one("1.1", "1.1", "1.1", "1.1", "1.1", "1.1", "1.1", "1.0")
	target := path + query
	if c.IntN(12) == 0 && path[0] == '/' {
		target = c.one("http", "http", "https", "ftp") + "://" + host + target
	}
	text := method + " " + target + " HTTP/" + version + "\r\nHost: " + host + "\r\n"
	for range c.IntN(4) {
		text += c.one("x-a", "X-A", "x-b", "x-b", "x_c", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-d") + ": " + c.one("1", "1", "2", "x y", "", "https") + "\r\n"
	}
	if c.IntN(2) == 0 {
		text += "Connection: " + c.one("x-a", "x-a", "X-B, close", "keep-alive", "close", "keep-alive, x-a", "x-d", "x-real-ip", "x_c", "x-forwarded-for", ":path", "a,b,c,d,e,f,g,h,i,j", "te", "upgrade", " x-b ,", "host") + "\r\n"
	}
	if c.IntN(10) == 0 {
		text += "Upgrade: " + c.one("websocket", "h2c") + "\r\n"
	}
	body := ""
	if c.IntN(10) == 0 {
		text, body = text+"Content-Length: 3\r\n", "abc"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text + "\r\n" + body)))
	if err != nil {
		return nil
	}
	r.RemoteAddr = "192.0.2.1:1234"
	if c.IntN(12) == 0 {
		r.TLS = &tls.ConnectionState{ServerName: "a.test"}
	}
	if c.IntN(12) == 0 && version == "1.1" {
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	}
	return r
}

// An answer is what a client sees, and the names of the route and its match.
type seen struct {
	status                int
	route, body, location string
}

func (g *built) serve(r *http.Request) seen {
	w := httptest.NewRecorder()
	r = r.Clone(r.Context())
	r.Body = http.NoBody
	g.ServeHTTP(w, r)
	return seen{w.Code, g.last.Route, w.Body.String(), w.Header().Get("Location")}
}

// decided is what a decision says of the answer.
func decidedAnswer(d *gateway.Decision) seen {
	s := seen{d.Status, "", string(d.Body), d.Location}
	if d.Kind == gateway.DecisionForward {
		s.status, s.body = 200, "backend"
	}
	if d.Route != nil {
		s.route = d.Route.Name
	}
	return s
}

func wireText(r *http.Request) string {
	return fmt.Sprintf("%s %s %s Host %q TLS %v %v", r.Method, r.RequestURI, r.Proto, r.Host, r.TLS != nil, r.Header)
}

func jsonText(t testing.TB, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// agreementRuns is how many configurations are tried, and how many requests of each.
func agreementRuns() (configurations, requests int) {
	if n, err := strconv.Atoi(os.Getenv("LATEEN_AGREEMENT_CASES")); err == nil {
		return n, 1000
	}
	return 120, 60
}

var placed = regexp.MustCompile(`^Routes\[(\d+)\](?:\.Match\[(\d+)\])?`)

// names returns the names that decisions for the route or match of a place have.
func (c *small) names(t testing.TB, p inspect.Place) (names []string) {
	f := p.Finding()
	at := slices.IndexFunc(c.services, func(vs spec.VirtualService) bool { return vs.Name == f.Name })
	parts := placed.FindStringSubmatch(f.Field)
	require.NotNil(t, parts, "%s", f)
	route, _ := strconv.Atoi(parts[1])
	r := &c.services[at].Routes[route]
	if len(r.Match) == 0 {
		return []string{r.Name}
	}
	for i, m := range r.Match {
		if parts[2] == "" || parts[2] == strconv.Itoa(i) {
			names = append(names, r.Name+"."+m.Name)
		}
	}
	return names
}

// What the gateway does with odd requests is what Decide and Explain say, and no route that
// is said to be dead gets one.
func TestDecisionsAndShadowsAgreeWithServing(t *testing.T) {
	configurations, requests := agreementRuns()
	statuses, dead := map[int]int{}, 0
	for seed := range configurations {
		c := newSmall(uint64(seed))
		gw := c.build(t)
		if gw == nil {
			continue
		}
		unreachable := map[string]inspect.Shadow{}
		for _, s := range gw.Shadows() {
			switch s.Kind {
			case inspect.ShadowRoute, inspect.ShadowMatch, inspect.ShadowImpossible:
				for _, name := range c.names(t, s.Place) {
					unreachable[name] = s
				}
			case inspect.ShadowUndecided:
				t.Errorf("configuration %d: %s %s\n%s", seed, s.Place.Finding(), s.Text, gw)
			}
			if s.Witness != nil && len(s.Takers) > 0 && s.Kind != inspect.ShadowHost {
				got := gw.serve(witnessRequest(t, s.Witness))
				require.Contains(t, c.names(t, s.Takers[0].Place), got.route, "configuration %d: %s", seed, s)
			}
		}
		dead += len(unreachable)
		for range requests {
			r := c.odd()
			if r == nil {
				continue
			}
			d, got := gw.Decide(r), gw.serve(r)
			statuses[got.status]++
			where := fmt.Sprintf("configuration %d: %s\n%s", seed, wireText(r), gw)
			require.Equal(t, got, decidedAnswer(&d), where)
			e := gw.Explain(r)
			require.Equal(t, jsonText(t, d), jsonText(t, e.Decision), where)
			agreeWithCandidates(t, &e, where)
			require.NotContains(t, unreachable, got.route, where)
		}
	}
	t.Log(statuses, dead, "dead routes and matches")
	for _, status := range []int{200, 301, 400, 404, 405, 418, 426, 431, 501} {
		require.NotZero(t, statuses[status], "no answer with status %d", status)
	}
	require.NotZero(t, dead)
}

// agreeWithCandidates requires that the candidate that takes the request is the route.
func agreeWithCandidates(t testing.TB, e *inspect.Explanation, where string) {
	for i := range e.Candidates {
		c := &e.Candidates[i]
		if c.Result == inspect.CandidateTaken {
			require.NotNil(t, e.Decision.Route, where)
			require.Equal(t, e.Decision.Route.Name, c.Name, where)
		}
		require.False(t, c.Result == inspect.CandidateFailed && c.Failed == nil, "%s: %s fails without a reason", where, c.Name)
	}
}

// witnessRequest returns a witness as a server reads it.
func witnessRequest(t testing.TB, w *inspect.Witness) *http.Request {
	r, err := http.NewRequest(w.Method, w.URL, nil)
	require.NoError(t, err)
	host := r.URL.Host
	if own := w.Header["Host"]; len(own) > 0 {
		host = own[0]
	}
	_, target, _ := strings.Cut(w.URL, "://")
	if i := strings.IndexAny(target, "/?"); i >= 0 {
		target = target[i:]
	} else {
		target = "/"
	}
	text := w.Method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n"
	for name, lines := range w.Header {
		for _, line := range lines {
			if name != "Host" {
				text += name + ": " + line + "\r\n"
			}
		}
	}
	out, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text + "\r\n")))
	require.NoError(t, err, text)
	out.RemoteAddr = "192.0.2.1:1234"
	if strings.HasPrefix(w.URL, "https:") {
		out.TLS = &tls.ConnectionState{}
	}
	return out
}

// Each witness of a change gets different answers, and where nothing is said to change no
// odd request does.
func TestChangesAgreeWithServing(t *testing.T) {
	configurations, requests := agreementRuns()
	changed, same, unproved := 0, 0, 0
	for seed := range configurations {
		c := newSmall(uint64(seed))
		to := c.edited()
		old, new := c.build(t), to.build(t)
		if old == nil || new == nil {
			continue
		}
		changes := old.Changes(new.Gateway, inspect.Comparing{})
		for i := range changes.Requests {
			for _, w := range append(changes.Requests[i].Others, changes.Requests[i].Witness) {
				a, b := old.Decide(witnessRequest(t, &w)), new.Decide(witnessRequest(t, &w))
				require.NotEqual(t, jsonText(t, a), jsonText(t, b), "edit %d: %s", seed, w.String())
			}
		}
		switch {
		case !changes.Proved:
			unproved++
			continue
		case !changes.Empty():
			changed++
			continue
		}
		same++
		for range requests {
			if r := c.odd(); r != nil {
				a, b := old.serve(r), new.serve(r)
				a.route, b.route = "", "" // a route may be split into two
				require.Equal(t, a, b, "edit %d: %s\n%s%s", seed, wireText(r), old, new)
			}
		}
	}
	t.Logf("%d changed, %d the same, %d not proved", changed, same, unproved)
	require.NotZero(t, changed)
	require.NotZero(t, same)
}
