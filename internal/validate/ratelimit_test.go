package validate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestValidateRateLimitTargets(t *testing.T) {
	base := func() spec.Declarations {
		d := shop(spec.Route{Name: "cart", Destinations: toCart})
		d.Servers[0].PortName = "http"
		d.RateLimits = []spec.RateLimitPolicy{{Name: "p", Limits: []spec.RateLimit{{Requests: 1, Unit: time.Second}}}}
		return d
	}
	target := func(kind, name, section string) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.RateLimits[0].Targets = []spec.TargetRef{{Kind: kind, Name: name, SectionName: section}}
		}
	}
	runResources(t, base, "RateLimitConfig default/p: ", []resourceRow{
		{"all gateways", func(*spec.Declarations) {}, nil},
		{"no limit", func(d *spec.Declarations) { d.RateLimits[0].Limits = nil }, []string{"limits: the policy has no limit: limits, local or global is expected"}},
		{"a VirtualService", target("VirtualService", "shop", ""), nil},
		{"a route", target("VirtualService", "shop", "cart"), nil},
		{"no route", target("VirtualService", "shop", "crat"),
			[]string{`~targetRefs[0].sectionName: no route of VirtualService default/shop is named "crat": nothing is limited; did you mean "cart"? [IST0101]`}},
		{"no VirtualService", target("VirtualService", "shpo", ""),
			[]string{`~targetRefs[0].name: there is no VirtualService default/shpo: nothing is limited; did you mean "shop"? [IST0101]`}},
		{"a Gateway", target("Gateway", "gw", ""), nil},
		{"a server", target("Gateway", "gw", "http"), nil},
		{"no server", target("Gateway", "gw", "htpt"),
			[]string{`~targetRefs[0].sectionName: no port of Gateway default/gw is named "htpt": nothing is limited; did you mean "http"? [IST0101]`}},
		{"no Gateway", target("Gateway", "shop", ""), []string{`~targetRefs[0].name: there is no Gateway default/shop: nothing is limited [IST0101]`}},
		{"no name", target("Gateway", "", ""), []string{"targetRefs[0].name: the name of the Gateway is missing"}},
		{"another kind", target("Virtualservice", "shop", ""),
			[]string{`targetRefs[0].kind: "Virtualservice" cannot be limited: Gateway or VirtualService is expected; did you mean "VirtualService"?`}},
		{"of another namespace", func(d *spec.Declarations) {
			d.RateLimits[0].Namespace = "default"
			d.RateLimits[0].Targets = []spec.TargetRef{{Kind: "VirtualService", Name: "shop"}}
			d.VirtualServices[0].Namespace, d.VirtualServices[0].Gateways = "prod", []string{"default/gw"}
		}, []string{`~targetRefs[0].name: there is no VirtualService default/shop: nothing is limited [IST0101]`}},
	})
}

func TestValidateRateLimit(t *testing.T) {
	row := func(name string, change func(*spec.RateLimit), want ...string) routeRow {
		l := spec.RateLimit{Requests: 10, Unit: time.Minute}
		change(&l)
		return forwarding(name, spec.Route{RateLimits: []spec.RateLimit{l}}, want...)
	}
	per := func(keys ...spec.LimitKey) func(*spec.RateLimit) {
		return func(l *spec.RateLimit) { l.Per, l.OnMissingKey = keys, spec.MissingKeyAllow }
	}
	missing := func(m spec.MissingKey, keys ...spec.LimitKey) func(*spec.RateLimit) {
		return func(l *spec.RateLimit) { l.Per, l.OnMissingKey = keys, m }
	}
	answer := func(r spec.LimitResponse) func(*spec.RateLimit) { return func(l *spec.RateLimit) { l.Response = &r } }
	when := func(m spec.Match) func(*spec.RateLimit) { return func(l *spec.RateLimit) { l.When = &m } }
	const forgeable = ` is forgeable while no proxy is trusted: any client can evade the limit; did you mean "remoteAddress"?`
	const unused = `a limit has no such condition: uri, method, scheme, authority, headers, withoutHeaders and queryParams are expected`
	rows := []routeRow{
		row("one", func(*spec.RateLimit) {}),
		row("no requests", func(l *spec.RateLimit) { l.Requests = 0 }, "error rateLimits[0].requestsPerUnit: 0 requests is not a limit, 1 or more is expected"),
		row("no unit", func(l *spec.RateLimit) { l.Unit = 0 }, "error rateLimits[0].unit: 0s is not a unit of time: a second, minute, hour or day is expected"),
		row("a negative unit", func(l *spec.RateLimit) { l.Unit = -time.Second }, "error rateLimits[0].unit: -1s is not a unit of time: a second, minute, hour or day is expected"),
		row("per address and user", per(spec.LimitKey{RemoteAddress: true}, spec.LimitKey{Header: "x-user"})),
		row("per path", per(spec.LimitKey{Header: ":path"})),
		row("per nothing", per(spec.LimitKey{}), "error rateLimits[0].per[0]: a part of the key is empty: remoteAddress or a header is expected"),
		row("per two in one", per(spec.LimitKey{RemoteAddress: true, Header: "x-user"}),
			"error rateLimits[0].per[0]: remoteAddress and a header are two parts of a key: write them as two elements"),
		row("per one twice", per(spec.LimitKey{Header: "x-user"}, spec.LimitKey{Header: "x-user"}), "error rateLimits[0].per[1]: it is in the key twice"),
		row("per no header", per(spec.LimitKey{Header: "x user"}), `error rateLimits[0].per[0].header: "x user" is not the name of a header`),
		row("per no pseudo-header", per(spec.LimitKey{Header: ":pth"}), `error rateLimits[0].per[0].header: no request has a pseudo-header ":pth"; did you mean ":path"?`),
		row("per a forgeable address", per(spec.LimitKey{Header: "X-Forwarded-For"}), `error rateLimits[0].per[0].header: "X-Forwarded-For"`+forgeable),
		row("per another forgeable address", per(spec.LimitKey{Header: "x-real-ip"}), `error rateLimits[0].per[0].header: "x-real-ip"`+forgeable),
		row("when", when(spec.Match{Headers: map[string]spec.StringMatch{"x-plan": spec.Exact("free")}, URI: spec.Prefix("/a")})),
		row("when broken", when(spec.Match{Method: spec.Regex("(")}), `error rateLimits[0].when.method.regex: "(" is not a valid RE2 expression: missing closing ): "("`),
		row("when on the server", when(spec.Match{Port: 80, Gateways: []string{"gw"}, SourceLabels: map[string]string{"a": "b"}, SourceNamespace: "c"}),
			"error rateLimits[0].when.port: "+unused, "error rateLimits[0].when.gateways: "+unused,
			"error rateLimits[0].when.sourceLabels: "+unused, "error rateLimits[0].when.sourceNamespace: "+unused),
		row("no treatment of failures", func(l *spec.RateLimit) { l.OnStoreFailure = 9 }, "error rateLimits[0].onStoreFailure: 9 is not a way to handle a failing limiter"),
		row("a client can leave the header out", missing(spec.MissingKeyUnset, spec.LimitKey{Header: "X-User"}),
			"warning rateLimits[0].per[0]: a client without x-user is not limited: onMissingKey can be SHARE or DENY, or ALLOW if this is intended"),
		row("a client has an address and a path", missing(spec.MissingKeyUnset, spec.LimitKey{RemoteAddress: true}, spec.LimitKey{Header: ":path"})),
		row("the header is shared if it is missing", missing(spec.MissingKeyShare, spec.LimitKey{Header: "X-User"})),
		row("the header is required", missing(spec.MissingKeyDeny, spec.LimitKey{Header: "X-User"})),
		row("no key that can be missing", missing(spec.MissingKeyDeny), "warning rateLimits[0].onMissingKey: has no effect: the limit has no key"),
		row("no treatment of missing keys", missing(9, spec.LimitKey{RemoteAddress: true}), "error rateLimits[0].onMissingKey: 9 is not a way to handle a missing key"),
		row("no mode", func(l *spec.RateLimit) { l.Mode = 9 }, "error rateLimits[0].mode: 9 is not a mode"),
		row("an answer", answer(spec.LimitResponse{Status: 503, Body: "{}", ContentType: "application/json; charset=utf-8", Headers: map[string]string{"x-a": "b"}, RateLimitHeaders: spec.RateLimitHeadersIETF})),
		row("an answer that is no error", answer(spec.LimitResponse{Status: 399}), "error rateLimits[0].response.statusCode: 399 is not the status of an error, 400 to 599 is expected"),
		row("an answer that is no status", answer(spec.LimitResponse{Status: 600}), "error rateLimits[0].response.statusCode: 600 is not the status of an error, 400 to 599 is expected"),
		row("a type without a body", answer(spec.LimitResponse{ContentType: "text/html"}), "warning rateLimits[0].response.contentType: has no effect without a body"),
		row("no type", answer(spec.LimitResponse{ContentType: "json;", Body: "{}"})),
		row("a broken type", answer(spec.LimitResponse{ContentType: "text/html\r\nx: y", Body: "a"}), `error rateLimits[0].response.contentType: "text/html\r\nx: y" is not a media type, such as application/json`),
		row("an answer with an operator", answer(spec.LimitResponse{Headers: map[string]string{"x-a": "%PROTOCOL%"}}),
			`error rateLimits[0].response.headers.set[x-a]: contains %, but operators are not executed in the answer of a limit`),
		row("an answer that would break", answer(spec.LimitResponse{Headers: map[string]string{"content-length": "1"}}),
			`error rateLimits[0].response.headers.set[content-length]: would break the message: the gateway writes content-length itself, to fit the body`),
		row("a type among the headers", answer(spec.LimitResponse{Headers: map[string]string{"content-type": "a/b"}}),
			`error rateLimits[0].response.headers.set[content-type]: is about the body, which the gateway describes itself: use body and contentType`),
		row("no headers", answer(spec.LimitResponse{RateLimitHeaders: 9}), "error rateLimits[0].response.rateLimitHeaders: 9 is not a choice of headers"),
		row("a negative burst", func(l *spec.RateLimit) { l.Burst = -1 }, "error rateLimits[0].burst: -1 is not a number of requests, 0 or more is expected"),
		row("a negative bound", func(l *spec.RateLimit) { l.MaxKeys = -1 }, "error rateLimits[0].maxKeys: -1 is not a number of keys, 0 or more is expected"),
	}
	runRoutes(t, Options{}, rows)
	runRoutes(t, Options{TrustedProxies: 1}, []routeRow{
		row("per an address that a trusted proxy tells", per(spec.LimitKey{Header: "X-Forwarded-For"})),
		row("per another address that a trusted proxy tells", per(spec.LimitKey{Header: "x-real-ip"})),
	})
}

func TestValidatePolicyLimitsHaveTheirOwnPath(t *testing.T) {
	d := spec.Declarations{RateLimits: []spec.RateLimitPolicy{{Limits: []spec.RateLimit{
		{Requests: 1, Unit: time.Second}, {Requests: 1, Unit: time.Second, Per: []spec.LimitKey{{}, {Header: "x a"}}},
	}}}}
	require.Equal(t, []string{
		`error RateLimitConfig: limits[1].per[0]: a part of the key is empty: remoteAddress or a header is expected`,
		`error RateLimitConfig: limits[1].per[1].header: "x a" is not the name of a header`,
	}, validated(d, Options{}))
}
