package validate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// matching is a row for a route with one match.
func matching(name string, m spec.Match, want ...string) routeRow {
	return forwarding(name, spec.Route{Match: []spec.Match{m}}, want...)
}

func TestValidateURI(t *testing.T) {
	long := "/" + strings.Repeat("a", 1023)
	runRoutes(t, Options{}, []routeRow{
		matching("exact", spec.Match{URI: spec.Exact("/a")}),
		matching("any prefix", spec.Match{URI: spec.Prefix("")}),
		matching("a star at the end of a prefix", spec.Match{URI: spec.Prefix("/a/*")}, `warning match[0].uri: prefix "/a/*" matches the character *: it is not a wildcard; did you mean "/a/"?`),
		matching("a star in a path", spec.Match{URI: spec.Exact("/a/*/b")}, `warning match[0].uri: exact "/a/*/b" matches the character *: it is not a wildcard`),
		matching("a regex without slash", spec.Match{URI: spec.Regex("a/.*")}, `warning match[0].uri: regex "a/.*" matches no request: it is compared with the whole path, which begins with /`),
		matching("a regex that may begin with a slash", spec.Match{URI: spec.Regex("(a|/b).*")}),
		matching("a prefix without letter case", spec.Match{URI: spec.Prefix("/a"), IgnoreURICase: true}),
		matching("a regex of 1024 bytes", spec.Match{URI: spec.Regex(long)}),
		matching("a regex of 1025 bytes", spec.Match{URI: spec.Regex(long + "a")},
			`error match[0].uri.regex: "`+long[:60]+`"… is an expression of 1025 bytes, at most 1024 are allowed`),
		matching("an empty regex", spec.Match{URI: spec.Regex("")}, `error match[0].uri.regex: "" is an empty expression`),
		matching("a broken regex", spec.Match{URI: spec.Regex("/a(")}, `error match[0].uri.regex: "/a(" is not a valid RE2 expression: missing closing ): "/a("`),
		matching("a regex with its own flag", spec.Match{URI: spec.Regex("(?i)/a")}),
		matching("a regex cannot ignore letter case from outside", spec.Match{URI: spec.Regex("/a"), IgnoreURICase: true},
			`warning match[0].ignoreUriCase: has no effect on a regex: write (?i) in the expression`),
		matching("no slash", spec.Match{URI: spec.Prefix("a")}, `warning match[0].uri: prefix "a" matches no request: a path begins with /`),
		matching("no path at all", spec.Match{URI: spec.Exact("")}, `warning match[0].uri: exact "" matches no request: a path begins with /`),
		matching("a query", spec.Match{URI: spec.Exact("/a?b=c")}, `warning match[0].uri: exact "/a?b=c" matches no request: a path is compared without query and fragment`),
		matching("no kind", spec.Match{URI: spec.StringMatch{Kind: 9, Value: "x"}}, `error match[0].uri: 9 is not a kind of match`),
	})
}

func TestValidateRequestLine(t *testing.T) {
	runRoutes(t, Options{}, []routeRow{
		matching("GET", spec.Match{Method: spec.Exact("GET")}),
		matching("a method of one's own", spec.Match{Method: spec.Exact("brew")}),
		matching("get", spec.Match{Method: spec.Exact("get")}, `warning match[0].method: exact "get" matches no request: methods are case-sensitive; did you mean "GET"?`),
		matching("an empty prefix of a method", spec.Match{Method: spec.Prefix("")}, `error match[0].method.prefix: the prefix is empty: omit it to require presence`),
		matching("https", spec.Match{Scheme: spec.Exact("https")}),
		matching("HTTPS", spec.Match{Scheme: spec.Exact("HTTPS")}, `warning match[0].scheme: exact "HTTPS" matches no request: a scheme is "http" or "https"`),
		matching("a prefix of a scheme", spec.Match{Scheme: spec.Prefix("h")}),
		matching("an authority with a port", spec.Match{Authority: spec.Exact("Shop.test:8080")}),
		matching("a broken regex of an authority", spec.Match{Authority: spec.Regex("*")},
			`error match[0].authority.regex: "*" is not a valid RE2 expression: missing argument to repetition operator: "*"`),
	})
}

func TestValidateHeaderConditions(t *testing.T) {
	headers := func(name string, m spec.StringMatch) spec.Match {
		return spec.Match{Headers: map[string]spec.StringMatch{name: m}}
	}
	without := func(name string, m spec.StringMatch) spec.Match {
		return spec.Match{WithoutHeaders: map[string]spec.StringMatch{name: m}}
	}
	runRoutes(t, Options{}, []routeRow{
		matching("presence", headers("x-a", spec.StringMatch{})),
		matching("empty and present", headers("x-a", spec.Exact(""))),
		matching("a pseudo-header", headers(":path", spec.Prefix("/a?"))),
		matching("a pseudo-header in capitals", headers(":METHOD", spec.Exact("GET"))),
		matching("no such pseudo-header", headers(":paht", spec.Exact("/")), `warning match[0].headers[:paht]: no request has a pseudo-header ":paht"; did you mean ":path"?`),
		matching("no token", headers("x a", spec.Exact("1")), `error match[0].headers[x a]: "x a" is not the name of a header`),
		matching("no name", headers("", spec.Exact("1")), `error match[0].headers[]: the name of a header is missing`),
		matching("a lone colon", headers(":", spec.Exact("1")), `error match[0].headers[:]: ":" is not the name of a header`),
		matching("an empty prefix", headers("x-a", spec.Prefix("")), `error match[0].headers[x-a].prefix: the prefix is empty: omit it to require presence`),
		matching("an empty regex", headers("x-a", spec.Regex("")), `error match[0].headers[x-a].regex: "" is an empty expression`),
		matching("a star", headers("x-a", spec.Regex("*")), `error match[0].headers[x-a].regex: "*" is not a valid RE2 expression: missing argument to repetition operator: "*"`),
		matching("a star for absence", without("x-a", spec.Regex("*"))),
		matching("anything for absence", without("x-a", spec.Regex(".*")),
			`warning match[0].withoutHeaders[x-a]: is never true, so no request matches: .* also matches a missing header; write {} to require absence`),
		matching("something for absence", without("x-a", spec.Regex(".+"))),
		matching("an empty prefix for absence", without("x-a", spec.Prefix("")), `error match[0].withoutHeaders[x-a].prefix: the prefix is empty: omit it to require presence`),
		matching("a header named like a field", headers("method", spec.Exact("GET")),
			`warning match[0].headers[method]: compares a header named "method": to compare the request's own method, use the field next to headers`),
		matching("a claim", headers("@request.auth.claims.sub", spec.Exact("a")), `error match[0].headers[@request.auth.claims.sub]: routing by the claims of a token is not executed`),
		matching("a claim in capitals and brackets", without("@Request.Auth.Claims[sub]", spec.Exact("a")),
			`error match[0].withoutHeaders[@Request.Auth.Claims[sub]]: routing by the claims of a token is not executed`),
		matching("several, in order of their names", spec.Match{Headers: map[string]spec.StringMatch{"b b": {}, "a a": {}, "c": {}}},
			`error match[0].headers[a a]: "a a" is not the name of a header`, `error match[0].headers[b b]: "b b" is not the name of a header`),
	})
}

func TestValidateQueryConditions(t *testing.T) {
	query := func(name string, m spec.StringMatch) spec.Match {
		return spec.Match{QueryParams: map[string]spec.StringMatch{name: m}}
	}
	runRoutes(t, Options{}, []routeRow{
		matching("any name", query("a b[]", spec.Exact("x y"))),
		matching("presence", query("a", spec.StringMatch{})),
		matching("no name", query("", spec.Exact("1")), `error match[0].queryParams[]: the name of a query parameter is missing`),
		matching("an empty prefix", query("a", spec.Prefix("")), `error match[0].queryParams[a].prefix: the prefix is empty: omit it to require presence`),
		matching("a star", query("a", spec.Regex("*")), `error match[0].queryParams[a].regex: "*" is not a valid RE2 expression: missing argument to repetition operator: "*"`),
	})
}

func TestValidateServerAndSourceConditions(t *testing.T) {
	runRoutes(t, Options{}, []routeRow{
		matching("the server's port", spec.Match{Port: 80}),
		matching("no server's port", spec.Match{Port: 81}, `warning match[0].port: no server of the VirtualService's gateways has port 81: no request matches`),
		matching("no port", spec.Match{Port: 65536}, `error match[0].port: 65536 is not a port, 1 to 65535 is expected`),
		matching("a negative port", spec.Match{Port: -1}, `error match[0].port: -1 is not a port, 1 to 65535 is expected`),
		matching("its gateway", spec.Match{Gateways: []string{"default/gw", "./gw", "gw", "mesh", "*"}}),
		matching("no gateway", spec.Match{Gateways: []string{"gv"}}, `warning match[0].gateways[0]: there is no Gateway default/gv [IST0101]`),
		matching("no name of a gateway", spec.Match{Gateways: []string{"a/b/c"}},
			`error match[0].gateways[0]: "a/b/c" does not name a gateway: "name" or "namespace/name" is expected`),
		matching("source labels", spec.Match{SourceLabels: map[string]string{"app": "web"}},
			`warning match[0].sourceLabels: describes the gateway's own workload, never the client of a request`),
		matching("source labels beside gateways", spec.Match{SourceLabels: map[string]string{"app": "web"}, Gateways: []string{"gw"}},
			`warning match[0].sourceLabels: has no effect together with gateways`),
		matching("no labels", spec.Match{SourceLabels: map[string]string{"app": "*"}},
			`error match[0].sourceLabels[app]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`,
			`warning match[0].sourceLabels: describes the gateway's own workload, never the client of a request`),
		matching("a source namespace", spec.Match{SourceNamespace: "prod"}),
		matching("no namespace", spec.Match{SourceNamespace: "a.b"}, `error match[0].sourceNamespace: "a.b" is not the name of a namespace`),
	})
}

func TestMatchOnAGatewayThatIsNotBound(t *testing.T) {
	d := shop(spec.Route{Match: []spec.Match{{Gateways: []string{"other"}}}, Destinations: toCart})
	d.Servers = append(d.Servers, spec.Server{Gateway: "other", Port: 81, Hosts: []string{"*"}})
	require.Equal(t, []string{
		"warning VirtualService default/shop: http[0].match[0].gateways[0]: the VirtualService is not bound to Gateway default/other: no request matches there",
	}, validated(d, Options{}))
	d.VirtualServices[0].Gateways = []string{"*"}
	require.Empty(t, validated(d, Options{}))
}

func TestQuotedCutsBetweenCharacters(t *testing.T) {
	require.Equal(t, `"short"`, quoted("short"))
	require.Equal(t, `"`+strings.Repeat("a", 60)+`"`, quoted(strings.Repeat("a", 60)))
	require.Equal(t, `"`+strings.Repeat("a", 59)+`"…`, quoted(strings.Repeat("a", 59)+"äb"))
	require.NotEmpty(t, quoted(strings.Repeat("\x80", 100)))
}

func TestContradictions(t *testing.T) {
	both := func(with, without spec.StringMatch) spec.Match {
		return spec.Match{Headers: map[string]spec.StringMatch{"x-a": with}, WithoutHeaders: map[string]spec.StringMatch{"x-a": without}}
	}
	const never = "warning match[0].withoutHeaders[x-a]: excludes every request that headers requires, with "
	authority := func(m spec.StringMatch) spec.Match { return spec.Match{Authority: m} }
	const elsewhere = " matches no request: the VirtualService gets only requests for its hosts"
	runRoutes(t, Options{}, []routeRow{
		matching("present and absent", both(spec.StringMatch{}, spec.StringMatch{}), never+"any value: no request matches"),
		matching("a value and absent", both(spec.Exact("1"), spec.StringMatch{}), never+`exact "1": no request matches`),
		matching("a value and not it", both(spec.Exact("1"), spec.Exact("1")), never+`exact "1": no request matches`),
		matching("a value and not its prefix", both(spec.Exact("10"), spec.Prefix("1")), never+`exact "10": no request matches`),
		matching("a value and not a regex for it", both(spec.Exact("10"), spec.Regex("1.")), never+`exact "10": no request matches`),
		matching("a prefix and not a shorter one", both(spec.Prefix("10"), spec.Prefix("1")), never+`prefix "10": no request matches`),
		matching("a prefix and not a longer one", both(spec.Prefix("1"), spec.Prefix("10"))),
		matching("a prefix and not a value", both(spec.Prefix("1"), spec.Exact("10"))),
		matching("a value and not another", both(spec.Exact("1"), spec.Exact("2"))),
		matching("present and not a value", both(spec.StringMatch{}, spec.Exact("2"))),
		matching("two headers", spec.Match{Headers: map[string]spec.StringMatch{"x-a": {}}, WithoutHeaders: map[string]spec.StringMatch{"x-b": {}}}),

		matching("the host", authority(spec.Exact("shop.test"))),
		matching("the host with a port", authority(spec.Exact("shop.test:8080"))),
		matching("the host in upper case", authority(spec.Exact("Shop.test"))),
		matching("another host", authority(spec.Exact("cart.test")), `warning match[0].authority: exact "cart.test"`+elsewhere),
		matching("a part of the host", authority(spec.Prefix("shop."))),
		matching("the host and a part of the port", authority(spec.Prefix("shop.test:80"))),
		matching("a part of another host", authority(spec.Prefix("cart.")), `warning match[0].authority: prefix "cart."`+elsewhere),
		matching("more than the host", authority(spec.Prefix("shop.test.")), `warning match[0].authority: prefix "shop.test."`+elsewhere),
		matching("a regex is not judged", authority(spec.Regex("cart.*"))),
	})
}
