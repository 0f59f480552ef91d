package shadow_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
)

// A randomConfiguration has few words, so that its routes lie over each other.
type randomConfiguration struct {
	*rand.Rand
	regexes       bool
	services      []spec.VirtualService
	normalization spec.PathNormalization
}

func (c *randomConfiguration) one(of ...string) string { return of[c.IntN(len(of))] }

func (c *randomConfiguration) path() string {
	p := "/"
	for range c.IntN(4) {
		p += c.one("a", "b", "a/", "b/", "/", "A", ".", "%41")
	}
	return p
}

func (c *randomConfiguration) compared(value func() string) spec.StringMatch {
	n := 6
	if c.regexes {
		n = 8
	}
	switch c.IntN(n) {
	case 0:
		return spec.StringMatch{}
	case 1, 2, 3:
		return spec.Exact(value())
	case 4, 5:
		return spec.Prefix(value())
	}
	return spec.Regex(regexp.QuoteMeta(value()) + c.one("", ".*", ".+", "[a-z]*", "|/a.*", "(/.*)?"))
}

func (c *randomConfiguration) value() string { return c.one("1", "2", "12", "x") }

func (c *randomConfiguration) match() spec.Match {
	m := spec.Match{URI: c.compared(c.path), IgnoreURICase: c.IntN(8) == 0}
	if c.IntN(5) == 0 {
		m.Method = spec.Exact(c.one("GET", "POST"))
	}
	if c.IntN(12) == 0 {
		m.Scheme = spec.Exact(c.one("http", "https"))
	}
	if c.IntN(12) == 0 {
		m.Authority = c.compared(func() string { return c.one("a.test", "www.a.test", "a.test:80", "a") })
	}
	for range c.IntN(3) {
		name, conditions := c.one("x-a", "x-b", "x-forwarded-proto", ":method"), map[string]spec.StringMatch{}
		if c.IntN(4) > 0 {
			name = c.one("x-a", "x-b")
		}
		conditions[name] = c.compared(c.value)
		switch c.IntN(5) {
		case 0:
			m.WithoutHeaders = conditions
		case 1:
			m.QueryParams = map[string]spec.StringMatch{"q": c.compared(c.value)}
		default:
			m.Headers = conditions
		}
	}
	return m
}

func newRandomConfiguration(seed uint64) *randomConfiguration {
	c := &randomConfiguration{Rand: rand.New(rand.NewPCG(seed, 7)), regexes: seed%2 == 0, normalization: spec.PathNormalization(seed / 2 % 4)}
	for i := range 1 + c.IntN(2) {
		vs := spec.VirtualService{Name: "s" + strconv.Itoa(i), Namespace: "n", Gateways: []string{"gw"}}
		vs.Hosts = []string{c.one("a.test", "*.a.test", "*", "www.a.test")}
		for j := range 2 + c.IntN(8) {
			r := spec.Route{Name: fmt.Sprintf("s%d-r%d", i, j), DirectResponse: &spec.DirectResponse{Status: 200}}
			for k := range 1 + c.IntN(3)/2 {
				m := c.match()
				m.Name = fmt.Sprintf("m%d", k)
				r.Match = append(r.Match, m)
			}
			vs.Routes = append(vs.Routes, r)
		}
		c.services = append(c.services, vs)
	}
	return c
}

func (c *randomConfiguration) build(t testing.TB) *gateway.Gateway {
	b := gateway.New().PathNormalization(c.normalization).Server(spec.Server{Gateway: "gw", Namespace: "n", Port: 80, PortName: "http", Protocol: spec.ProtocolHTTP, Hosts: []string{"*"}})
	for _, vs := range c.services {
		b.VirtualService(vs)
	}
	gw, err := b.Build()
	if err != nil {
		return nil // a regex, or two conditions, that are refused
	}
	t.Cleanup(func() { _ = gw.Close() })
	return gw
}

// target is the match that a place is in: the name that decisions for it have.
var target = regexp.MustCompile(`^Routes\[(\d+)\](?:\.Match\[(\d+)\])?`)

func (c *randomConfiguration) target(t testing.TB, p inspect.Place) (names []string, matches []spec.Match) {
	f := p.Finding()
	at := slices.IndexFunc(c.services, func(vs spec.VirtualService) bool { return vs.Name == f.Name })
	parts := target.FindStringSubmatch(f.Field)
	require.NotNil(t, parts, "%s", f)
	route, _ := strconv.Atoi(parts[1])
	r := &c.services[at].Routes[route]
	for i, m := range r.Match {
		if parts[2] == "" || parts[2] == strconv.Itoa(i) {
			names, matches = append(names, r.Name+"."+m.Name), append(matches, m)
		}
	}
	return names, matches
}

// aimed returns a request that a match probably matches.
func (c *randomConfiguration) aimed(m *spec.Match) *http.Request {
	text := func(m spec.StringMatch, other func() string) string {
		if c.IntN(10) == 0 || m.Kind == spec.MatchAny {
			return other()
		}
		v := m.Value
		if m.Kind == spec.MatchRegex {
			v = strings.NewReplacer(`\`, "", ".*", c.one("", "a", "/b"), ".+", c.one("a", "1"), "[a-z]*", c.one("", "z"), "(/.*)?", c.one("", "/", "/a")).Replace(v)
			v, _, _ = strings.Cut(v, "|")
		}
		if m.Kind != spec.MatchExact && c.IntN(2) == 0 {
			v += c.one("/", "a", "b", "1", "/a", "~", "-")
		}
		return v
	}
	path := text(m.URI, c.path)
	if m.IgnoreURICase && c.IntN(2) == 0 {
		path = strings.ToUpper(path)
	}
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	method := text(m.Method, func() string { return c.one("GET", "POST", "PUT", "X") })
	scheme := text(m.Scheme, func() string { return c.one("http", "http", "https") })
	host := text(m.Authority, func() string { return c.one("a.test", "www.a.test", "b.a.test", "c.test", "A.test:80") })
	var headers []string
	for _, name := range []string{"x-a", "x-b"} {
		with, ok := m.Headers[name]
		switch _, without := m.WithoutHeaders[name]; {
		case ok:
			headers = append(headers, name+": "+text(with, c.value))
		case without && c.IntN(2) == 0, c.IntN(3) == 0:
			headers = append(headers, name+": "+c.one("", c.value(), c.value()+c.value()))
		}
	}
	query := ""
	if with, ok := m.QueryParams["q"]; ok {
		query = "?q=" + text(with, c.value)
	} else if c.IntN(3) == 0 {
		query = "?q=" + c.value()
	}
	if scheme != "https" {
		scheme = "http"
	}
	r, err := request(method, scheme+"://"+host+path+query, headers)
	if err != nil {
		return nil
	}
	return r
}

// request returns the request that a server would read.
func request(method, address string, headers []string) (*http.Request, error) {
	scheme, rest, _ := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	named := slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(strings.ToLower(h), "host:") })
	if !named {
		headers = append(headers, "Host: "+host)
	}
	text := method + " /" + path + " HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err == nil && scheme == "https" {
		r.TLS = &tls.ConnectionState{ServerName: host}
	}
	return r, err
}

// Routes that are said to be dead get no request, however many are aimed at them, and
// every witness is decided as was said.
func TestDeadRoutesGetNoRequest(t *testing.T) {
	configurations, requests := 250, 100
	long, err := strconv.Atoi(os.Getenv("LATEEN_SHADOW_REQUESTS")) // for each dead route
	if err == nil {
		configurations, requests = 12, long
	}
	kinds := map[inspect.ShadowKind]int{}
	total, near := 0, 0
	for seed := range configurations {
		c := newRandomConfiguration(uint64(seed))
		gw := c.build(t)
		if gw == nil {
			continue
		}
		for _, s := range gw.Shadows() {
			kinds[s.Kind]++
			if s.Kind == inspect.ShadowUndecided {
				t.Logf("configuration %d: %s", seed, s)
			}
			if !c.regexes {
				require.NotEqual(t, inspect.ShadowUndecided, s.Kind, "configuration %d: %s\n%s", seed, s, gw)
			}
			if s.Witness != nil {
				d := ask(t, gw, s.Witness)
				require.NotNil(t, d.Route, "configuration %d: %s", seed, s)
				if s.Kind != inspect.ShadowHost {
					names, _ := c.target(t, s.Takers[0].Place)
					require.Contains(t, names, d.Route.Name, "configuration %d: %s", seed, s)
				}
			}
			if s.Kind != inspect.ShadowRoute && s.Kind != inspect.ShadowMatch && s.Kind != inspect.ShadowImpossible {
				continue
			}
			names, matches := c.target(t, s.Place)
			for range requests {
				r := c.aimed(&matches[c.IntN(len(matches))])
				if r == nil {
					continue
				}
				total++
				if d := gw.Decide(r); d.Route != nil {
					near++
					if slices.Contains(names, d.Route.Name) {
						t.Fatalf("configuration %d: %s %s %s %v reaches %s\n%s", seed, r.Method, r.Host, r.URL, r.Header, d.Route.Name, s)
					}
				}
			}
		}
	}
	t.Log(kinds, total, "requests,", near, "with a route")
	if long > 0 {
		return
	}
	for _, kind := range []inspect.ShadowKind{inspect.ShadowRoute, inspect.ShadowMatch, inspect.ShadowImpossible, inspect.ShadowPartial, inspect.ShadowCondition} {
		require.NotZero(t, kinds[kind], "no shadow of kind %s", kind)
	}
	require.Greater(t, near, total/3, "the requests are not aimed well")
}

// ask decides a witness.
func ask(t testing.TB, gw *gateway.Gateway, w *inspect.Witness) gateway.Decision {
	t.Helper()
	var headers []string
	for name, lines := range w.Header {
		for _, line := range lines {
			headers = append(headers, name+": "+line)
		}
	}
	r, err := request(w.Method, w.URL, headers)
	require.NoError(t, err, "%s", w)
	return gw.Decide(r)
}
