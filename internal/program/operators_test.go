package program_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// evaluated returns the results of value in a request's operations and in its
// response's.
func evaluated(t *testing.T, b *gateway.Builder, route spec.Route, value string, r *http.Request) (onRequest, onResponse string) {
	t.Helper()
	route.Headers = spec.Headers{Request: testhttp.Ops{Set: testhttp.Lines{"x-value": value}}, Response: testhttp.Ops{Set: testhttp.Lines{"x-value": value}}}
	spy := &testhttp.Spy{Answer: http.Header{"X-From": {"backend", "twice"}}, Then: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }}
	if route.Redirect == nil && route.DirectResponse == nil {
		route.Destinations = []spec.Destination{{Host: "shop", Port: 8080, Subset: "v1"}}
	}
	gw := testgateway.Built(t, b.Route(route).Backend("*", spy).Backend("shop/v1", spy))
	w := testgateway.Serve(gw, r)
	if spy.Got != nil {
		onRequest = spy.Got.Header.Get("X-Value")
	}
	return onRequest, w.Header().Get("X-Value")
}

// connected is a request over TLS, from an IPv6 client with a certificate.
func connected(t *testing.T) *http.Request {
	r := testhttp.Request(t, "POST", "/products/7?a=b%20c&a=2&d", "X-One: 1", "X-Two: 1", "X-Two: 2", "Cookie: a=1", "Cookie: b=2", "X-Empty:", "X-Forwarded-For: 9.9.9.9")
	r.RemoteAddr = "[2001:db8::1]:5678"
	spiffe, err := url.Parse("spiffe://cluster/ns/a;b")
	require.NoError(t, err)
	cert := &x509.Certificate{
		Raw: []byte("certificate"), Subject: pkix.Name{CommonName: `a,"b`, Organization: []string{"Org"}},
		URIs: []*url.URL{spiffe, {Scheme: "spiffe", Host: "other"}}, DNSNames: []string{"a.com", "b.com"},
	}
	r.TLS = &tls.ConnectionState{
		Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, ServerName: "sni.com", HandshakeComplete: true,
		PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert}},
	}
	local := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8443}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
}

func TestOperators(t *testing.T) {
	t.Setenv("LATEEN_TEST_REGION", "eu")
	hostname, err := os.Hostname()
	require.NoError(t, err)
	for _, row := range []struct{ value, onRequest, onResponse string }{
		{"%REQ(X-ONE)%", "1", "1"},
		{"%REQ(x-one)%", "1", "1"},
		{"%REQ(X-TWO)%", "1,2", "1,2"},
		{"%REQ(Cookie)%", "a=1; b=2", "a=1; b=2"},
		{"%REQ(X-NONE)%", "", ""},
		{"%REQ(X-NONE?X-ONE)%", "1", "1"},
		{"%REQ(X-EMPTY?X-ONE)%", "1", "1"},
		{"%REQ(X-ONE?X-TWO)%", "1", "1"},
		{"%REQ(X-NONE?:METHOD)%", "POST", "POST"},
		{"%REQ(X-TWO):1%", "1", "1"},
		{"%REQ(X-TWO):2%", "1,", "1,"},
		{"%REQ(X-TWO):99%", "1,2", "1,2"},
		{"%REQ(X-TWO):0%", "", ""},
		{"%REQ(:METHOD)%", "POST", "POST"},
		{"%REQ(:SCHEME)%", "https", "https"},
		{"%REQ(:AUTHORITY)%", "a.com", "b.com"},
		{"%REQ(host)%", "a.com", "b.com"},
		{"%REQ(:PATH)%", "/products/7?a=b%20c&a=2&d", "/v2/7?a=b%20c&a=2&d"},
		{"%PATH%", "/products/7?a=b%20c&a=2&d", "/products/7?a=b%20c&a=2&d"},
		{"%PATH(WQ)%", "/products/7?a=b%20c&a=2&d", "/products/7?a=b%20c&a=2&d"},
		{"%PATH(NQ)%", "/products/7", "/products/7"},
		{"%QUERY_PARAM(a)%", "b c", "b c"},
		{"%QUERY_PARAM(d)%", "", ""},
		{"%RESP(X-FROM)%", "", "backend,twice"},
		{"%RESP(X-NONE?X-FROM)%", "", "backend,twice"},
		{"%RESP(X-NONE)%", "", ""},
		{"%RESPONSE_CODE%", "", "202"},
		{"%RESPONSE_FLAGS%", "", "-"},
		{"%RESPONSE_CODE_DETAILS%", "", "via_upstream"},
		{"%UPSTREAM_PROTOCOL%", "", "HTTP/1.1"},
		{"%UPSTREAM_CLUSTER%", "outbound|8080|v1|shop.default.svc.cluster.local", "outbound|8080|v1|shop.default.svc.cluster.local"},
		{"%ROUTE_NAME%", "route.match", "route.match"},
		{"%VIRTUAL_CLUSTER_NAME%", "", ""},
		{"%TRACE_ID%", "", ""},
		{"%PROTOCOL%", "HTTP/1.1", "HTTP/1.1"},
		{"%PROTOCOL:4%", "HTTP", "HTTP"},
		{"%DOWNSTREAM_REMOTE_ADDRESS%", "[2001:db8::1]:5678", "[2001:db8::1]:5678"},
		{"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8::1", "2001:db8::1"},
		{"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "[2001:db8::1]:5678", "[2001:db8::1]:5678"},
		{"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "2001:db8::1", "2001:db8::1"},
		{"%DOWNSTREAM_LOCAL_ADDRESS%", "10.0.0.1:8443", "10.0.0.1:8443"},
		{"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "10.0.0.1", "10.0.0.1"},
		{"%DOWNSTREAM_LOCAL_PORT%", "8443", "8443"},
		{"%REQUESTED_SERVER_NAME%", "sni.com", "sni.com"},
		{"%DOWNSTREAM_TLS_VERSION%", "TLSv1.2", "TLSv1.2"},
		{"%DOWNSTREAM_TLS_CIPHER%", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"%DOWNSTREAM_PEER_SUBJECT%", `CN=a\,\"b,O=Org`, `CN=a\,\"b,O=Org`},
		{"%DOWNSTREAM_PEER_URI_SAN%", "spiffe://cluster/ns/a;b,spiffe://other", "spiffe://cluster/ns/a;b,spiffe://other"},
		{"%DOWNSTREAM_PEER_DNS_SAN%", "a.com,b.com", "a.com,b.com"},
		{"%DOWNSTREAM_PEER_FINGERPRINT_256%", "03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72", "03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72"},
		{"%HOSTNAME%", hostname, hostname},
		{"%ENVIRONMENT(LATEEN_TEST_REGION)%", "eu", "eu"},
		{"%ENVIRONMENT(LATEEN_TEST_NOTHING)%", "", ""},
		{"a%REQ(X-ONE)%b%REQ(X-NONE)%c%%", "a1bc%", "a1bc%"},
	} {
		t.Run(row.value, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				onRequest, onResponse := evaluated(t, gateway.New().Semantics(s), spec.Route{
					Name: "route", Match: []spec.Match{{Name: "match", URI: spec.Prefix("/products")}}, Rewrite: &spec.Rewrite{URI: "/v2", Authority: "b.com"},
				}, row.value, connected(t))
				require.Equal(t, row.onRequest, onRequest, "%v: request", s)
				require.Equal(t, row.onResponse, onResponse, "%v: response", s)
			}
		})
	}
}

func TestOperatorsOnPlainText(t *testing.T) {
	for _, name := range append(slices.Sorted(maps.Keys(header.ConnectionOperators)), slices.Sorted(maps.Keys(header.CertificateOperators))...) {
		onRequest, onResponse := evaluated(t, gateway.New(), spec.Route{}, "%"+name+"%", testhttp.Request(t, "GET", "/"))
		require.Empty(t, onRequest, name)
		require.Empty(t, onResponse, name)
	}
	r := testhttp.Request(t, "GET", "/")
	onRequest, _ := evaluated(t, gateway.New(), spec.Route{}, "%REQ(:SCHEME)%%DOWNSTREAM_LOCAL_ADDRESS%%DOWNSTREAM_LOCAL_PORT%", r)
	require.Equal(t, "http", onRequest)
	r.ProtoMajor, r.ProtoMinor, r.Proto = 2, 0, "HTTP/2.0"
	onRequest, _ = evaluated(t, gateway.New(), spec.Route{}, "%PROTOCOL%", r)
	require.Equal(t, "HTTP/2", onRequest)
}

// If no destination answers, there is no upstream to report.
func TestOperatorsOnAnswersOfTheGateway(t *testing.T) {
	for value, want := range map[string]string{
		"%RESPONSE_CODE%": "302", "%RESPONSE_CODE_DETAILS%": "direct_response", "%RESPONSE_FLAGS%": "-", "%UPSTREAM_PROTOCOL%": "",
		"%UPSTREAM_CLUSTER%": "", "%REQ(X-ONE)%": "1", "%RESP(LOCATION)%": "http://a.com/b", "%REQ(:PATH)%": "/a", "%REQ(:AUTHORITY)%": "a.com",
		"%REQ(X-FORWARDED-FOR)%": "192.0.2.1", "%REQ(X-FORWARDED-PROTO)%": "http", "%REQ(X-ENVOY-RETRY-ON)%": "",
	} {
		_, got := evaluated(t, gateway.New(), spec.Route{Redirect: &spec.Redirect{URI: "/b", Code: 302}}, value,
			testhttp.Request(t, "GET", "/a", "X-One: 1", "X-Forwarded-Proto: https", "X-Envoy-Retry-On: 5xx"))
		require.Equal(t, want, got, value)
	}
}

func TestOperatorsSeeTheEdgesHeaders(t *testing.T) {
	came := []string{"X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "X-Request-Id: mine", "X-Envoy-Retry-On: 5xx"}
	for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
		for value, want := range map[string]string{
			"%REQ(X-FORWARDED-FOR)%": "9.9.9.9,192.0.2.1", "%REQ(X-FORWARDED-PROTO)%": "http", "%REQ(X-ENVOY-RETRY-ON)%": "",
		} {
			onRequest, onResponse := evaluated(t, gateway.New().Semantics(s), spec.Route{}, value, testhttp.Request(t, "GET", "/", came...))
			require.Equal(t, want, onRequest, "%v %s", s, value)
			require.Equal(t, want, onResponse, "%v %s", s, value)
		}
		for _, value := range []string{"%REQ(X-REQUEST-ID)%", "%STREAM_ID%"} {
			gw, spy := testgateway.Routed(t, s, spec.Route{Headers: spec.Headers{Request: testhttp.Ops{Set: testhttp.Lines{"x-copy": value}}, Response: testhttp.Ops{Set: testhttp.Lines{"x-copy": value}}}})
			w := testgateway.Serve(gw, testhttp.Request(t, "GET", "/", came...))
			id := spy.Got.Header.Get("X-Request-Id")
			require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
			require.Equal(t, []string{id}, spy.Got.Header["X-Copy"], "%v %s", s, value)
			require.Equal(t, []string{id}, w.Header()["X-Copy"], "%v %s", s, value)
		}
	}
	onRequest, onResponse := evaluated(t, gateway.New(), spec.Route{}, "%UNIQUE_ID%", testhttp.Request(t, "GET", "/"))
	require.Len(t, onRequest, 36)
	require.Len(t, onResponse, 36)
	require.NotEqual(t, onRequest, onResponse)
}

func TestTrustedClientAddressOperators(t *testing.T) {
	for value, want := range map[string]string{
		"%DOWNSTREAM_REMOTE_ADDRESS%": "5.6.7.8:0", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%": "5.6.7.8",
		"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%": "192.0.2.1:1234", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%": "192.0.2.1",
		"%REQ(:SCHEME)%": "https",
	} {
		onRequest, _ := evaluated(t, gateway.New().TrustedProxies(1), spec.Route{}, value,
			testhttp.Request(t, "GET", "/", "X-Forwarded-For: 1.2.3.4, 5.6.7.8", "X-Forwarded-Proto: https"))
		require.Equal(t, want, onRequest, value)
	}
}

func TestStartTime(t *testing.T) {
	for format, want := range map[string]string{
		"": "2000-01-01T00:00:00.000Z", "(%Y-%m-%d)": "2000-01-01", "(%s)": "946684800", "(%s.%3f)": "946684800.000", "(%f)": "000000000",
		"(%6f)": "000000", "(%F %T)": "2000-01-01 00:00:00", "(%a, %d %b %Y %H:%M:%S %Z)": "Sat, 01 Jan 2000 00:00:00 UTC",
		"(%A %B %e %y %I %p %j %z)": "Saturday January  1 00 12 AM 001 +0000", "(100%%)": "100%", "(at)": "at",
	} {
		synctest.Test(t, func(t *testing.T) {
			for _, route := range []spec.Route{{}, {Redirect: &spec.Redirect{URI: "/b"}}} {
				r := testhttp.Request(t, "GET", "/")
				onRequest, onResponse := evaluated(t, gateway.New(), route, "%START_TIME"+format+"%", r)
				if route.Redirect == nil {
					require.Equal(t, want, onRequest, format)
				}
				require.Equal(t, want, onResponse, format)
			}
		})
	}
	for format, want := range map[string]string{
		"(%Q)": `the time format "%Q" has the unknown conversion %Q`, "(%Y-%)": `the time format "%Y-%" ends in an unfinished conversion`,
		"(%3Y)": `the time format "%3Y" gives a number of digits to %Y: only %f takes one`,
	} {
		_, err := header.ParseFormat("%START_TIME" + format + "%")
		require.NotNil(t, err)
		require.Equal(t, want, err.Problem)
	}
}

// Operations on only a request have no response, but still have a start time.
func TestStartTimeOfARequestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Headers: spec.Headers{Request: testhttp.Ops{Set: testhttp.Lines{"x-start": "%START_TIME(%s)%"}}}})
		testgateway.Serve(gw, testhttp.Request(t, "GET", "/"))
		require.Equal(t, "946684800", spy.Got.Header.Get("X-Start"))
	})
}
