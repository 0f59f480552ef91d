package program_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// forwarded returns the headers that a destination gets.
func forwarded(t *testing.T, b *gateway.Builder, r *http.Request, o spec.HeaderOperations) http.Header {
	t.Helper()
	spy := new(testhttp.Spy)
	gw := testgateway.Built(t, b.Route(spec.Route{Destinations: []spec.Destination{{Host: "spy"}}, Headers: spec.Headers{Request: o}}).Backend("spy", spy))
	testgateway.Serve(gw, r)
	require.NotNil(t, spy.Got)
	return spy.Got.Header
}

func TestEdgeHeadersOfAStranger(t *testing.T) {
	came := []string{
		"X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8", "X-Forwarded-Proto: https", "X-Request-Id: mine",
		"X-Forwarded-Host: h", "X-Forwarded-Port: 1", "Via: 1.1 a", "Forwarded: for=1.2.3.4", "X-Forwarded-Client-Cert: Hash=1",
		"X-Envoy-External-Address: 1.2.3.4", "X-Envoy-Internal: true", "X-Envoy-Upstream-Rq-Timeout-Ms: 1", "X-Envoy-Retry-On: 5xx",
		"X-Envoy-Max-Retries: 9", "X-Envoy-Decorator-Operation: a", "X-Envoy-Attempt-Count: 7", "X-Envoy-Original-Path: /a", "X-Envoy-Peer-Metadata: kept",
		"X-Envoyish: kept",
	}
	kept := http.Header{
		"X-Forwarded-For": {"1.2.3.4,5.6.7.8,192.0.2.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"h"}, "X-Forwarded-Port": {"1"},
		"Via": {"1.1 a"}, "Forwarded": {"for=1.2.3.4"}, "X-Envoy-Peer-Metadata": {"kept"}, "X-Envoyish": {"kept"},
	}
	native := forwarded(t, gateway.New(), testhttp.Request(t, "GET", "/", came...), testhttp.Ops{})
	require.NotEqual(t, "mine", native.Get("X-Request-Id"))
	native.Del("X-Request-Id")
	require.Equal(t, kept, native)

	envoy := forwarded(t, gateway.New().Semantics(gateway.Envoy), testhttp.Request(t, "GET", "/", came...), testhttp.Ops{})
	require.NotEqual(t, "mine", envoy.Get("X-Request-Id"))
	envoy.Del("X-Request-Id")
	kept["X-Envoy-External-Address"] = []string{"192.0.2.1"}
	kept["X-Envoy-Attempt-Count"] = []string{"1"}
	require.Equal(t, kept, envoy)
}

func TestEveryInternalHeaderIsTakenOff(t *testing.T) {
	require.Len(t, edge.InternalHeaders, 21)
	for key := range edge.InternalHeaders {
		for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
			got := forwarded(t, gateway.New().Semantics(s), testhttp.Request(t, "GET", "/", key+": evil", key+": twice"), testhttp.Ops{})
			require.NotContains(t, strings.Join(got[key], " "), "evil", "%v %s", s, key)
		}
	}
}

// An operation of the route sees the edge's header with Envoy semantics, and
// keeps the edge from writing one with Native.
func TestOperationsOnEdgeHeaders(t *testing.T) {
	for _, row := range []struct {
		name          string
		ops           spec.HeaderOperations
		key           string
		native, envoy []string
	}{
		{"set wins", testhttp.Ops{Set: testhttp.Lines{"x-forwarded-proto": "https"}}, "X-Forwarded-Proto", []string{"https"}, []string{"https"}},
		{"add", testhttp.Ops{Add: testhttp.Lines{"x-forwarded-proto": "https"}}, "X-Forwarded-Proto", []string{"https"}, []string{"http", "https"}},
		{"remove", testhttp.Ops{Remove: []string{"x-forwarded-proto"}}, "X-Forwarded-Proto", nil, nil},
		{"remove the addresses", testhttp.Ops{Remove: []string{"X-FORWARDED-FOR"}}, "X-Forwarded-For", nil, nil},
		{"remove the id", testhttp.Ops{Remove: []string{"x-request-id"}}, "X-Request-Id", nil, nil},
		{"remove another", testhttp.Ops{Remove: []string{"x-forwarded-proto"}}, "X-Forwarded-For", []string{"192.0.2.1"}, []string{"192.0.2.1"}},
		{"a client's own", testhttp.Ops{Set: testhttp.Lines{"x-request-id": "ours"}}, "X-Request-Id", []string{"ours"}, []string{"ours"}},
		{"add to the client's address", testhttp.Ops{Add: testhttp.Lines{"x-forwarded-for": "1.1.1.1"}}, "X-Forwarded-For", []string{"1.1.1.1"}, []string{"192.0.2.1", "1.1.1.1"}},
		{"an internal one", testhttp.Ops{Set: testhttp.Lines{"x-envoy-retry-on": "5xx"}}, "X-Envoy-Retry-On", []string{"5xx"}, []string{"5xx"}},
		{"an empty one", testhttp.Ops{Set: testhttp.Lines{"x-forwarded-proto": "%REQ(X-NONE)%"}}, "X-Forwarded-Proto", []string{"http"}, []string{"http"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.native, forwarded(t, gateway.New(), testhttp.Request(t, "GET", "/", "X-Request-Id: mine"), row.ops)[row.key])
			require.Equal(t, row.envoy, forwarded(t, gateway.New().Semantics(gateway.Envoy), testhttp.Request(t, "GET", "/", "X-Request-Id: mine"), row.ops)[row.key])
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	for _, row := range []struct {
		name           string
		trusted        int
		came           []string
		client, proto  string
		forwardedFor   []string
		forwardedProto []string
	}{
		{"none", 0, []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https"}, "192.0.2.1", "http", []string{"1.2.3.4,192.0.2.1"}, []string{"http"}},
		{"one", 1, []string{"X-Forwarded-For: 1.2.3.4, 5.6.7.8", "X-Forwarded-Proto: https"}, "5.6.7.8", "https", []string{"1.2.3.4, 5.6.7.8,192.0.2.1"}, []string{"https"}},
		{"two", 2, []string{"X-Forwarded-For: 1.2.3.4, 5.6.7.8"}, "1.2.3.4", "http", []string{"1.2.3.4, 5.6.7.8,192.0.2.1"}, []string{"http"}},
		{"more than came", 3, []string{"X-Forwarded-For: 1.2.3.4, 5.6.7.8"}, "192.0.2.1", "http", []string{"1.2.3.4, 5.6.7.8,192.0.2.1"}, []string{"http"}},
		{"in several lines", 2, []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8"}, "1.2.3.4", "http", []string{"1.2.3.4,5.6.7.8,192.0.2.1"}, []string{"http"}},
		{"IPv6", 1, []string{"X-Forwarded-For: 2001:db8::7"}, "2001:db8::7", "http", []string{"2001:db8::7,192.0.2.1"}, []string{"http"}},
		{"no address", 1, []string{"X-Forwarded-For: evil"}, "192.0.2.1", "http", []string{"evil,192.0.2.1"}, []string{"http"}},
		{"nothing came", 1, nil, "192.0.2.1", "http", []string{"192.0.2.1"}, []string{"http"}},
		{"a scheme that is none", 1, []string{"X-Forwarded-Proto: javascript"}, "192.0.2.1", "http", []string{"192.0.2.1"}, []string{"javascript"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				got := forwarded(t, gateway.New().Semantics(s).TrustedProxies(row.trusted), testhttp.Request(t, "GET", "/", row.came...),
					testhttp.Ops{Set: testhttp.Lines{"x-client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "x-scheme": "%REQ(:SCHEME)%"}})
				require.Equal(t, row.client, got.Get("X-Client"))
				require.Equal(t, row.proto, got.Get("X-Scheme"))
				require.Equal(t, row.forwardedFor, got["X-Forwarded-For"])
				require.Equal(t, row.forwardedProto, got["X-Forwarded-Proto"])
				if s == gateway.Envoy {
					require.Equal(t, row.client, got.Get("X-Envoy-External-Address"))
				}
			}
		})
	}
}

func TestNoPeerNoHeader(t *testing.T) {
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		for _, remote := range []string{"", "@"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = remote
			got := forwarded(t, gateway.New().Semantics(s), r, testhttp.Ops{})
			require.NotContains(t, got, "X-Forwarded-For")
			require.NotContains(t, got, "X-Envoy-External-Address")
			r.Header.Set("X-Forwarded-For", "1.2.3.4")
			require.Equal(t, []string{"1.2.3.4"}, forwarded(t, gateway.New().Semantics(s), r, testhttp.Ops{})["X-Forwarded-For"])
		}
	}
}

func TestHeadersOfOneConnection(t *testing.T) {
	for _, row := range []struct {
		name string
		came []string
		key  string
		want []string
	}{
		{"keep-alive", []string{"Connection: keep-alive", "Keep-Alive: 5"}, "Keep-Alive", nil},
		{"connection", []string{"Connection: keep-alive"}, "Connection", nil},
		{"proxy-connection", []string{"Proxy-Connection: close"}, "Proxy-Connection", nil},
		{"upgrade without connection", []string{"Upgrade: websocket"}, "Upgrade", nil},
		{"upgrade", []string{"Connection: keep-alive, Upgrade", "Upgrade: WebSocket"}, "Upgrade", []string{"WebSocket"}},
		{"its connection", []string{"Connection: keep-alive, Upgrade", "Upgrade: WebSocket"}, "Connection", []string{"keep-alive, Upgrade"}},
		{"h2c is no upgrade", []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "Http2-Settings: x"}, "Upgrade", nil},
		{"te", []string{"Te: trailers"}, "Te", []string{"trailers"}},
		{"te in part", []string{"Te: gzip, Trailers;q=0.5"}, "Te", []string{"trailers"}},
		{"te in lines", []string{"Te: gzip", "Te: trailers"}, "Te", []string{"trailers"}},
		{"te without trailers", []string{"Te: gzip"}, "Te", nil},
		{"te, nominated as it must be", []string{"Connection: TE", "Te: trailers"}, "Te", []string{"trailers"}},
		{"referer", []string{"Referer: https://a.com/x"}, "Referer", []string{"https://a.com/x"}},
		{"referer twice", []string{"Referer: https://a.com/x", "Referer: https://a.com/x"}, "Referer", nil},
		{"referer that is none", []string{"Referer: a b"}, "Referer", nil},
		{"referer without a host", []string{"Referer: /x"}, "Referer", nil},
		{"nominated", []string{"Connection: close, X-Hop", "X-Hop: 1"}, "X-Hop", nil},
		{"nominated in another letter case", []string{"Connection: x-hOP", "X-Hop: 1", "X-Hop: 2"}, "X-Hop", nil},
		{"nominated in the second line", []string{"Connection: close", "Connection: X-Hop", "X-Hop: 1"}, "X-Hop", nil},
		{"not nominated", []string{"Connection: X-Ho", "X-Hop: 1"}, "X-Hop", []string{"1"}},
		{"nominated with an upgrade", []string{"Connection: Upgrade, X-Hop", "Upgrade: websocket", "X-Hop: 1"}, "X-Hop", nil},
		{"what describes the body stays", []string{"Connection: Content-Type", "Content-Type: text/plain"}, "Content-Type", []string{"text/plain"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				require.Equal(t, row.want, forwarded(t, gateway.New().Semantics(s), testhttp.Request(t, "GET", "/", row.came...), testhttp.Ops{})[row.key])
			}
		})
	}
}

// A client cannot remove any of the gateway's headers, and is not routed by
// headers that are not forwarded.
func TestNominatedHeaders(t *testing.T) {
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		got := forwarded(t, gateway.New().Semantics(s), testhttp.Request(t, "GET", "/", "Connection: X-Request-Id, X-Ours, X-Envoy-External-Address", "X-Ours: client"),
			testhttp.Ops{Set: testhttp.Lines{"x-ours": "ours"}})
		require.Equal(t, []string{"ours"}, got["X-Ours"])
		require.Len(t, got["X-Request-Id"], 1)
		require.Equal(t, []string{"192.0.2.1"}, got["X-Forwarded-For"])

		gw, spy := testgateway.Routed(t, s, spec.Route{Match: []spec.Match{{Headers: map[string]spec.StringMatch{"x-tier": spec.Exact("gold")}}}})
		refused := map[gateway.Semantics]int{gateway.Native: 400, gateway.Envoy: 404}[s]
		require.Equal(t, refused, testgateway.Serve(gw, testhttp.Request(t, "GET", "/", "Connection: X-Tier", "X-Tier: gold")).Code)
		require.Nil(t, spy.Got)
		r := testhttp.Request(t, "GET", "/", "Connection: X-Other", "X-Tier: gold", "X-Other: 1")
		require.Equal(t, 200, testgateway.Serve(gw, r).Code)
		require.Equal(t, "1", r.Header.Get("X-Other"), "the request itself is not changed")
	}
	for connection, want := range map[string]int{
		"X-Forwarded-For": 400, "close, x-forwarded-proto": 400, "X-Forwarded-Host": 400, ":path": 400, "a,b,c,d,e,f,g,h,i": 200, "a,b,c,d,e,f,g,h,i,j": 400,
		",, ,": 200, "": 200, "connection": 200,
	} {
		gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{})
		r := testhttp.Request(t, "GET", "/", "Connection: "+connection)
		w := testgateway.Serve(gw, r)
		require.Equal(t, want, w.Code, connection)
		d := gw.Decide(r)
		if want == 400 {
			require.Equal(t, []string{"close"}, w.Header()["Connection"])
			require.Equal(t, gateway.DecisionBadRequest, d.Kind)
			require.Equal(t, "malformed Connection header", d.Reason)
			require.Equal(t, 400, d.Status)
		}
	}
}

func TestWhatNoRouteTakesPassesAsItCame(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().Route(spec.Route{Match: []spec.Match{{URI: spec.Exact("/none")}}, Destinations: []spec.Destination{{Host: "spy"}}}).Backend("spy", new(testhttp.Spy)))
	next := new(testhttp.Spy)
	r := testhttp.Request(t, "GET", "/", "Connection: X-Hop", "X-Hop: 1", "X-Envoy-Retry-On: 5xx", "X-Forwarded-For: 1.2.3.4")
	before := r.Header.Clone()
	testgateway.Serve(gw.Middleware(next), r)
	require.Same(t, r, next.Got)
	require.Equal(t, before, next.Got.Header)
}

func TestConditionsSeeTheEdgesHeaders(t *testing.T) {
	matches := func(b *gateway.Builder, m spec.Match, r *http.Request) bool {
		gw := testgateway.Built(t, b.Route(spec.Route{Match: []spec.Match{m}, Destinations: []spec.Destination{{Host: "spy"}}}).Backend("spy", new(testhttp.Spy)))
		return testgateway.Serve(gw, r).Code == 200
	}
	came := func() *http.Request {
		return testhttp.Request(t, "GET", "/", "X-Forwarded-Proto: https", "X-Request-Id: mine", "X-Envoy-Retry-On: 5xx", "X-Forwarded-For: 1.2.3.4")
	}
	header := func(name string, m spec.StringMatch) spec.Match {
		return spec.Match{Headers: map[string]spec.StringMatch{name: m}}
	}
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		require.False(t, matches(gateway.New().Semantics(s), header("x-forwarded-proto", spec.Exact("https")), came()))
		require.True(t, matches(gateway.New().Semantics(s), header("x-forwarded-proto", spec.Exact("http")), came()))
		require.True(t, matches(gateway.New().Semantics(s).TrustedProxies(1), header("x-forwarded-proto", spec.Exact("https")), came()))
		require.False(t, matches(gateway.New().Semantics(s), header("x-request-id", spec.Exact("mine")), came()))
		require.True(t, matches(gateway.New().Semantics(s), header("x-request-id", spec.StringMatch{}), came()))
		require.False(t, matches(gateway.New().Semantics(s), header("x-envoy-retry-on", spec.StringMatch{}), came()))
		require.True(t, matches(gateway.New().Semantics(s), header("x-forwarded-for", spec.Exact("1.2.3.4,192.0.2.1")), came()))
		require.True(t, matches(gateway.New().Semantics(s), header("x-envoy-external-address", spec.Exact("192.0.2.1")), came()))
		nobody := came()
		nobody.RemoteAddr = ""
		nobody.Header.Del("X-Forwarded-For")
		require.False(t, matches(gateway.New().Semantics(s), header("x-forwarded-for", spec.StringMatch{}), nobody))
	}
}

func certificate(subject pkix.Name, names []string, uris ...string) *x509.Certificate {
	c := &x509.Certificate{Raw: []byte("raw"), Subject: subject, DNSNames: names}
	for _, text := range uris {
		u, err := url.Parse(text)
		if err != nil {
			panic(err)
		}
		c.URIs = append(c.URIs, u)
	}
	return c
}

func TestForwardedClientCertificate(t *testing.T) {
	for _, row := range []struct {
		name string
		cert *x509.Certificate
		tail string
	}{
		{"plain", certificate(pkix.Name{CommonName: "client"}, []string{"a.com", "b.com"}, "spiffe://c/ns/a/sa/b"),
			`;Subject="CN=client";URI=spiffe://c/ns/a/sa/b;DNS=a.com;DNS=b.com`},
		{"none", certificate(pkix.Name{}, nil), `;Subject=""`},
		{"a subject that would end its quotes", certificate(pkix.Name{CommonName: `a";URI=spiffe://admin;X="`}, nil),
			`;Subject="CN=a\"\;URI=spiffe://admin\;X=\""`},
		{"a subject that would escape the quote", certificate(pkix.Name{CommonName: `a\`}, nil), `;Subject="CN=a\\"`},
		{"names that would be elements", certificate(pkix.Name{}, []string{`a;URI=spiffe://admin`, `b,Hash=1`, `c"`}),
			`;Subject="";DNS="a;URI=spiffe://admin";DNS="b,Hash=1";DNS="c\""`},
		{"a line that would end", certificate(pkix.Name{CommonName: "a\r\nX-Admin: 1"}, []string{"b\n"}),
			`;Subject="CN=a  X-Admin: 1";DNS=b `},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := edge.ForwardedClientCert(row.cert)
			require.Regexp(t, `^Hash=[0-9a-f]{64};Cert="-----BEGIN%20CERTIFICATE-----%0A[0-9A-Za-z%]*%0A-----END%20CERTIFICATE-----%0A";`, text)
			require.True(t, strings.HasSuffix(text, `%0A"`+row.tail), text)
		})
	}
}

func TestClientCertificateIsForwardedOnlyIfVerified(t *testing.T) {
	cert := certificate(pkix.Name{CommonName: "client"}, nil)
	state := func(verified bool) *tls.ConnectionState {
		s := &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{cert}}
		if verified {
			s.VerifiedChains = [][]*x509.Certificate{{cert}}
		}
		return s
	}
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		r := testhttp.Request(t, "GET", "/", "X-Forwarded-Client-Cert: Hash=evil")
		r.TLS = state(true)
		require.Equal(t, []string{edge.ForwardedClientCert(cert)}, forwarded(t, gateway.New().Semantics(s), r, testhttp.Ops{})["X-Forwarded-Client-Cert"])
		r.TLS = state(false)
		require.NotContains(t, forwarded(t, gateway.New().Semantics(s), r, testhttp.Ops{}), "X-Forwarded-Client-Cert")
		r.TLS = nil
		require.NotContains(t, forwarded(t, gateway.New().Semantics(s), r, testhttp.Ops{}), "X-Forwarded-Client-Cert")
	}
}
