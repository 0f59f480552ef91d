package validate

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

func redirecting(name string, r spec.Redirect, want ...string) routeRow {
	return routeRow{name, spec.Route{Match: []spec.Match{{URI: spec.Prefix("/old/")}}, Redirect: &r}, want}
}

func TestValidateRedirect(t *testing.T) {
	const nothing = "error redirect: the redirect changes nothing: one of uri, prefixRewrite, authority, scheme and port is expected"
	runRoutes(t, Options{}, []routeRow{
		redirecting("uri", spec.Redirect{URI: "/new"}),
		redirecting("scheme", spec.Redirect{Scheme: "https"}),
		redirecting("port", spec.Redirect{Port: 8443}),
		redirecting("a derived port", spec.Redirect{DerivePort: spec.PortDerivationRequestPort}),
		redirecting("nothing", spec.Redirect{}, nothing),
		redirecting("a code alone", spec.Redirect{Code: 302}, nothing),
		redirecting("308", spec.Redirect{URI: "/new", Code: 308}),
		redirecting("304", spec.Redirect{URI: "/new", Code: 304},
			"error redirect.redirectCode: 304 is not the code of a redirect that Envoy can send: 301, 302, 303, 307 or 308 is expected"),
		redirecting("399", spec.Redirect{URI: "/new", Code: 399},
			"error redirect.redirectCode: 399 is not the code of a redirect that Envoy can send: 301, 302, 303, 307 or 308 is expected"),
		redirecting("299", spec.Redirect{URI: "/new", Code: 299},
			"error redirect.redirectCode: 299 is not the code of a redirect: 301, 302, 303, 307 or 308 is expected"),
		redirecting("400", spec.Redirect{URI: "/new", Code: 400},
			"error redirect.redirectCode: 400 is not the code of a redirect: 301, 302, 303, 307 or 308 is expected"),
		redirecting("another scheme", spec.Redirect{Scheme: "htps"},
			`error redirect.scheme: "htps" is not a scheme to redirect to, "http" or "https" is expected; did you mean "https"?`),
		redirecting("no port", spec.Redirect{Port: 65536}, "error redirect.port: 65536 is not a port, 1 to 65535 is expected"),
		redirecting("port and derived port", spec.Redirect{Port: 80, DerivePort: spec.PortDerivationRequestPort},
			"error redirect.derivePort: port and derivePort cannot be combined"),
		redirecting("no derivation", spec.Redirect{URI: "/", DerivePort: 9}, "error redirect.derivePort: 9 is not a way to derive a port"),
		redirecting("two ports", spec.Redirect{Authority: "a.test:81", Port: 82},
			`warning redirect.authority: "a.test:81" already has a port, and the answer adds port 82 to it`),
		redirecting("a prefix", spec.Redirect{PrefixRewrite: "/new/"}),
		redirecting("a prefix that ends otherwise", spec.Redirect{PrefixRewrite: "/new"},
			`warning redirect.prefixRewrite: semantics differ: with prefix "/old/" /old/1 becomes /new/1, Envoy semantics make it /new1`),
		redirecting("a prefix and a path", spec.Redirect{PrefixRewrite: "/new/", URI: "/new"},
			"error redirect.prefixRewrite: uri and prefixRewrite cannot be combined"),
		{"a prefix where there is none", spec.Route{Match: []spec.Match{{URI: spec.Prefix("/a")}, {URI: spec.Exact("/b")}, {URI: spec.Exact("/c")}}, Redirect: &spec.Redirect{PrefixRewrite: "/n"}},
			[]string{`error redirect.prefixRewrite: there is no prefix to replace: match[1] is exact "/b"`}},
		{"a prefix without a match on the path", spec.Route{Match: []spec.Match{{Port: 80}}, Redirect: &spec.Redirect{PrefixRewrite: "/n/", Authority: "b.test"}}, nil},
	})
}

func TestValidateRedirectLoops(t *testing.T) {
	row := func(name string, m spec.Match, r spec.Redirect, want ...string) routeRow {
		return routeRow{name, spec.Route{Match: []spec.Match{m}, Redirect: &r}, want}
	}
	runRoutes(t, Options{}, []routeRow{
		{"everything to one path", spec.Route{Redirect: &spec.Redirect{URI: "/new"}}, []string{`warning redirect.uri: redirects to itself: the route matches "/new" again`}},
		row("a path to itself", spec.Match{URI: spec.Exact("/a")}, spec.Redirect{URI: "/a?x=1"}, `warning redirect.uri: redirects to itself: the route matches "/a" again`),
		row("a path to another", spec.Match{URI: spec.Exact("/a")}, spec.Redirect{URI: "/b"}),
		row("without slash", spec.Match{URI: spec.Exact("/a")}, spec.Redirect{URI: "a"}, `warning redirect.uri: redirects to itself: the route matches "/a" again`),
		row("below its own prefix", spec.Match{URI: spec.Prefix("/a")}, spec.Redirect{URI: "/ab"}, `warning redirect.uri: redirects to itself: the route matches "/ab" again`),
		row("beside its own prefix", spec.Match{URI: spec.Prefix("/a/")}, spec.Redirect{URI: "/ab"}),
		row("without letter case", spec.Match{URI: spec.Exact("/A"), IgnoreURICase: true}, spec.Redirect{URI: "/a"}, `warning redirect.uri: redirects to itself: the route matches "/a" again`),
		row("its own regex", spec.Match{URI: spec.Regex("/a+")}, spec.Redirect{URI: "/aa"}, `warning redirect.uri: redirects to itself: the route matches "/aa" again`),
		row("another host", spec.Match{URI: spec.Exact("/a")}, spec.Redirect{URI: "/a", Authority: "b.test"}),
		row("https", spec.Match{URI: spec.Exact("/a")}, spec.Redirect{URI: "/a", Scheme: "https"}),
		row("on a condition", spec.Match{URI: spec.Exact("/a"), Method: spec.Exact("POST")}, spec.Redirect{URI: "/a"}),
		row("a longer prefix", spec.Match{URI: spec.Prefix("/a")}, spec.Redirect{PrefixRewrite: "/a/b"}, `warning redirect.prefixRewrite: redirects to itself: the route matches "/a/b" again`),
	})
}

func TestValidateDirectResponse(t *testing.T) {
	row := func(name string, d spec.DirectResponse, want ...string) routeRow {
		return routeRow{name, spec.Route{DirectResponse: &d}, want}
	}
	body := func(n int) []byte { return bytes.Repeat([]byte("a"), n) }
	runRoutes(t, Options{}, []routeRow{
		row("200", spec.DirectResponse{Status: 200}),
		row("599", spec.DirectResponse{Status: 599}),
		row("none", spec.DirectResponse{}, "error directResponse.status: 0 is not a valid status, 200 to 599 is expected"),
		row("199", spec.DirectResponse{Status: 199}, "error directResponse.status: 199 is not a valid status, 200 to 599 is expected"),
		row("600", spec.DirectResponse{Status: 600}, "error directResponse.status: 600 is not a valid status, 200 to 599 is expected"),
		row("100 KiB", spec.DirectResponse{Status: 200, Body: body(100 << 10)}),
		row("more than 100 KiB", spec.DirectResponse{Status: 200, Body: body(100<<10 + 1)},
			"warning directResponse.body: the body has 102401 bytes: more than 102400 make every copy of the configuration large [IST0133]"),
		row("1 MiB", spec.DirectResponse{Status: 200, Body: body(1 << 20)},
			"warning directResponse.body: the body has 1048576 bytes: more than 102400 make every copy of the configuration large [IST0133]"),
		row("more than 1 MiB", spec.DirectResponse{Status: 200, Body: body(1<<20 + 1)},
			"error directResponse.body: the body has 1048577 bytes, at most 1048576 are allowed"),
	})
}

func TestValidateRewrite(t *testing.T) {
	row := func(name string, w spec.Rewrite, want ...string) routeRow {
		return forwarding(name, spec.Route{Match: []spec.Match{{URI: spec.Prefix("/a/")}}, Rewrite: &w}, want...)
	}
	regex := func(match, rewrite string) spec.Rewrite {
		return spec.Rewrite{URIRegex: &spec.RegexRewrite{Match: match, Rewrite: rewrite}}
	}
	long := strings.Repeat("a", 1025)
	runRoutes(t, Options{}, []routeRow{
		row("uri", spec.Rewrite{URI: "/b/"}),
		row("authority", spec.Rewrite{Authority: "a.test:80"}),
		row("nothing", spec.Rewrite{}, "error rewrite: the rewrite changes nothing: one of uri, uriRegexRewrite and authority is expected"),
		row("two", spec.Rewrite{URI: "/b/", URIRegex: &spec.RegexRewrite{Match: "a", Rewrite: "b"}}, "error rewrite: uri and uriRegexRewrite cannot be combined"),
		row("no slash", spec.Rewrite{URI: "b/"}, `warning rewrite.uri: "b/" does not begin with /, so the path to the destination does not either`),
		row("a space", spec.Rewrite{URI: "/b c/"}, `error rewrite.uri: "/b c/" cannot be sent: a path has no spaces and control characters`),
		row("an authority with a path", spec.Rewrite{Authority: "a.test/b"}, `error rewrite.authority: "a.test/b" is not a Host header: '/' cannot be in one`),
		row("regex", regex("^/(.*)/x$", `/\1\0\\`)),
		row("no expression", regex("", "b"), `error rewrite.uriRegexRewrite.match: "" is an empty expression`),
		row("no replacement", regex("a", ""), "error rewrite.uriRegexRewrite.rewrite: the replacement is missing"),
		row("a broken expression", regex("(", "b"), `error rewrite.uriRegexRewrite.match: "(" is not a valid RE2 expression: missing closing ): "("`),
		row("a long expression", regex(long, "b"), `error rewrite.uriRegexRewrite.match: "`+long[:60]+`"… is an expression of 1025 bytes, at most 1024 are allowed`),
		row("a long replacement", regex("a", long), "error rewrite.uriRegexRewrite.rewrite: the replacement has 1025 bytes, at most 1024 are allowed"),
		row("no such group", regex("(a)", `\2`), `warning rewrite.uriRegexRewrite.rewrite: there is no group \2 in "(a)", which has 1: the path stays as it is`),
		row("a stray backslash", regex("a", `b\`), `error rewrite.uriRegexRewrite.rewrite: "b\\" has a stray \: \0 to \9 are the groups, and \\ is a backslash`),
		row("a stray backslash after a group that is not there", regex("a", `\1\`), `error rewrite.uriRegexRewrite.rewrite: "\\1\\" has a stray \: \0 to \9 are the groups, and \\ is a backslash`),
		row("an escape", regex("a", `\n`), `error rewrite.uriRegexRewrite.rewrite: "\\n" has a stray \: \0 to \9 are the groups, and \\ is a backslash`),
	})
}

func TestValidateRewriteWhereSemanticsDiffer(t *testing.T) {
	row := func(name string, matches []spec.Match, uri string, want ...string) routeRow {
		return forwarding(name, spec.Route{Match: matches, Rewrite: &spec.Rewrite{URI: uri}}, want...)
	}
	prefix := func(p string) []spec.Match { return []spec.Match{{URI: spec.Prefix(p)}} }
	runRoutes(t, Options{Semantics: semantics.Envoy}, []routeRow{
		row("prefix without slash to /", prefix("/products"), "/",
			`warning rewrite.uri: semantics differ: with prefix "/products" /products/1 becomes //1, Native semantics make it /1`),
		row("prefix without slash to a slash at the end", prefix("/products"), "/v2/",
			`warning rewrite.uri: semantics differ: with prefix "/products" /products/1 becomes /v2//1, Native semantics make it /v2/1`),
		row("prefix with slash to no slash", prefix("/products/"), "/v2",
			`warning rewrite.uri: semantics differ: with prefix "/products/" /products/1 becomes /v21, Native semantics make it /v2/1`),
		row("no match", nil, "/v1", `warning rewrite.uri: semantics differ: with prefix "/" /1 becomes /v11, Native semantics make it /v1/1`),
		row("slashes on both", prefix("/products/"), "/"),
		row("slashes on neither", prefix("/products"), "/v2"),
		row("no match, slash at the end", []spec.Match{{Port: 80}}, "/v1/"),
		row("exact", []spec.Match{{URI: spec.Exact("/products")}}, "/"),
		row("regex", []spec.Match{{URI: spec.Regex("/p.*")}}, "/"),
		row("the usual idiom", []spec.Match{{URI: spec.Prefix("/products/")}, {URI: spec.Exact("/products")}}, "/"),
		row("the second match", []spec.Match{{URI: spec.Exact("/a")}, {URI: spec.Prefix("/b")}}, "/",
			`warning rewrite.uri: semantics differ: with prefix "/b" /b/1 becomes //1, Native semantics make it /1`),
	})
	runRoutes(t, Options{}, []routeRow{
		row("under Native", prefix("/products"), "/",
			`warning rewrite.uri: semantics differ: with prefix "/products" /products/1 becomes /1, Envoy semantics make it //1`),
	})
}
