package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPrintedProgram(t *testing.T) {
	half := 50.0
	gw := built(t, New().TrustedProxies(2).Backend("cart", new(backendSpy)).
		Server(Server{Gateway: "gw", Port: 80, Hosts: []string{"*.com"}, TLS: &ServerTLS{HTTPSRedirect: true}}).
		Server(Server{Gateway: "gw", Port: 81, Bind: "127.0.0.1", Hosts: []string{"*"}}).
		Server(Server{Gateway: "gw", Port: 443, PortName: "https", Protocol: "HTTPS", Hosts: []string{"a.com"}, TLS: &ServerTLS{Mode: TLSSimple, CredentialName: "c"}}).
		VirtualService(VirtualService{Name: "shop", Hosts: []string{"a.com"}, Gateways: []string{"gw"}, Routes: []Route{
			{
				Name: "cart",
				Match: []Match{{
					Name: "put", URI: Prefix("/cart"), IgnoreURICase: true, Method: Exact("PUT"), Headers: map[string]StringMatch{"X-A": {}, "x-b": Regex("b+")},
					QueryParams: map[string]StringMatch{"q": Prefix("1")}, WithoutHeaders: map[string]StringMatch{"x-c": {}, "x-d": Exact("d")},
				}},
				Fault:   &Fault{Delay: &FaultDelay{Fixed: time.Second, Percent: 0.5}, Abort: &FaultAbort{GRPCStatus: "ABORTED", Percent: 100}},
				CORS:    &CORS{AllowOrigins: []StringMatch{Exact("https://a.com")}, AllowMethods: []string{"GET", "PUT"}, UnmatchedPreflights: IgnorePreflights},
				Timeout: time.Second, Retry: &Retry{Attempts: 1, On: []string{"5xx"}, PerTryTimeout: time.Millisecond},
				Rewrite: &Rewrite{URI: "/", Authority: "cart.com"}, Mirrors: []Mirror{{Destination: Destination{Host: "cart"}, Percent: &half}},
				RateLimits: []RateLimit{{Requests: 5, Unit: time.Minute, Per: []LimitKey{{Header: "x-user"}}}},
				Headers:    Headers{Request: ops{Set: lines{"x-a": "%REQ(X-B)%"}, Add: lines{"x-b": "1"}, Remove: []string{"x-c"}}, Response: ops{Remove: []string{"server"}}},
				Split:      Split{{Host: "cart", Weight: 3}, {Host: "missing", Weight: 1, Headers: Headers{Request: ops{Set: lines{"x-own": "1"}}}}},
			},
			{Match: []Match{{URI: Exact("/old")}}, Redirect: &Redirect{URI: "/new", Code: 308, Port: 8080, Scheme: "https"}},
			{Match: []Match{{URI: Regex("/re.*")}}, Rewrite: &Rewrite{URIRegex: &RegexRewrite{"a", `\0`}}, Split: Split{{Host: "cart"}}},
			{DirectResponse: &DirectResponse{Status: 404, Body: []byte("none")}, Headers: Headers{Response: ops{Set: lines{"x-a": "1"}}}},
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
	for want, m := range map[string]StringMatch{
		"any": {}, `exact "a"`: Exact("a"), `prefix "/a\n"`: Prefix("/a\n"), `regex "a+"`: Regex("a+"),
	} {
		require.Equal(t, want, m.String())
	}
}
