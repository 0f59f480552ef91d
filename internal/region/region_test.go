package region

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

func TestSolve(t *testing.T) {
	const none, gaveUp = "none", "gave up"
	type headers = map[string]spec.StringMatch
	exact, prefix, regex := spec.Exact, spec.Prefix, spec.Regex
	uri := func(m spec.StringMatch) spec.Match { return spec.Match{URI: m} }
	fold := func(m spec.StringMatch) spec.Match { return spec.Match{URI: m, IgnoreURICase: true} }
	present, everything := spec.StringMatch{}, spec.Match{}
	in := func(m ...spec.Match) []spec.Match { return m }
	every := func(before string, after ...string) []spec.Match {
		var out []spec.Match
		for c := rune(0x21); c < 0x7f; c++ {
			if pathForm(spec.NormalizeBase).allowed(c) {
				out = append(out, uri(prefix(before+string(c))))
			}
		}
		for _, text := range after {
			out = append(out, uri(exact(text)))
		}
		return out
	}
	for _, row := range []struct {
		name    string
		in, out []spec.Match
		want    string
	}{
		{"everything", in(everything), nil, "GET http://example.com/"},
		{"nothing is left of everything", in(everything), in(everything), none},
		{"an exact path", in(uri(exact("/a"))), nil, "GET http://example.com/a"},
		{"an exact path that is excluded", in(uri(exact("/a"))), in(uri(exact("/a"))), none},
		{"another exact path is excluded", in(uri(exact("/a"))), in(uri(exact("/b"))), "GET http://example.com/a"},
		{"two exact paths", in(uri(exact("/a")), uri(exact("/b"))), nil, none},
		{"a path that is never normal", in(uri(exact("/a/../b"))), nil, none},
		{"a prefix that is never normal", in(uri(prefix("/a/../b"))), nil, none},
		{"a prefix that can become normal", in(uri(prefix("/a/.."))), nil, "GET http://example.com/a/..1"},
		{"a path without a slash", in(uri(prefix("a"))), nil, none},
		{"a prefix", in(uri(prefix("/a"))), nil, "GET http://example.com/a"},
		{"a prefix without its exact path", in(uri(prefix("/a"))), in(uri(exact("/a"))), "GET http://example.com/a/1"},
		{"a prefix within a prefix", in(uri(prefix("/a/b"))), in(uri(prefix("/a"))), none},
		{"a prefix around a prefix", in(uri(prefix("/a"))), in(uri(prefix("/a/"))), "GET http://example.com/a"},
		{"a prefix around a prefix and a path", in(uri(prefix("/a"))), in(uri(prefix("/a/")), uri(exact("/a"))), "GET http://example.com/a1"},
		{"two prefixes", in(uri(prefix("/a")), uri(prefix("/a/b"))), nil, "GET http://example.com/a/b"},
		{"two prefixes beside each other", in(uri(prefix("/a")), uri(prefix("/b"))), nil, none},
		{"every way to go on is excluded", in(uri(prefix("/a"))), every("/a", "/a"), none},
		{"every way to go on but one", in(uri(prefix("/a"))), every("/a"), "GET http://example.com/a"},
		{"every way to go on but one character", in(uri(prefix("/a"))), every("/a", "/a")[1:], "GET 'http://example.com/a!'"},
		{"a dot segment is no way to go on", in(uri(prefix("/a/"))), append(every("/a/", "/a/"), uri(exact("/a/."))), none},
		{"letter case", in(fold(exact("/a"))), in(uri(exact("/a"))), "GET http://example.com/A"},
		{"letter case, all excluded", in(fold(exact("/a"))), in(uri(exact("/a")), uri(exact("/A"))), none},
		{"letter case of a prefix", in(uri(prefix("/AB"))), in(fold(prefix("/a"))), none},
		{"letter case of an escape", in(fold(exact("/%7euser"))), nil, none},
		{"letter case of an escape that stays", in(fold(exact("/%2fuser"))), in(uri(exact("/%2fuser"))), "GET http://example.com/%2fuseR"},
		{"a regex", in(uri(regex("/v[0-9]+/users/[^/]+"))), nil, "GET http://example.com/v1/users/1"},
		{"a regex within a prefix", in(uri(regex("/v[0-9]+/.*"))), in(uri(prefix("/v"))), none},
		{"a regex after a prefix", in(uri(regex("/(v|w)[0-9]+/.*"))), in(uri(prefix("/v"))), "GET http://example.com/w1/"},
		{"a prefix after its regex", in(uri(prefix("/v/"))), in(uri(regex("/v/.*"))), none},
		{"a prefix after a regex for more", in(uri(prefix("/v/"))), in(uri(regex("/v/.+"))), "GET http://example.com/v/"},
		{"regexes that cover together", in(uri(regex("/[a-c]"))), in(uri(regex("/[ab]")), uri(exact("/c"))), none},
		{"the whole value, not a part", in(uri(exact("/ab"))), in(uri(regex("/a"))), "GET http://example.com/ab"},
		{"alternatives at the ends", in(uri(exact("/ab"))), in(uri(regex("/a|b"))), "GET http://example.com/ab"},
		{"an escaped slash is no segment", in(uri(exact("/a%2Fb"))), in(uri(prefix("/a/"))), "GET http://example.com/a%2Fb"},

		{"a method", in(spec.Match{Method: exact("PUT")}), nil, "PUT http://example.com/"},
		{"a method that is no token", in(spec.Match{Method: exact("G T")}), nil, none},
		{"CONNECT has no path", in(spec.Match{Method: exact("CONNECT")}), nil, none},
		{"not GET", in(everything), in(spec.Match{Method: exact("GET")}), "POST http://example.com/"},
		{"no method that begins with P or G", in(everything), in(spec.Match{Method: regex("[GP].*")}), "DELETE http://example.com/"},
		{"no usual method", in(everything), in(spec.Match{Method: regex("[A-Z]+")}), "- http://example.com/"},
		{"https in plain text", in(spec.Match{Scheme: exact("https")}), nil, none},
		{"not http", in(everything), in(spec.Match{Scheme: exact("http")}), none},
		{"the scheme as a header", in(spec.Match{Headers: headers{"x-forwarded-proto": exact("https")}}), nil, none},
		{"the scheme as a header, http", in(spec.Match{Headers: headers{"x-forwarded-proto": exact("http")}}), nil, "GET http://example.com/"},

		{"a header", in(spec.Match{Headers: headers{"x": exact("v 1")}}), nil, `GET http://example.com/ -H 'x: v 1'`},
		{"a header with a space at its end", in(spec.Match{Headers: headers{"x": exact("v ")}}), nil, none},
		{"a header with a line end", in(spec.Match{Headers: headers{"x": exact("a\nb")}}), nil, none},
		{"a header that is present", in(spec.Match{Headers: headers{"x": present}}), nil, `GET http://example.com/ -H 'x: 1'`},
		{"a header that is present by a regex", in(spec.Match{Headers: headers{"x": regex("*")}}), nil, `GET http://example.com/ -H 'x: 1'`},
		{"present but not exact", in(spec.Match{Headers: headers{"x": present}}), in(spec.Match{Headers: headers{"x": exact("1")}}), `GET http://example.com/ -H 'x: true'`},
		{"exact is present", in(spec.Match{Headers: headers{"x": exact("1")}}), in(spec.Match{Headers: headers{"x": present}}), none},
		{"present is not exact", in(spec.Match{Headers: headers{"x": exact("1")}}), in(spec.Match{Headers: headers{"x": exact("2")}}), `GET http://example.com/ -H 'x: 1'`},
		{"another header", in(spec.Match{Headers: headers{"x": exact("1")}}), in(spec.Match{Headers: headers{"y": present}}), `GET http://example.com/ -H 'x: 1'`},
		{"with and without", in(spec.Match{Headers: headers{"x": present}, WithoutHeaders: headers{"x": present}}), nil, none},
		{"present, without one value", in(spec.Match{Headers: headers{"x": present}, WithoutHeaders: headers{"x": exact("1")}}), nil, `GET http://example.com/ -H 'x: true'`},
		{"without every value", in(spec.Match{WithoutHeaders: headers{"x": regex(".*")}}), nil, none},
		{"without every value but the empty one", in(spec.Match{WithoutHeaders: headers{"x": regex(".+")}}), nil, "GET http://example.com/"},
		{"a missing header is an empty one", in(spec.Match{WithoutHeaders: headers{"x": exact("")}}), nil, `GET http://example.com/ -H 'x: 1'`},
		{"one of both headers", in(everything), in(spec.Match{WithoutHeaders: headers{"x": present}}, spec.Match{Headers: headers{"x": present}}), none},
		{"one of two conditions", in(everything), in(spec.Match{WithoutHeaders: headers{"x": present, "y": present}}), `GET http://example.com/ -H 'x: 1'`},
		{"every pair of two conditions", in(everything), in(
			spec.Match{Headers: headers{"x": present, "y": present}}, spec.Match{Headers: headers{"x": present}, WithoutHeaders: headers{"y": present}},
			spec.Match{Headers: headers{"y": present}, WithoutHeaders: headers{"x": present}}, spec.Match{WithoutHeaders: headers{"x": present, "y": present}},
		), none},
		{"three of four pairs", in(everything), in(
			spec.Match{Headers: headers{"x": present}, WithoutHeaders: headers{"y": present}},
			spec.Match{Headers: headers{"y": present}, WithoutHeaders: headers{"x": present}}, spec.Match{WithoutHeaders: headers{"x": present, "y": present}},
		), `GET http://example.com/ -H 'x: 1' -H 'y: 1'`},
		{"a header that the gateway removes", in(spec.Match{Headers: headers{"x-envoy-internal": present}}), nil, none},
		{"without a header that the gateway removes", in(everything), in(spec.Match{WithoutHeaders: headers{"x-envoy-internal": present}}), none},
		{"the address of the client", in(spec.Match{Headers: headers{"x-forwarded-for": exact("10.0.0.1,10.0.0.2")}}), nil, `GET http://example.com/ -H 'x-forwarded-for: 10.0.0.1'`},
		{"not the address of the client", in(everything), in(spec.Match{Headers: headers{"x-forwarded-for": exact("192.0.2.1")}}), gaveUp},

		{"a query", in(spec.Match{QueryParams: headers{"debug": present}}), nil, "GET 'http://example.com/?debug=1'"},
		{"an empty parameter", in(spec.Match{QueryParams: headers{"debug": exact("")}}), nil, "GET 'http://example.com/?debug'"},
		{"a parameter without a name", in(spec.Match{QueryParams: headers{"": exact("1")}}), nil, "GET 'http://example.com/?=1'"},
		{"two parameters", in(spec.Match{QueryParams: headers{"a": exact("1"), "b": exact("2")}}), nil, "GET 'http://example.com/?a=1&b=2'"},
		{"a parameter with &", in(spec.Match{QueryParams: headers{"a": exact("1&2")}}), nil, none},
		{"a name with =", in(spec.Match{QueryParams: headers{"a=": present}}), nil, none},
		{"a query and a header of the same name", in(spec.Match{QueryParams: headers{"a": exact("1")}}), in(spec.Match{Headers: headers{"a": exact("1")}}), "GET 'http://example.com/?a=1'"},
		{"the path and the query", in(spec.Match{Headers: headers{":path": exact("/a?b=c")}}), nil, "GET 'http://example.com/a?b=c'"},
		{"the path and the query after the path", in(spec.Match{URI: prefix("/a"), Headers: headers{":path": regex(".*")}}), nil, "GET http://example.com/a"},

		{"an authority", in(spec.Match{Authority: exact("shop.test:8080")}), nil, "GET http://shop.test:8080/"},
		{"an authority that is none", in(spec.Match{Authority: exact("shop test")}), nil, none},
	} {
		t.Run(row.name, func(t *testing.T) {
			var s Solver
			clauses := func(list []spec.Match) (out []*match.Clause) {
				for _, m := range list {
					out = append(out, clause(t, m))
				}
				return out
			}
			r, v := s.Solve(&Space{}, clauses(row.in), clauses(row.out))
			switch v {
			case None:
				require.Equal(t, row.want, none)
			case GaveUp:
				require.Equal(t, row.want, gaveUp)
			default:
				require.Equal(t, row.want, r.String())
			}
		})
	}
}

func TestSpaces(t *testing.T) {
	host := func(domains ...string) *Space {
		s := &Space{}
		for _, d := range domains {
			s.Hosts = append(s.Hosts, Host{Domain: d})
		}
		return s
	}
	port := func(s *Space, port int) *Space { s.Port = port; return s }
	schemes := func(s *Space, schemes ...string) *Space { s.Schemes = schemes; return s }
	authority := func(m spec.StringMatch) spec.Match { return spec.Match{Authority: m} }
	taken := host("*.shop.test")
	taken.Hosts[0].Owner = func(authority string) string {
		if authority == "www.shop.test" || authority == "a.shop.test" {
			return authority
		}
		return "*.shop.test"
	}
	for _, row := range []struct {
		name  string
		space *Space
		in    spec.Match
		want  string
	}{
		{"a name", host("shop.test"), spec.Match{}, "GET http://shop.test/"},
		{"a name and a port", port(host("shop.test"), 8080), spec.Match{}, "GET http://shop.test:8080/"},
		{"the usual port", port(host("shop.test"), 80), spec.Match{}, "GET http://shop.test/"},
		{"a port that the authority must not have", port(host("shop.test"), 8080), authority(spec.Exact("shop.test")), `GET http://shop.test:8080/ -H 'host: shop.test'`},
		{"an authority with the port of another listener", port(host("shop.test"), 8080), authority(spec.Exact("shop.test:81")), `GET http://shop.test:8080/ -H 'host: shop.test:81'`},
		{"an authority in capitals", host("shop.test"), authority(spec.Exact("SHOP.test")), "GET http://SHOP.test/"},
		{"an authority of another host", host("shop.test"), authority(spec.Exact("cart.test")), "none"},
		{"an authority that begins like another host", host("shop.test"), authority(spec.Prefix("cart")), "none"},
		{"a port by a regex", host("shop.test"), authority(spec.Regex(`.*:[0-9]+`)), "GET http://shop.test:1/"},
		{"a wildcard", host("*.shop.test"), spec.Match{}, "GET http://www.shop.test/"},
		{"a wildcard that others take from", taken, spec.Match{}, "GET http://other.shop.test/"},
		{"a wildcard and what another takes", taken, authority(spec.Exact("a.shop.test")), "none"},
		{"a wildcard by a regex", host("*.shop.test"), authority(spec.Regex(`[a-z]+\.eu\.shop\.test`)), "GET http://a.eu.shop.test/"},
		{"two wildcards", host("*.shop.test", "*.eu.shop.test"), spec.Match{}, "GET http://www.eu.shop.test/"},
		{"two names", host("shop.test", "cart.test"), spec.Match{}, "none"},
		{"any name", host("*"), spec.Match{}, "GET http://example.com/"},
		{"TLS", schemes(port(host("shop.test"), 8443), "https"), spec.Match{}, "GET https://shop.test:8443/"},
		{"plain text on a port for TLS", schemes(host("shop.test"), "https"), spec.Match{Scheme: spec.Exact("http")}, "none"},
		{"either", schemes(host("shop.test"), "http", "https"), spec.Match{Scheme: spec.Exact("https")}, "GET https://shop.test/"},
		{"the scheme that a proxy reports", &Space{Schemes: []string{"http", "https"}, Edge: &edge.Edge{Trusted: 1}}, spec.Match{Scheme: spec.Exact("https")}, `GET http://example.com/ -H 'x-forwarded-proto: https'`},
		{"the header that a proxy reports", &Space{Edge: &edge.Edge{Trusted: 1}}, spec.Match{Headers: map[string]spec.StringMatch{"x-forwarded-proto": spec.Exact("ftp")}}, `GET http://example.com/ -H 'x-forwarded-proto: ftp'`},
		{"no edge", &Space{Edge: &edge.Edge{Open: true}}, spec.Match{Headers: map[string]spec.StringMatch{"x-envoy-internal": {}}}, `GET http://example.com/ -H 'x-envoy-internal: 1'`},
		{"merged slashes", &Space{Normalization: spec.NormalizeMergeSlashes}, spec.Match{URI: spec.Exact("/a//b")}, "none"},
		{"slashes that are not merged", &Space{}, spec.Match{URI: spec.Exact("/a//b")}, "GET http://example.com/a//b"},
		{"decoded slashes", &Space{Normalization: spec.NormalizeDecodeAndMergeSlashes}, spec.Match{URI: spec.Prefix("/a%2Fb")}, "none"},
		{"escaped slashes", &Space{}, spec.Match{URI: spec.Prefix("/a%2Fb")}, "GET http://example.com/a%2Fb"},
		{"an escape that is never normal", &Space{}, spec.Match{URI: spec.Prefix("/%7Euser")}, "none"},
		{"half an escape", &Space{}, spec.Match{URI: spec.Prefix("/a%2")}, "GET http://example.com/a%2"},
		{"dots that stay", &Space{Normalization: spec.NormalizeNone}, spec.Match{URI: spec.Exact("/a/../b")}, "GET http://example.com/a/../b"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var s Solver
			r, v := s.Solve(row.space, []*match.Clause{clause(t, row.in)}, nil)
			switch v {
			case None:
				require.Equal(t, row.want, "none")
			case GaveUp:
				require.Equal(t, row.want, "gave up")
			default:
				require.Equal(t, row.want, r.String())
				require.True(t, fits(row.space, r, []*match.Clause{clause(t, row.in)}, nil))
			}
		})
	}
}

// The clauses that matter are found one by one, however many others there are.
func TestSearch(t *testing.T) {
	var list []match.Clause
	for _, m := range []spec.Match{
		{URI: spec.Exact("/b")}, {URI: spec.Exact("/a/1")}, {URI: spec.Exact("/a")}, {URI: spec.Exact("/c")}, {URI: spec.Prefix("/a")}, {URI: spec.Regex("/a[a-z]*")},
	} {
		list = append(list, *clause(t, m))
	}
	all := match.NewList(list)
	var s Solver
	space := &Space{}
	search := func(i int) (string, []*match.Clause, Verdict) {
		r, takers, v := s.Search(space, []*match.Clause{&list[i]}, func(r *Request) (*match.Clause, bool) {
			k := all.Find(space.view(r))
			return &list[k], k == i
		})
		if r == nil {
			return "", takers, v
		}
		return r.Path, takers, v
	}
	path, takers, v := search(4)
	require.Equal(t, Found, v)
	require.Equal(t, "/a1", path)
	require.Equal(t, []*match.Clause{&list[2], &list[1]}, takers)
	_, takers, v = search(5)
	require.Equal(t, None, v)
	require.Equal(t, []*match.Clause{&list[2], &list[4]}, takers)

	_, _, v = s.Search(space, []*match.Clause{&list[0]}, func(*Request) (*match.Clause, bool) { return nil, false })
	require.Equal(t, GaveUp, v, "nobody takes it")
}
