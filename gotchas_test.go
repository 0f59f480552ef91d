package gateway_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec/istio"
)

// shop returns a VirtualService for every host with these routes, as YAML.
func shop(routes string) string {
	return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  http:
` + indent(routes, "  ")
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n"+by) + "\n"
}

const to = "route: [{destination: {host: a}}]"

// An ask is a request and its outcome.
type ask struct {
	// request is the request line without version, then headers, line by line. A
	// line "drawn N" is the random number, "tls NAME" a TLS connection, and "port
	// N" the port of the request.
	request string
	// want is "a /path" if the backend a got that path, followed by the headers of
	// the row, or the status, location and body of an answer.
	want string
}

// A gotcha is surprising behavior of Istio's gateway.
type gotcha struct {
	number int
	name   string
	yaml   string
	// sees are the request headers that backends report.
	sees []string
	// answers are the response headers of the row.
	answers []string
	trusted int
	asks    []ask
	// refused is why the configuration does not build.
	refused string
}

var gotchas = []gotcha{
	{1, "a rewritten prefix is text", shop("- match: [{uri: {prefix: /products}}]\n  rewrite: {uri: /}\n  " + to), nil, nil, 0,
		[]ask{{"GET /products/1", "a //1"}}, ""},
	{2, "a prefix is text", shop("- match: [{uri: {prefix: /foo}}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /foobar", "a /foobar"}, {"GET /fo", "404"}}, ""},
	{3, "no match is the prefix /", shop("- rewrite: {uri: /v1}\n  " + to), nil, nil, 0,
		[]ask{{"GET /foo", "a /v1foo"}}, ""},
	{4, "a slash at the end is part of the prefix", shop("- match: [{uri: {prefix: /foo/}}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /foo", "404"}, {"GET /foo/", "a /foo/"}}, ""},
	{5, "a regex is for the whole path, without the query", shop("- match: [{uri: {regex: '/v[0-9]'}}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /v1/x", "404"}, {"GET /v1?x=1", "a /v1?x=1"}}, ""},
	{6, "ignoreUriCase has no effect on a regex", shop("- match: [{uri: {regex: /a}, ignoreUriCase: true}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /A", "404"}, {"GET /a", "a /a"}}, ""},
	{7, "the first rule wins", shop("- match: [{uri: {prefix: /}}]\n  " + to + "\n- match: [{uri: {exact: /admin}}]\n  route: [{destination: {host: b}}]"), nil, nil, 0,
		[]ask{{"GET /admin", "a /admin"}}, ""},
	{7, "across VirtualServices a bare / goes last", shop("- match: [{uri: {prefix: /}}]\n  "+to) + "---" +
		strings.Replace(shop("- match: [{uri: {exact: /admin}}]\n  route: [{destination: {host: b}}]"), "name: shop", "name: tail", 1), nil, nil, 0,
		[]ask{{"GET /admin", "b /admin"}, {"GET /other", "a /other"}}, ""},
	{8, "the first value of a parameter, not decoded", shop("- match: [{queryParams: {a: {exact: '2'}}}, {queryParams: {q: {exact: 'a b'}}}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /?a=1&a=2", "404"}, {"GET /?a=2&a=1", "a /?a=2&a=1"}, {"GET /?q=a%20b", "404"}}, ""},
	{9, "header lines are joined", shop("- match: [{headers: {x-a: {exact: '1,2'}}}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /\nX-A: 1\nX-A: 2", "a /"}, {"GET /\nX-A: 1", "404"}}, ""},
	{10, "a missing header counts as empty", shop("- match: [{withoutHeaders: {x-a: {exact: ''}}}]\n  " + to), nil, nil, 0,
		[]ask{{"GET /", "404"}, {"GET /\nX-A: 1", "a /"}, {"GET /\nX-A:", "404"}}, ""},
	{11, "the port counts for authority and not for the host", strings.Replace(shop("- match: [{authority: {exact: shop.com}}]\n  "+to+
		"\n- route: [{destination: {host: b}}]"), `["*"]`, "[shop.com]", 1), nil, nil, 0,
		[]ask{{"GET /\nHost: shop.com:8080", "b /"}, {"GET /\nHost: shop.com", "a /"}}, ""},
	{12, "a virtual host without a route is no reason to try another", strings.Replace(shop("- match: [{uri: {prefix: /x}}]\n  "+to), `["*"]`, "[a.com]", 1) + "---" +
		strings.Replace(shop("- route: [{destination: {host: b}}]"), "name: shop", "name: all", 1), nil, nil, 0,
		[]ask{{"GET /y\nHost: a.com", "404"}, {"GET /x\nHost: a.com", "a /x"}, {"GET /y\nHost: b.com", "b /y"}}, ""},
	{13, "a wildcard stands for a label or more", strings.Replace(shop("- "+to), `["*"]`, `["*.example.com"]`, 1), nil, nil, 0,
		[]ask{{"GET /\nHost: example.com", "404"}, {"GET /\nHost: a.b.example.com", "a /"}}, ""},
	{14, "a host of another server is not reached", twoServers, nil, nil, 0,
		[]ask{
			{"GET /\nHost: b.example.com\nport 443\ntls a.example.com", "404"}, {"GET /\nHost: a.example.com\nport 443\ntls a.example.com", "a /"},
			{"GET /\nHost: a.example.com\nport 443\ntls c.example.com", "no filter chain for this server name"},
		}, ""},
	{15, "httpsRedirect keeps the port and wins", redirecting, nil, nil, 0,
		[]ask{{"GET /x?y=1\nHost: a.com:8080", "301 https://a.com:8080/x?y=1"}, {"POST /\nHost: a.com", "301 https://a.com/"}}, ""},
	{16, "a stranger cannot say that it speaks TLS", redirecting, nil, nil, 0,
		[]ask{{"GET /\nHost: a.com\nX-Forwarded-Proto: https", "301 https://a.com/"}}, ""},
	{16, "a trusted proxy can", redirecting, nil, nil, 1,
		[]ask{{"GET /\nHost: a.com\nX-Forwarded-Proto: https", "200"}}, ""},
	{17, "a client's control headers are gone", shop("- " + to), []string{"x-envoy-retry-on", "x-envoy-upstream-rq-timeout-ms"}, nil, 0,
		[]ask{{"GET /\nX-Envoy-Retry-On: 5xx\nX-Envoy-Upstream-Rq-Timeout-Ms: 1", "a /"}}, ""},
	{18, "dot segments go, slashes stay", shop("- match: [{uri: {prefix: /admin}}]\n  route: [{destination: {host: b}}]\n- " + to), nil, nil, 0,
		[]ask{
			{"GET //admin", "a //admin"}, {"GET /admin%2F..", "b /admin%2F.."}, {"GET /a/../admin", "b /admin"}, {"GET /a/%2e%2e/admin", "b /admin"},
			{`GET /a\..\admin`, "b /admin"},
		}, ""},
	{19, "a redirect keeps the query, unless it has its own", shop("- match: [{uri: {prefix: /old}}]\n  redirect: {uri: /new}\n- redirect: {uri: '/new?z=9'}"), nil, nil, 0,
		[]ask{{"GET /old?q=1\nHost: a.com", "301 http://a.com/new?q=1"}, {"GET /x?q=1\nHost: a.com", "301 http://a.com/new?z=9"}}, ""},
	{20, "a redirect keeps the port", shop("- redirect: {scheme: https}"), nil, nil, 0,
		[]ask{{"GET /\nHost: a.com:8080", "301 https://a.com:8080/"}}, ""},
	{21, "weights need not sum to 100", shop("- route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}]"), nil, nil, 0,
		[]ask{{"GET /\ndrawn 0", "a /"}, {"GET /\ndrawn 1", "b /"}, {"GET /\ndrawn 2", "b /"}, {"GET /\ndrawn 3", "b /"}, {"GET /\ndrawn 4", "a /"}}, ""},
	{21, "one without a weight gets nothing", shop("- route: [{destination: {host: a}}, {destination: {host: b}, weight: 100}]"), nil, nil, 0,
		[]ask{{"GET /\ndrawn 0", "b /"}, {"GET /\ndrawn 99", "b /"}, {"GET /\ndrawn 100", "b /"}}, ""},
	{22, "one destination: its header stays", shop("- headers: {request: {remove: [x-a]}}\n  route: [{destination: {host: a}, headers: {request: {set: {x-a: '1'}}}}]"),
		[]string{"x-a"}, nil, 0, []ask{{"GET /", "a / x-a=1"}}, ""},
	{22, "two destinations: it is removed", shop("- headers: {request: {remove: [x-a]}}\n  route: [{destination: {host: a}, weight: 1, headers: {request: {set: {x-a: '1'}}}}, {destination: {host: b}}]"),
		[]string{"x-a"}, nil, 0, []ask{{"GET /", "a /"}}, ""},
	{23, "values are computed after removes, and empty ones are not sent", shop("- headers: {request: {remove: [x-a], set: {x-b: '%REQ(X-A)%', x-c: '%REQ(X-NONE)%'}}}\n  " + to),
		[]string{"x-a", "x-b", "x-c"}, nil, 0, []ask{{"GET /\nX-A: 1", "a /"}}, ""},
	{24, "response operations are for destinations, redirects and direct responses", shop(`
- match: [{uri: {prefix: /redirect}}]
  headers: {response: {set: {x-r: '1'}}}
  redirect: {uri: /}
- match: [{uri: {prefix: /direct}}]
  headers: {response: {set: {x-r: '1'}}}
  directResponse: {status: 404}
- match: [{uri: {prefix: /fault}}]
  headers: {response: {set: {x-r: '1'}}}
  fault: {abort: {httpStatus: 500, percentage: {value: 100}}}
  ` + to + `
- match: [{uri: {prefix: /missing}}]
  headers: {response: {set: {x-r: '1'}}}
  route: [{destination: {host: nowhere}}]
- match: [{uri: {prefix: /a}}]
  headers: {response: {set: {x-r: '1'}}}
  ` + to), nil, []string{"x-r"}, 0,
		[]ask{
			{"GET /redirect\nHost: a.com", "301 http://a.com/ x-r=1"}, {"GET /direct", "404 x-r=1"}, {"GET /fault", "500 fault filter abort"},
			{"GET /missing", "503"}, {"GET /a", "a /a x-r=1"}, {"GET /none", "404"},
		}, ""},
	{25, "a fault without a percentage never fires", shop("- fault: {abort: {httpStatus: 500}}\n  " + to), nil, nil, 0, []ask{{"GET /", "a /"}}, ""},
	{26, "a gRPC abort of an ordinary client is 200", shop("- fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}\n  " + to), nil, []string{"grpc-status", "grpc-message"}, 0,
		[]ask{{"GET /", "200 fault filter abort"}, {"POST /\nContent-Type: application/grpc", "200 grpc-status=14 grpc-message=fault filter abort"}}, ""},
	{28, "retryOn is not trimmed", shop("- retries: {attempts: 1, retryOn: '5xx, reset'}\n  " + to), nil, nil, 0, nil, `" reset"`},
	{28, "without the space it is fine", shop("- retries: {attempts: 1, retryOn: '5xx,reset'}\n  " + to), nil, nil, 0, []ask{{"GET /", "a /"}}, ""},
	{29, "a timeout of zero is refused", shop("- timeout: 0s\n  " + to), nil, nil, 0, nil, "timeout"},
	{30, "preflights", shop(`
- match: [{uri: {prefix: /any}}]
  corsPolicy: {allowOrigins: [{exact: "*"}], allowMethods: [GET]}
  ` + to + `
- corsPolicy: {allowOrigins: [{exact: https://a.com}], allowMethods: [GET]}
  ` + to), nil, []string{"access-control-allow-origin", "access-control-allow-methods"}, 0,
		[]ask{
			{"OPTIONS /\nOrigin: https://b.com\nAccess-Control-Request-Method: GET", "a /"},
			{"OPTIONS /\nOrigin: https://a.com\nAccess-Control-Request-Method: PUT", "200 access-control-allow-origin=https://a.com access-control-allow-methods=GET"},
			{"OPTIONS /any\nOrigin: https://b.com\nAccess-Control-Request-Method: GET", "200 access-control-allow-origin=https://b.com access-control-allow-methods=GET"},
		}, ""},
	{31, "a rule for one method never sees its preflight", shop("- match: [{method: {exact: POST}}]\n  corsPolicy: {allowOrigins: [{exact: '*'}]}\n  " + to), nil, nil, 0,
		[]ask{{"OPTIONS /\nOrigin: https://a.com\nAccess-Control-Request-Method: POST", "404"}}, ""},
	{32, "an unknown host is 503 without a body", shop("- route: [{destination: {host: nowhere}}]"), nil, nil, 0, []ask{{"GET /", "503"}}, ""},
	{32, "so is an unknown subset or port", shop("- match: [{uri: {prefix: /subset}}]\n  route: [{destination: {host: two.com, subset: v9, port: {number: 8080}}}]\n- route: [{destination: {host: two.com, port: {number: 1}}}]") + twoPorts,
		nil, nil, 0, []ask{{"GET /subset", "503"}, {"GET /port", "503"}}, ""},
	{33, "without a port, a service of two is asked for the gateway's", shop("- route: [{destination: {host: two.com}}]") + twoPorts, nil, nil, 0, []ask{{"GET /", "503"}}, ""},
	{34, "a name with a dot is not short", shop("- match: [{uri: {prefix: /dot}}]\n  route: [{destination: {host: reviews.default}}]\n- route: [{destination: {host: reviews}}]"), nil, nil, 0,
		[]ask{{"GET /dot", "503"}, {"GET /", "reviews /"}}, ""},
	{41, "the host stays unless it is rewritten", shop("- match: [{uri: {prefix: /b}}]\n  rewrite: {authority: b.com}\n  " + to + "\n- " + to), []string{"host"}, nil, 0,
		[]ask{{"GET /\nHost: A.com:80", "a / host=A.com:80"}, {"GET /b\nHost: a.com", "a /b host=b.com"}}, ""},
	{42, "one match in conflict takes the delegate's whole rule away", shop("- match: [{uri: {prefix: /api}}]\n  delegate: {name: own}\n- match: [{uri: {prefix: /x}}]\n  delegate: {name: nobody}\n- route: [{destination: {host: b}}]") + `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: own}
spec:
  http:
  - match: [{uri: {prefix: /api/v1}}, {uri: {prefix: /web}}]
    route: [{destination: {host: a}}]
  - match: [{uri: {prefix: /api/v2}}]
    route: [{destination: {host: a}}]
`, nil, nil, 0, []ask{{"GET /api/v1", "b /api/v1"}, {"GET /api/v2", "a /api/v2"}, {"GET /x", "b /x"}}, ""},
	{50, "a server that shares one host is dropped with all of its hosts", `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: first}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.com], tls: {httpsRedirect: true}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: second}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.com, b.com], tls: {httpsRedirect: true}}]
`, nil, nil, 0, []ask{{"GET /\nHost: a.com", "301 https://a.com/"}, {"GET /\nHost: b.com", "404"}}, ""},
}

const twoServers = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  servers:
  - {port: {number: 443, name: a, protocol: HTTPS}, hosts: [a.example.com], tls: {mode: SIMPLE, credentialName: a}}
  - {port: {number: 443, name: b, protocol: HTTPS}, hosts: [b.example.com], tls: {mode: SIMPLE, credentialName: b}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [a.example.com, b.example.com]
  gateways: [gw]
  http:
  - route: [{destination: {host: a}}]
`

const redirecting = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"], tls: {httpsRedirect: true}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  gateways: [gw]
  http:
  - directResponse: {status: 200}
`

const twoPorts = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: two}
spec:
  hosts: [two.com]
  resolution: STATIC
  location: MESH_EXTERNAL
  ports: [{number: 8080, name: http, protocol: HTTP}, {number: 9090, name: http-2, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1}]
`

func TestGotchas(t *testing.T) {
	for _, g := range gotchas {
		t.Run(fmt.Sprintf("%d %s", g.number, g.name), func(t *testing.T) {
			var drawn uint64
			b := gateway.New().Semantics(gateway.Envoy).Load(istio.Text(g.yaml)).TrustedProxies(g.trusted).Random(func() uint64 { return drawn })
			for _, name := range []string{"a", "b", "reviews"} {
				b.Backend(name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					fmt.Fprintf(w, "%s %s", name, r.RequestURI)
					for _, header := range g.sees {
						lines := r.Header.Values(header)
						if header == "host" {
							lines = []string{r.Host}
						}
						if len(lines) > 0 {
							fmt.Fprintf(w, " %s=%s", header, strings.Join(lines, "|"))
						}
					}
				}))
			}
			gw, err := b.Build()
			if g.refused != "" {
				require.ErrorContains(t, err, g.refused)
				return
			}
			require.NoError(t, err)
			defer gw.Close()
			for _, a := range g.asks {
				r, port := read(t, a.request, &drawn)
				var handler http.Handler = gw
				decide := gw.Decide
				if port != 0 {
					handler, decide = gw.Listener(port), gw.Listener(port).Decide
				}
				d := decide(r)
				if d.Kind == gateway.DecisionNoServer {
					require.Equal(t, a.want, d.Reason, a.request)
					continue
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				require.Equal(t, a.want, answered(w, g.answers), a.request)
			}
		})
	}
}

// read returns the request of an ask, and its port.
func read(t *testing.T, text string, drawn *uint64) (r *http.Request, port int) {
	t.Helper()
	line, rest, _ := strings.Cut(text, "\n")
	raw := line + " HTTP/1.1\r\n"
	var server string
	*drawn = 0
	for header := range strings.SplitSeq(rest, "\n") {
		if _, err := fmt.Sscanf(header, "drawn %d", drawn); err == nil {
			continue
		}
		if _, err := fmt.Sscanf(header, "port %d", &port); err == nil {
			continue
		}
		if name, ok := strings.CutPrefix(header, "tls "); ok {
			server = name
			continue
		}
		if header != "" {
			raw += header + "\r\n"
		}
	}
	if !strings.Contains(raw, "Host: ") {
		raw += "Host: any.com\r\n"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n")))
	require.NoError(t, err)
	r.RemoteAddr = "192.0.2.1:1234"
	if server != "" {
		r.TLS = &tls.ConnectionState{ServerName: server, HandshakeComplete: true}
	}
	return r, port
}

// answered describes an answer.
func answered(w *httptest.ResponseRecorder, headers []string) string {
	text := w.Body.String()
	if w.Code != 200 || strings.Count(text, "/") == 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Header().Get("Location")+" "+text)))
	}
	for _, header := range headers {
		if value := w.Header().Get(header); value != "" {
			text += " " + header + "=" + value
		}
	}
	return text
}
