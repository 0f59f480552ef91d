package change_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec/istio"
)

func loaded(t testing.TB, text string) *gateway.Gateway {
	t.Helper()
	gw, err := gateway.New().Load(istio.Reader("test.yaml", strings.NewReader(text))).Build()
	require.NoError(t, err, text)
	t.Cleanup(func() { _ = gw.Close() })
	return gw
}

// service returns a VirtualService for shop.test with some routes in YAML. A line without
// a dash is the destination of the route before.
func service(routes string) string { return named("shop", "shop.test", routes) }

func named(name, hosts, routes string) string {
	return fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s}
spec:
  hosts: [%s]
  http:
%s
---
`, name, hosts, strings.Trim(routes, "\n"))
}

// summary returns the changes as short lines.
func summary(c inspect.Changes) []string {
	out := []string{}
	for _, s := range c.Servers {
		out = append(out, strings.TrimSpace(fmt.Sprintf("server %s %s %s: %s -> %s", s.Kind, s.Listener, strings.Join(s.Names, ","), s.Old, s.New)))
	}
	for _, h := range c.Hosts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("host %s %s %s", h.Kind, h.Host, h.Instead)))
	}
	for _, r := range c.Requests {
		var what []string
		for _, d := range r.Differences {
			what = append(what, fmt.Sprintf("%s [%s] -> [%s]", d.Name, d.Old, d.New))
		}
		line := fmt.Sprintf("%s %s: %s", r.Kind, r.Witness.String(), strings.Join(what, ", "))
		if r.More > 0 {
			line += fmt.Sprintf(" (%d more)", r.More)
		}
		out = append(out, line)
	}
	for _, u := range c.Unproved {
		out = append(out, fmt.Sprintf("unproved %s | %s: %s", u.Old, u.New, u.Reason))
	}
	return out
}

const (
	toA = "route: [{destination: {host: a, port: {number: 80}}}]"
	toB = "route: [{destination: {host: b, port: {number: 80}}}]"
)

func route(match, action string) string {
	if match == "" {
		return "  - " + action + "\n"
	}
	return "  - match: " + match + "\n    " + action + "\n"
}

// TestEdits has edits and what they change. The first route of most is /a, the last one
// all else.
func TestEdits(t *testing.T) {
	base := service(route("[{uri: {prefix: /a}}]", toA) + route("", toB))
	timed := func(d string) string { return toA + "\n    timeout: " + d }
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"nothing", base, base, nil},
		{"the name of a resource", base, named("other", "shop.test", route("[{uri: {prefix: /a}}]", toA)+route("", toB)), nil},
		{"the name of a route", base, service("  - name: x\n    match: [{name: z, uri: {prefix: /a}}]\n    " + toA + "\n" + route("", toB)), nil},
		{"a route that nobody reaches", base, service(route("[{uri: {prefix: /a}}]", toA) + route("[{uri: {prefix: /a/b}}]", toB) + route("", toB)), nil},
		{"a route with the answer of the next", base, service(route("[{uri: {prefix: /a}}]", toA) + route("[{uri: {prefix: /c}}]", toB) + route("", toB)), nil},
		{"a route that splits in two", base, service(route("[{uri: {prefix: /a/}}, {uri: {exact: /a}}, {uri: {prefix: /a}}]", toA) + route("", toB)), nil},
		{"a route that splits in two, without a part", base, service(route("[{uri: {prefix: /a/}}, {uri: {exact: /a}}]", toA) + route("", toB)), []string{
			"changed GET http://shop.test/a1: destination [a:80] -> [b:80]",
		}},
		{"order of routes without a request in common",
			service(route("[{uri: {prefix: /a}}]", toA) + route("[{uri: {prefix: /b}}]", toB)),
			service(route("[{uri: {prefix: /b}}]", toB) + route("[{uri: {prefix: /a}}]", toA)), nil},
		{"order of routes apart by a header",
			service(route("[{headers: {x: {exact: '1'}}}]", toA) + route("[{headers: {x: {exact: '2'}}}]", toB)),
			service(route("[{headers: {x: {exact: '2'}}}]", toB) + route("[{headers: {x: {exact: '1'}}}]", toA)), nil},
		{"order of routes with a request in common",
			service(route("[{uri: {prefix: /a}}]", toA) + route("[{uri: {prefix: /a/b}}]", toB)),
			service(route("[{uri: {prefix: /a/b}}]", toB) + route("[{uri: {prefix: /a}}]", toA)), []string{
				"changed GET http://shop.test/a/b: destination [a:80] -> [b:80]",
			}},
		{"a condition on a header", base, service(route("[{uri: {prefix: /a}, headers: {x-user: {exact: tom}}}]", toA) + route("", toB)), []string{
			"changed GET http://shop.test/a: destination [a:80] -> [b:80]",
			"changed GET http://shop.test/ -H 'connection: x-user': refused [] -> [connection: x-user]",
		}},
		{"a condition on a parameter, and no other answer", base, service(route("[{uri: {prefix: /a}, queryParams: {'a b': {exact: x}}}, {uri: {prefix: /a}}]", toA) + route("", toB)), []string{
			"changed GET 'http://shop.test/?a+b=1&a+b=1': refused [] -> [?a+b=1&a+b=1]",
		}},
		{"a condition on another parameter, and no other answer", service(route("[{uri: {prefix: /a}, queryParams: {p: {exact: x}}}, {uri: {prefix: /a}}]", toA)), service(route("[{uri: {prefix: /a}, queryParams: {q: {exact: x}}}, {uri: {prefix: /a}}]", toA)), []string{
			"changed GET 'http://shop.test/?p=1&p=1': refused [?p=1&p=1] -> []",
			"changed GET 'http://shop.test/?q=1&q=1': refused [] -> [?q=1&q=1]",
		}},
		{"another condition on the same parameter, and no other answer", service(route("[{uri: {prefix: /a}, queryParams: {p: {exact: x}}}, {uri: {prefix: /a}}]", toA)), service(route("[{uri: {prefix: /a}, queryParams: {p: {exact: z}}}, {uri: {prefix: /a}}]", toA)), nil},
		{"a condition on a header of the connection, and no other answer", base, service(route("[{uri: {prefix: /a}, headers: {te: {exact: x}}}, {uri: {prefix: /a}}]", toA) + route("", toB)), nil},
		{"a condition less", service(route("[{uri: {prefix: /a}, method: {exact: POST}}]", toA) + route("", toB)), base, []string{
			"changed GET http://shop.test/a: destination [b:80] -> [a:80]",
		}},
		{"a narrower prefix", base, service(route("[{uri: {prefix: /a/}}]", toA) + route("", toB)), []string{
			"changed GET http://shop.test/a: destination [a:80] -> [b:80]",
		}},
		{"a new route inside an old one", base, service(route("[{uri: {exact: /a/x}}]", toB) + route("[{uri: {prefix: /a}}]", toA) + route("", toB)), []string{
			"changed GET http://shop.test/a/x: destination [a:80] -> [b:80]",
		}},
		{"a regex for a prefix", base, service(route("[{uri: {regex: '/a.*'}}]", toA) + route("", toB)), nil},
		{"a regex for a part of a prefix", base, service(route("[{uri: {regex: '/a[0-9]+'}}]", toA) + route("", toB)), []string{
			"changed GET http://shop.test/a: destination [a:80] -> [b:80]",
		}},
		{"a route less", service(route("[{uri: {prefix: /a}}]", toA)), service(route("[{uri: {prefix: /b}}]", toA)), []string{
			"removed GET http://shop.test/a: answer [a:80] -> [404]",
			"added GET http://shop.test/b: answer [404] -> [a:80]",
		}},
		{"shares", service(route("", "route: [{destination: {host: a, port: {number: 80}}, weight: 90}, {destination: {host: b, port: {number: 80}}, weight: 10}]")),
			service(route("", "route: [{destination: {host: a, port: {number: 80}}, weight: 80}, {destination: {host: b, port: {number: 80}}, weight: 20}]")), []string{
				"changed GET http://shop.test/: destination [90% a:80, 10% b:80] -> [80% a:80, 20% b:80]",
			}},
		{"weights with the same shares", service(route("", "route: [{destination: {host: a, port: {number: 80}}, weight: 50}, {destination: {host: b, port: {number: 80}}, weight: 50}]")),
			service(route("", "route: [{destination: {host: b, port: {number: 80}}, weight: 1}, {destination: {host: a, port: {number: 80}}, weight: 1}]")), nil},
		{"a weight of a single destination", base, service(route("[{uri: {prefix: /a}}]", "route: [{destination: {host: a, port: {number: 80}}, weight: 7}]") + route("", toB)), nil},
		{"a timeout", base, service(route("[{uri: {prefix: /a}}]", timed("2s")) + route("", toB)), []string{
			"changed GET http://shop.test/a: timeout [] -> [2s]",
		}},
		{"a timeout in another unit", service(route("", timed("2s"))), service(route("", timed("2000ms"))), nil},
		{"the default of retries, written", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    retries: {attempts: 2}") + route("", toB)), []string{
			// Native semantics repeat broken reads only by default.
			"changed GET http://shop.test/a: retries [2 on cancelled,connect-failure,refused-stream,unavailable, repeats broken reads] -> [2 on cancelled,connect-failure,refused-stream,unavailable]",
		}},
		{"retries in another order", service(route("", toA+"\n    retries: {attempts: 2, retryOn: '5xx,reset'}")), service(route("", toA+"\n    retries: {attempts: 2, retryOn: 'reset,5xx'}")), nil},
		{"a rewrite", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    rewrite: {uri: /x}") + route("", toB)), []string{
			"changed GET http://shop.test/a: path [/a] -> [/x]",
		}},
		{"a rewrite to the same", base, service(route("[{uri: {exact: /a}}]", toA+"\n    rewrite: {uri: /a}") + route("[{uri: {prefix: /a}}]", toA) + route("", toB)), nil},
		{"a rewrite under another match", service(route("[{uri: {prefix: /a}}]", toA+"\n    rewrite: {uri: /x}")), service(route("[{uri: {regex: '/a.*'}}]", toA+"\n    rewrite: {uri: /x}")), []string{
			"changed GET http://shop.test/a/1: path [/x/1] -> [/x]",
		}},
		{"a longer prefix with the same rewrite", service(route("[{uri: {prefix: /cart/}}]", toA+"\n    rewrite: {uri: /}") + route("", toB)),
			service(route("[{uri: {prefix: /cart}}]", toA+"\n    rewrite: {uri: /}") + route("", toB)), []string{
				"changed GET http://shop.test/cart: destination [b:80] -> [a:80], path [/cart] -> [/]",
			}},
		{"a rewrite with a slash more", service(route("[{uri: {prefix: /cart/}}]", toA+"\n    rewrite: {uri: /x}")),
			service(route("[{uri: {prefix: /cart/}}]", toA+"\n    rewrite: {uri: /x/}")), nil},
		{"a rewrite with a slash more, of a prefix without", service(route("[{uri: {prefix: /cart}}]", toA+"\n    rewrite: {uri: /x}")),
			service(route("[{uri: {prefix: /cart}}]", toA+"\n    rewrite: {uri: /x/}")), []string{
				"changed GET http://shop.test/cart: path [/x] -> [/x/]",
			}},
		{"a header set", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    headers: {request: {set: {x-a: '1'}}}") + route("", toB)), []string{
			"changed GET http://shop.test/a: request header [] -> [set x-a: 1]",
		}},
		{"a header set where it is already", service(route("[{headers: {x-a: {exact: '1'}}}]", toA)), service(route("[{headers: {x-a: {exact: '1'}}}]", toA+"\n    headers: {request: {set: {x-a: '1'}}}")), nil},
		{"a header removed", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    headers: {request: {remove: [x-a]}}") + route("", toB)), []string{
			"changed GET http://shop.test/a -H 'x-a: 1': request header [] -> [remove x-a]",
		}},
		{"a header moved to the destination", service(route("", toA+"\n    headers: {response: {set: {x-a: '1'}}}")),
			service(route("", "route: [{destination: {host: a, port: {number: 80}}, headers: {response: {set: {x-a: '1'}}}}]")), nil},
		{"a redirect for a route", base, service(route("[{uri: {prefix: /a}}]", "redirect: {uri: /b}") + route("", toB)), []string{
			`changed GET http://shop.test/a: answer [a:80] -> [redirect 301 to path "/b"]`,
		}},
		{"a body", service(route("", "directResponse: {status: 200, body: {string: one}}")), service(route("", "directResponse: {status: 200, body: {string: two}}")), []string{
			`changed GET http://shop.test/: answer [respond 200 "one"] -> [respond 200 "two"]`,
		}},
		{"a fault that never happens", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    fault: {abort: {httpStatus: 500}}") + route("", toB)), nil},
		{"a fault", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    fault: {abort: {httpStatus: 500, percentage: {value: 5}}}") + route("", toB)), []string{
			"changed GET http://shop.test/a: fault [] -> [abort 5% with 500]",
		}},
		{"a mirror", base, service(route("[{uri: {prefix: /a}}]", toA+"\n    mirror: {host: b, port: {number: 80}}\n    mirrorPercentage: {value: 10}") + route("", toB)), []string{
			"changed GET http://shop.test/a: mirror [] -> [10% to b:80]",
		}},
		{"another host", base, named("shop", "www.shop.test", route("[{uri: {prefix: /a}}]", toA)+route("", toB)), []string{
			"host removed shop.test", "host added www.shop.test",
			"removed GET http://shop.test/a: answer [a:80] -> [404] (1 more)",
			"added GET http://www.shop.test/a: answer [404] -> [a:80] (1 more)",
		}},
		{"a host that a wildcard serves in the same way", named("shop", `"*.test"`, route("", toA)), named("shop", `"*.test"`, route("", toA)) + named("x", "a.test", route("", toA)), []string{
			"host added a.test *.test",
		}},
		{"a host that a wildcard serves", named("shop", `"*.test"`, route("", toA)), named("shop", `"*.test"`, route("", toA)) + named("x", "a.test", route("", toB)), []string{
			"host added a.test *.test", "changed GET http://a.test/: destination [a:80] -> [b:80]",
		}},
		{"many hosts", named("shop", `a.test, b.test, c.test, "*.d.test"`, route("", toA)), named("shop", `a.test, b.test, c.test, "*.d.test"`, route("", toB)), []string{
			"changed GET http://a.test/: destination [a:80] -> [b:80] (3 more)",
		}},
		{"a delegate",
			service("  - match: [{uri: {prefix: /a}}]\n    delegate: {name: d}\n"+route("", toB)) + delegate(route("[{uri: {prefix: /a/x}}]", toA)),
			service("  - match: [{uri: {prefix: /a}}]\n    delegate: {name: d}\n"+route("", toB)) + delegate(route("[{uri: {prefix: /a/x}}, {uri: {prefix: /a/y}}]", toA)), []string{
				"changed GET http://shop.test/a/y: destination [b:80] -> [a:80]",
			}},
		{"a delegate for a route", base,
			service("  - match: [{uri: {prefix: /a}}]\n    delegate: {name: d}\n"+route("", toB)) + delegate(route("", toA)), nil},
		{"a limit", base + limit(5), base + limit(6), []string{
			"changed GET http://shop.test/a: rate limit [5 per 1s] -> [6 per 1s] (1 more)",
		}},
		{"a policy of a destination", base, base + rule("{loadBalancer: {simple: RANDOM}}"), []string{
			"changed GET http://shop.test/a: policy of a:80 [] -> [balance RANDOM]",
		}},
		{"the default as a policy", base, base + rule("{loadBalancer: {simple: LEAST_REQUEST}}"), nil},
		{"endpoints", base + entry("10.0.0.1"), base + entry("10.0.0.2"), []string{
			"changed GET http://shop.test/a: endpoints of a:80 [STATIC 10.0.0.1:80] -> [STATIC 10.0.0.2:80]",
		}},
		{"a subset that is not there", base, service(route("[{uri: {prefix: /a}}]", "route: [{destination: {host: a, port: {number: 80}, subset: v2}}]") + route("", toB)), []string{
			"changed GET http://shop.test/a: destination [a:80] -> [a:80/v2], backend of a:80/v2 [] -> [503: there is no subset v2]",
		}},
		{"servers", base + server("HTTP", "shop.test", "") + bound, base + server("HTTP", "shop.test", "{httpsRedirect: true}") + bound, []string{
			"changed GET http://shop.test:81/: answer [b:80] -> [redirect 301 to https]",
		}},
		{"a port", base + server("HTTP", "shop.test", ""), base + server("HTTP", "shop.test", "") + server2, []string{
			"server added 0.0.0.0_82 :  -> plain text without hosts",
		}},
		{"TLS of a server", base + server("HTTPS", "shop.test", "{mode: SIMPLE, credentialName: a}"), base + server("HTTPS", "shop.test", "{mode: SIMPLE, credentialName: b}"), []string{
			`server changed 0.0.0.0_81 shop.test: tls SIMPLE credential "a" -> tls SIMPLE credential "b"`,
		}},
		{"a name of a TLS server", base + server("HTTPS", "shop.test, www.test", "{mode: SIMPLE, credentialName: a}"), base + server("HTTPS", "shop.test", "{mode: SIMPLE, credentialName: a}"), []string{
			`server removed 0.0.0.0_81 www.test: tls SIMPLE credential "a" ->`,
		}},
		{"plain text to TLS", base + server("HTTP", "shop.test", ""), base + server("HTTPS", "shop.test", "{mode: SIMPLE, credentialName: a}"), []string{
			"server changed 0.0.0.0_81 : plain text without hosts -> TLS without hosts",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := loaded(t, c.old).Changes(loaded(t, c.new), inspect.Comparing{})
			var got []string
			for _, line := range summary(changes) {
				got = append(got, strings.ReplaceAll(line, ".default.svc.cluster.local", ""))
			}
			require.Equal(t, c.want, got)
			require.True(t, changes.Proved)
			require.Equal(t, len(c.want) == 0, changes.Empty())
			back := loaded(t, c.new).Changes(loaded(t, c.old), inspect.Comparing{})
			require.Equal(t, len(c.want) == 0, back.Empty(), "back: %v", summary(back))
		})
	}
}

func delegate(routes string) string {
	return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: d}\nspec:\n  http:\n" + routes + "---\n"
}

func limit(n int) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1alpha3\nkind: RateLimitConfig\nmetadata: {name: l}\nspec:\n  targetRefs: [{kind: VirtualService, name: shop}]\n  limits: [{requestsPerUnit: %d, unit: SECOND}]\n---\n", n)
}

func rule(policy string) string {
	return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: a, trafficPolicy: " + policy + "}\n---\n"
}

func entry(address string) string {
	return "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {hosts: [a.default.svc.cluster.local], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: " + address + "}]}\n---\n"
}

// bound is a VirtualService at the server.
const bound = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bound}
spec: {hosts: [shop.test], gateways: [g], http: [{route: [{destination: {host: b, port: {number: 80}}}]}]}
---
`

func server(protocol, hosts, tls string) string {
	if tls != "" {
		tls = ", tls: " + tls
	}
	return "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {servers: [{port: {number: 81, name: p, protocol: " + protocol + "}, hosts: [" + hosts + "]" + tls + "}]}\n---\n"
}

const server2 = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: h}
spec: {servers: [{port: {number: 82, name: p, protocol: HTTP}, hosts: [shop.test]}]}
---
`
