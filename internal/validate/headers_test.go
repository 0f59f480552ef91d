package validate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/spec"
)

func setting(name, value string) spec.Headers {
	return spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{name: value}}}
}

func answering(name, value string) spec.Headers {
	return spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{name: value}}}
}

func TestValidateHeaders(t *testing.T) {
	both := map[string]string{"X-A": "1", "x-a": "2"}
	runRoutes(t, Options{}, []routeRow{
		forwarding("a header", spec.Route{Headers: setting("X-A", "1")}),
		forwarding("no name", spec.Route{Headers: setting("", "1")}, `error headers.request.set[]: the name of a header is missing`),
		forwarding("no token", spec.Route{Headers: answering("x a", "1")}, `error headers.response.set[x a]: "x a" is not the name of a header`),
		forwarding("a pseudo-header", spec.Route{Headers: setting(":path", "/")},
			`error headers.request.set[:path]: ":path" is a pseudo-header: use rewrite to change the request`),
		forwarding("the host of a request", spec.Route{Headers: setting("Host", "a.test")}),
		forwarding("the authority of a request", spec.Route{Headers: setting(":authority", "a.test")}),
		forwarding("the host of a response", spec.Route{Headers: answering("Host", "a.test")},
			`error headers.response.set[Host]: "Host" can only be set or added, and only on the request`),
		forwarding("the host removed", spec.Route{Headers: spec.Headers{Request: spec.HeaderOperations{Remove: []string{"x-a", "host"}}}},
			`error headers.request.remove[1]: "host" can only be set or added, and only on the request`),
		forwarding("an empty name removed", spec.Route{Headers: spec.Headers{Response: spec.HeaderOperations{Remove: []string{""}}}},
			`error headers.response.remove[0]: the name of a header is missing`),
		forwarding("an empty value", spec.Route{Headers: setting("x-a", "")}, `warning headers.request.set[x-a]: has no effect: an empty value is not written`),
		forwarding("a stray percent sign", spec.Route{Headers: setting("x-a", "100%")},
			`error headers.request.set[x-a]: the % in "%" begins no operator; a percent sign is written %%`),
		forwarding("an operator misspelled", spec.Route{Headers: setting("x-a", "%PROTOCL%")},
			`error headers.request.set[x-a]: there is no operator %PROTOCL%; did you mean "PROTOCOL"?`),
		forwarding("one name twice", spec.Route{Headers: spec.Headers{Response: spec.HeaderOperations{Add: both}}},
			`warning headers.response.add[x-a]: is "X-A" in another letter case: their order is not defined`),
		{"of a destination", spec.Route{Destinations: []spec.Destination{{Host: "a", Weight: 1}, {Host: "b", Weight: 1, Headers: answering("x a", "1")}}},
			[]string{`error route[1].headers.response.set[x a]: "x a" is not the name of a header`}},
	})
}

// The gateway controls headers that frame a body. Headers that Envoy removes after
// the operations are not errors.
func TestValidateFramingHeaders(t *testing.T) {
	written := func(name string) string {
		return `has no effect: ` + name + ` is about one connection, and the gateway writes its own`
	}
	removed := func(name string) string {
		return `has no effect: the gateway removes any ` + name + ` header that it receives, and writes its own if needed`
	}
	breaks := func(name string) string {
		return `would break the message: the gateway writes ` + name + ` itself, to fit the body`
	}
	const te = `has no effect: te is about one connection, and only the value "trailers" is sent`
	for _, mode := range []semantics.Mode{semantics.Native, semantics.Envoy} {
		for _, row := range []struct{ name, value, request, response string }{
			{"Content-Length", "5", "error " + breaks("content-length"), "error " + breaks("content-length")},
			{"content-length", "%REQ(X-A)%", "error " + breaks("content-length"), "error " + breaks("content-length")},
			{"Transfer-Encoding", "chunked", "error " + breaks("transfer-encoding"), "warning " + written("transfer-encoding")},
			{"connection", "close", "warning " + written("connection"), "warning " + written("connection")},
			{"Keep-Alive", "timeout=5", "warning " + written("keep-alive"), "warning " + written("keep-alive")},
			{"proxy-connection", "close", "warning " + written("proxy-connection"), "warning " + written("proxy-connection")},
			{"UPGRADE", "h2c", "warning " + written("upgrade"), "warning " + written("upgrade")},
			{"upgrade", "", "warning " + written("upgrade"), "warning " + written("upgrade")},
			{"trailer", "X-Sum", "warning " + written("trailer"), ""},
			{"http2-settings", "AA", "warning " + written("http2-settings"), ""},
			{"te", "gzip", "warning " + te, ""},
			{"te", "%REQ(X-A)%", "warning " + te, ""},
			{"te", "Trailers", "", ""},
			{"content-lengths", "5", "", ""},
			{"x-content-length", "5", "", ""},
			{"x-connection", "close", "", ""},
			{"upgrade-insecure-requests", "1", "", ""},
			{"transfer-encodings", "chunked", "", ""},
			{"content-encoding", "gzip", "", ""},
			{"expect", "100-continue", "", ""},
		} {
			values := map[string]string{row.name: row.value}
			for field, operation := range map[string]struct {
				headers spec.Headers
				want    string
			}{
				"headers.request.set":  {spec.Headers{Request: spec.HeaderOperations{Set: values}}, row.request},
				"headers.request.add":  {spec.Headers{Request: spec.HeaderOperations{Add: values}}, row.request},
				"headers.response.set": {spec.Headers{Response: spec.HeaderOperations{Set: values}}, row.response},
				"headers.response.add": {spec.Headers{Response: spec.HeaderOperations{Add: values}}, row.response},
			} {
				var want []string
				if level, message, ok := strings.Cut(operation.want, " "); ok {
					want = []string{level + " " + field + "[" + row.name + "]: " + message}
				}
				runRoutes(t, Options{Semantics: mode}, []routeRow{
					forwarding(field+" "+row.name+" "+row.value, spec.Route{Headers: operation.headers}, want...),
				})
			}
		}
		for _, row := range []struct{ name, request, response string }{
			{"Content-Length", removed("content-length"), ""},
			{"transfer-encoding", removed("transfer-encoding"), removed("transfer-encoding")},
			{"Connection", "", removed("connection")},
			{"keep-alive", "", removed("keep-alive")},
			{"proxy-connection", "", removed("proxy-connection")},
			{"upgrade", "", removed("upgrade")},
			{"te", "", ""},
			{"trailer", "", ""},
			{"content-type", "", ""},
		} {
			operation := spec.HeaderOperations{Remove: []string{"x-a", row.name}}
			for field, row := range map[string]struct {
				headers spec.Headers
				want    string
			}{
				"headers.request.remove":  {spec.Headers{Request: operation}, row.request},
				"headers.response.remove": {spec.Headers{Response: operation}, row.response},
			} {
				var want []string
				if row.want != "" {
					want = []string{"warning " + field + "[1]: " + row.want}
				}
				runRoutes(t, Options{Semantics: mode}, []routeRow{forwarding(field, spec.Route{Headers: row.headers}, want...)})
			}
		}
	}
}

func TestValidateAuthorityIsSetOnce(t *testing.T) {
	rewrite := &spec.Rewrite{Authority: "a.test"}
	setAndAdd := spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"host": "a.test"}, Add: map[string]string{":authority": "b.test"}}}
	runRoutes(t, Options{}, []routeRow{
		forwarding("by rewrite", spec.Route{Rewrite: rewrite}),
		forwarding("by rewrite and set", spec.Route{Rewrite: rewrite, Headers: setting("host", "b.test")},
			`error headers.request.set[host]: the Host header is already set to "a.test": it can be set only once`),
		forwarding("by set and add", spec.Route{Headers: setAndAdd},
			`error headers.request.add[:authority]: the Host header is already set to "a.test": it can be set only once`),
		{"by a destination beside the route", spec.Route{Rewrite: rewrite, Destinations: []spec.Destination{{Host: "a", Headers: setting("host", "b.test")}}}, nil},
		{"by a destination twice", spec.Route{Destinations: []spec.Destination{{Host: "a", Headers: setAndAdd}}},
			[]string{`error route[0].headers.request.add[:authority]: the Host header is already set to "a.test": it can be set only once`}},
	})
}

func TestValidateEdgeHeaders(t *testing.T) {
	adding := func(name string) spec.Route {
		return spec.Route{Headers: spec.Headers{Request: spec.HeaderOperations{Add: map[string]string{name: "https"}}}}
	}
	removing := func(names ...string) spec.Route {
		return spec.Route{Headers: spec.Headers{Request: spec.HeaderOperations{Remove: names}}}
	}
	runRoutes(t, Options{}, []routeRow{
		forwarding("under Native", adding("X-Forwarded-Proto"),
			`warning headers.request.add[X-Forwarded-Proto]: semantics differ: Native sends only "https", Envoy semantics send it after the gateway's own value; with set both send "https"`),
		forwarding("the client's addresses", adding("x-forwarded-for"),
			`warning headers.request.add[x-forwarded-for]: semantics differ: Native sends only "https", Envoy semantics send it after the gateway's own value; with set both send "https"`),
		forwarding("another header", adding("X-Forwarded-Prefix")),
		forwarding("set", spec.Route{Headers: setting("X-Forwarded-Proto", "https")}),
		forwarding("removed under Native", removing("x-color", "x-forwarded-for")),
	})
	runRoutes(t, Options{Semantics: semantics.Envoy}, []routeRow{
		forwarding("removed under Envoy", removing("X-Forwarded-Client-Cert", "x-forwarded")),
		forwarding("under Envoy", adding("x-request-id"),
			`warning headers.request.add[x-request-id]: semantics differ: it is sent after the gateway's own value, Native semantics send only "https"; with set both send "https"`),
	})
}

func TestCheckHeaderValue(t *testing.T) {
	for _, value := range []string{
		"", "plain text, äöü", "tab\there", "100%%", "%%%%", "%REQ(X-A)%", "a%REQ(X-A?X-B):10%b%PROTOCOL%",
		"%START_TIME(%Y-%m-%d)%", "%%%PROTOCOL%%%",
	} {
		require.Nil(t, checkHeaderValue(value), value)
	}
	for _, value := range []string{
		"100%", "%", "%%%", "50% of 100%", "%REQ(X-A)", "%REQ(X-A%", "%REQ X%", "%PROTOCOL:x%", "%req(x-a)%", "%NOTHING%",
		"a\nb", "a\x00", "\x7f",
	} {
		require.NotNil(t, checkHeaderValue(value), value)
	}
}
