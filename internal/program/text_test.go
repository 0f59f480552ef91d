package program_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestPrintedProgram(t *testing.T) {
	half := 50.0
	gw := testgateway.Built(t, gateway.New().TrustedProxies(2).Backend("cart", new(testhttp.Spy)).
		Server(spec.Server{Gateway: "gw", Port: 80, Hosts: []string{"*.com"}, TLS: &spec.ServerTLS{HTTPSRedirect: true}}).
		Server(spec.Server{Gateway: "gw", Port: 81, Bind: "127.0.0.1", Hosts: []string{"*"}}).
		Server(spec.Server{Gateway: "gw", Port: 443, PortName: "https", Protocol: "HTTPS", Hosts: []string{"a.com"}, TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c"}}).
		VirtualService(spec.VirtualService{Name: "shop", Hosts: []string{"a.com"}, Gateways: []string{"gw"}, Routes: []spec.Route{
			{
				Name: "cart",
				Match: []spec.Match{{
					Name: "put", URI: spec.Prefix("/cart"), IgnoreURICase: true, Method: spec.Exact("PUT"), Headers: map[string]spec.StringMatch{"X-A": {}, "x-b": spec.Regex("b+")},
					QueryParams: map[string]spec.StringMatch{"q": spec.Prefix("1")}, WithoutHeaders: map[string]spec.StringMatch{"x-c": {}, "x-d": spec.Exact("d")},
				}},
				Fault:   &spec.Fault{Delay: &spec.FaultDelay{Fixed: time.Second, Percent: 0.5}, Abort: &spec.FaultAbort{GRPCStatus: "ABORTED", Percent: 100}},
				CORS:    &spec.CORS{AllowOrigins: []spec.StringMatch{spec.Exact("https://a.com")}, AllowMethods: []string{"GET", "PUT"}, UnmatchedPreflights: spec.UnmatchedPreflightsIgnore},
				Timeout: time.Second, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}, PerTryTimeout: time.Millisecond},
				Rewrite: &spec.Rewrite{URI: "/", Authority: "cart.com"}, Mirrors: []spec.Mirror{{Destination: spec.Destination{Host: "cart"}, Percent: &half}},
				RateLimits:   []spec.RateLimit{{Requests: 5, Unit: time.Minute, Per: []spec.LimitKey{{Header: "x-user"}}}},
				Headers:      spec.Headers{Request: testhttp.Ops{Set: testhttp.Lines{"x-a": "%REQ(X-B)%"}, Add: testhttp.Lines{"x-b": "1"}, Remove: []string{"x-c"}}, Response: testhttp.Ops{Remove: []string{"server"}}},
				Destinations: []spec.Destination{{Host: "cart", Weight: 3}, {Host: "missing", Weight: 1, Headers: spec.Headers{Request: testhttp.Ops{Set: testhttp.Lines{"x-own": "1"}}}}},
			},
			{Match: []spec.Match{{URI: spec.Exact("/old")}}, Redirect: &spec.Redirect{URI: "/new", Code: 308, Port: 8080, Scheme: "https"}},
			{Match: []spec.Match{{URI: spec.Regex("/re.*")}}, Rewrite: &spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: "a", Rewrite: `\0`}}, Destinations: []spec.Destination{{Host: "cart"}}},
			{DirectResponse: &spec.DirectResponse{Status: 404, Body: []byte("none")}, Headers: spec.Headers{Response: testhttp.Ops{Set: testhttp.Lines{"x-a": "1"}}}},
		}}))
	routes := `          0 default/shop cart.put: prefix "/cart" in any case, method exact "PUT", header x-a present, header x-b regex "b+", query q prefix "1", header x-c absent, header x-d not exact "d"
            delay 0.5% by 1s
            abort 100% with ABORTED
            cors origins [exact "https://a.com"] methods [GET,PUT] headers [] expose [] max-age [] credentials false
              unmatched preflights ignored
            limit 5 per 1m0s, each x-user
            timeout 1s
            retry 1 on 5xx, each within 1ms
            rewrite to "/"
            mirror 50% to outbound|PORT||cart.default.svc.cluster.local
            forward 3/4 to outbound|PORT||cart.default.svc.cluster.local
              authority "cart.com"
              request remove x-c
              request set x-a: %REQ(X-B)%
              request add x-b: 1
              response remove server
            forward 1/4 to outbound|PORT||missing.default.svc.cluster.local (missing)
              authority "cart.com"
              request set x-own: 1
              request remove x-c
              request set x-a: %REQ(X-B)%
              request add x-b: 1
              response remove server
          1 default/shop: exact "/old"
            redirect 308 scheme "https" port "8080" uri "/new"
          2 default/shop: regex "/re.*"
            rewrite regex "a" to "\\0"
            forward all to outbound|PORT||cart.default.svc.cluster.local
          3 default/shop: prefix "/"
            respond 404 with 4 bytes
            response set x-a: 1
`
	at := func(port, by string) string {
		out := ""
		for line := range strings.Lines(strings.ReplaceAll(routes, "PORT", port)) {
			out += strings.TrimPrefix(line, by)
		}
		return out
	}
	require.Equal(t, `semantics native, path normalization BASE
2 trusted proxies
listener 80
  routes http.80
    host a.com
      redirect plain text to https
`+at("80", "    ")+`    host *.com
      redirect plain text to https
listener 127.0.0.1 81
  routes http.81
    host a.com
`+at("81", "    ")+`listener 443 tls
  server a.com
    tls SIMPLE credential "c"
    routes https.443.https.gw.default
      host a.com
`+at("443", "  "), gw.String())
}

func TestMatchText(t *testing.T) {
	for want, m := range map[string]spec.StringMatch{
		"any": {}, `exact "a"`: spec.Exact("a"), `prefix "/a\n"`: spec.Prefix("/a\n"), `regex "a+"`: spec.Regex("a+"),
	} {
		require.Equal(t, want, m.String())
	}
}
