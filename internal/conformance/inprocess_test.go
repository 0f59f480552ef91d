package conformance_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/conformance"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// TestInProcess sends every request to a gateway in this process. It compares the
// decision, the request to the destinations, and the response to the client.
func TestInProcess(t *testing.T) {
	compareInProcess(t, "in process", func(l *gateway.Listener) http.Handler { return l })
}

// TestOwning is like TestInProcess with requests that may be changed in place, as
// in package server.
func TestOwning(t *testing.T) { compareInProcess(t, "owning", (*gateway.Listener).InPlace) }

func compareInProcess(t *testing.T, how string, handler func(*gateway.Listener) http.Handler) {
	goldens, err := conformance.Load("testdata")
	require.NoError(t, err)
	require.NotEmpty(t, goldens)
	var passed, failed int
	for _, g := range goldens {
		t.Run(g.Config, func(t *testing.T) {
			accepted, refused := g.Split()
			for i, text := range refused {
				_, err := gateway.New().Load(istio.Bytes(g.Config, []byte(text))).Build()
				require.Error(t, err, "document %d is refused by Istio", i)
				require.Regexp(t, `^`+g.Config+`:\d+:\d+: `, err.Error())
			}
			r := newRunner(t, g, accepted, handler)
			for _, c := range g.Cases {
				problems := r.run(c)
				switch {
				case len(problems) == 0:
					passed++
				default:
					failed++
					t.Errorf("%s %s:%d%s %v:\n  %s", c.Request.ID, c.Request.Host, c.Request.Port, c.Request.Path,
						c.Request.Headers, strings.Join(problems, "\n  "))
				}
			}
		})
	}
	fmt.Printf("conformance %s: %d passed, %d failed\n", how, passed, failed)
}

// A runner has a gateway whose destinations record their requests.
type runner struct {
	t  *testing.T
	gw *gateway.Gateway
	// handler returns the handler of a listener's requests.
	handler func(*gateway.Listener) http.Handler
	// err is why the gateway did not build.
	err      error
	drawn    uint64
	received map[string]*http.Request
	answer   http.Header
}

func newRunner(t *testing.T, g *conformance.Golden, text string, handler func(*gateway.Listener) http.Handler) *runner {
	r := &runner{t: t, handler: handler}
	b := gateway.New().Semantics(gateway.Envoy).Load(istio.Bytes(g.Config, []byte(text))).
		Workload("istio-system", map[string]string{"istio": "ingressgateway", "app": "istio-ingressgateway"}).
		Random(func() uint64 { return r.drawn })
	switch g.Options.Mesh.PathNormalization.Normalization {
	case "DECODE_AND_MERGE_SLASHES":
		b.PathNormalization(spec.NormalizeDecodeAndMergeSlashes)
	case "MERGE_SLASHES":
		b.PathNormalization(spec.NormalizeMergeSlashes)
	case "NONE":
		b.PathNormalization(spec.NormalizeNone)
	}
	for _, name := range g.Backends() {
		b.Backend(name, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.received[name] = req
			maps.Copy(w.Header(), r.answer)
			w.WriteHeader(http.StatusOK)
		}))
	}
	r.gw, r.err = b.Build()
	if r.gw != nil {
		t.Cleanup(func() { require.NoError(t, r.gw.Close()) })
	}
	return r
}

// request builds the request as net/http's server would from the connection. A
// target that its parser refuses, such as one with an invalid escape, is used
// unchanged, because another server may accept it.
func request(t *testing.T, c conformance.Request) *http.Request {
	read := func(target string) (*http.Request, error) {
		var raw strings.Builder
		fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", c.Method, target, c.Host)
		for name, lines := range c.Headers {
			for _, line := range lines {
				fmt.Fprintf(&raw, "%s: %s\r\n", name, line)
			}
		}
		raw.WriteString("\r\n")
		return http.ReadRequest(bufio.NewReader(strings.NewReader(raw.String())))
	}
	r, err := read(c.Path)
	if err != nil {
		r, err = read("/")
		require.NoError(t, err)
		path, query, found := strings.Cut(c.Path, "?")
		rawpath.Set(r.URL, path)
		r.URL.RawQuery, r.URL.ForceQuery, r.RequestURI = query, found && query == "", c.Path
	}
	r.RemoteAddr = "192.0.2.1:1234"
	if c.TLS {
		r.TLS = &tls.ConnectionState{ServerName: c.SNI, HandshakeComplete: true}
	}
	return r
}

// run returns the differences.
func (r *runner) run(c conformance.Case) (problems []string) {
	differ := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	want := c.Outcome
	if want.Kind == "rejected" {
		if r.err == nil {
			differ("Envoy refuses the configuration, the gateway does not")
		}
		return problems
	}
	if r.err != nil {
		return []string{"the configuration does not build: " + r.err.Error()}
	}
	req := request(r.t, c.Request)
	d := r.gw.Listener(c.Request.Port).Decide(req)
	compareDecision(want, d, differ)
	if want.Kind == "noHTTP" {
		return problems
	}

	total := 1
	if len(want.Destinations) > 0 {
		total = want.Destinations[0].Total
	}
	drawn := uint64(0)
	for i := 0; i == 0 || i < len(want.Destinations); i++ {
		req := request(r.t, c.Request)
		r.drawn, r.received, r.answer = drawn, map[string]*http.Request{}, http.Header{}
		for name, lines := range c.Request.Backend {
			r.answer[http.CanonicalHeaderKey(name)] = lines
		}
		w := httptest.NewRecorder()
		r.handler(r.gw.Listener(c.Request.Port)).ServeHTTP(w, req)
		if len(want.Destinations) == 0 {
			return append(problems, c.CompareAnswer(w.Code, w.Header(), w.Body.String())...)
		}
		dest := want.Destinations[i]
		drawn += uint64(dest.Weight)
		if total == 1 && len(want.Destinations) == 1 {
			drawn = 0
		}
		if fault := policyFault(want); fault != nil && fault.AbortPercent > 0 && r.drawn < uint64(fault.AbortPercent*10_000) {
			continue
		}
		r.compareDestination(dest, w, differ)
	}
	return problems
}

func policyFault(o conformance.Outcome) *conformance.Fault {
	if o.Policy == nil {
		return nil
	}
	return o.Policy.Fault
}

// decisionKind returns the decision kind of a recorded answer.
func decisionKind(recorded string) gateway.DecisionKind {
	switch recorded {
	case "noHTTP":
		return gateway.DecisionNoServer
	case "direct":
		return gateway.DecisionDirectResponse
	}
	return gateway.DecisionKind(recorded)
}

func compareDecision(want conformance.Outcome, d gateway.Decision, differ func(string, ...any)) {
	for _, f := range []struct {
		name      string
		want, got any
	}{
		{"kind", decisionKind(want.Kind), d.Kind},
		{"listener", want.Listener, d.Listener},
		{"routeConfig", want.RouteConfig, d.RouteConfig},
		{"virtualHost", want.VirtualHost, d.VirtualHost},
		{"path", want.Path, d.Path},
	} {
		if f.want != f.got {
			differ("%s: want %v, got %v", f.name, f.want, f.got)
		}
	}
	switch {
	case (want.Rule == nil) != (d.Route == nil):
		differ("rule: want %+v, got %+v", want.Rule, d.Route)
	case want.Rule != nil:
		got := conformance.Rule{VirtualService: d.Route.VirtualService, Name: d.Route.Name, Index: d.Route.Index, Match: d.Route.Match}
		if *want.Rule != got {
			differ("rule: want %+v, got %+v", *want.Rule, got)
		}
	}
	if d.Route != nil && want.Kind != "abort" {
		if cors := want.Policy != nil && want.Policy.CORS; cors != d.Route.CORS {
			differ("cors: want %v, got %v", cors, d.Route.CORS)
		}
	}
	if d.Route != nil && want.Kind == "forward" {
		comparePolicy(want.Policy, d.Route, differ)
	}
	if len(want.Destinations) != len(d.Destinations) {
		differ("destinations: want %d, got %d", len(want.Destinations), len(d.Destinations))
		return
	}
	for i, w := range want.Destinations {
		g := d.Destinations[i]
		if w.Cluster != g.Cluster || w.Weight != g.Weight || w.Total != g.Total || w.Missing != g.Missing {
			differ("destination %d: want %s %d/%d missing %v, got %s %d/%d missing %v", i,
				w.Cluster, w.Weight, w.Total, w.Missing, g.Cluster, g.Weight, g.Total, g.Missing)
		}
		if w.Request.Method != g.Method || w.Request.Authority != g.Authority || w.Request.Path != g.Path {
			differ("destination %d gets: want %s %s %s, got %s %s %s", i, w.Request.Method, w.Request.Authority, w.Request.Path,
				g.Method, g.Authority, g.Path)
		}
	}
}

func comparePolicy(want *conformance.Policy, got *gateway.DecidedRoute, differ func(string, ...any)) {
	if want == nil {
		want = new(conformance.Policy)
	}
	if conformance.Duration(want.Timeout) != got.Timeout {
		differ("timeout: want %s, got %v", want.Timeout, got.Timeout)
	}
	if !slices.Equal(want.Hash, got.Hash) {
		differ("hash: want %v, got %v", want.Hash, got.Hash)
	}
	var retry *conformance.Retry
	if r := got.Retry; r != nil {
		retry = &conformance.Retry{Attempts: r.Attempts, On: strings.Join(r.On, ","), AvoidSameHost: r.AvoidSameHost}
		if r.PerTryTimeout > 0 {
			retry.PerTryTimeout = r.PerTryTimeout.String()
		}
	}
	if fmt.Sprintf("%+v", want.Retry) != fmt.Sprintf("%+v", retry) {
		if want.Retry == nil || retry == nil || *want.Retry != *retry {
			differ("retry: want %+v, got %+v", want.Retry, retry)
		}
	}
	var mirrors []conformance.Mirror
	for _, m := range got.Mirrors {
		mirrors = append(mirrors, conformance.Mirror{Cluster: m.Cluster, Percent: m.Percent, Missing: m.Missing})
	}
	for i := range mirrors {
		// The runner has backends only for destinations, not for mirrors.
		if i < len(want.Mirrors) {
			mirrors[i].Missing = want.Mirrors[i].Missing
		}
	}
	if !slices.Equal(want.Mirrors, mirrors) {
		differ("mirrors: want %+v, got %+v", want.Mirrors, mirrors)
	}
	var fault *conformance.Fault
	if f := got.Fault; f != nil {
		fault = &conformance.Fault{DelayPercent: f.DelayPercent, AbortStatus: f.AbortStatus, GRPCStatus: f.GRPCStatus, AbortPercent: f.AbortPercent}
		if f.Delay > 0 {
			fault.Delay = f.Delay.String()
		}
	}
	switch {
	case want.Fault == nil && fault == nil:
	case want.Fault == nil || fault == nil || *want.Fault != *fault:
		differ("fault: want %+v, got %+v", want.Fault, fault)
	}
}

// compareDestination compares the request to a destination and the response to the
// client.
func (r *runner) compareDestination(want conformance.Destination, w *httptest.ResponseRecorder, differ func(string, ...any)) {
	if want.Missing {
		if w.Code != http.StatusServiceUnavailable {
			differ("missing destination: got %d", w.Code)
		}
		return
	}
	got := r.received[want.Backend()]
	if got == nil {
		differ("%s got nothing", want.Cluster)
		return
	}
	for _, problem := range want.Compare(got, w.Header()) {
		differ("%s", problem)
	}
}
