package limit_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// counting is a policy whose descriptors are those of some actions. Each one allows a
// million requests per day.
func counting(actions ...spec.RateLimitAction) spec.RateLimitPolicy {
	return spec.RateLimitPolicy{
		Descriptors: []spec.RateLimitDescriptor{{Actions: actions}},
		Global:      &spec.GlobalRateLimit{Domain: "test", Descriptors: []spec.DescriptorLimit{{Key: "unused", Limit: &spec.DescriptorRate{Requests: 1, Unit: time.Second}}}},
	}
}

// descriptorOf returns the entries that a policy makes of a request, or "none".
func descriptorOf(t *testing.T, gw *gateway.Gateway, r *http.Request) string {
	t.Helper()
	d := gw.Decide(r)
	require.NotNil(t, d.Route)
	require.Len(t, d.Route.RateLimits, 1)
	if len(d.Route.RateLimits[0].Descriptor) == 0 {
		return "none"
	}
	return strings.Join(d.Route.RateLimits[0].Descriptor, " ")
}

// The table of actions in section 10.1 of Envoy's rules.
func TestActions(t *testing.T) {
	header := func(name string, skip bool) spec.RateLimitAction {
		return spec.RateLimitAction{Kind: spec.ActionRequestHeader, Name: name, Key: "k", SkipIfAbsent: skip}
	}
	query := func(name, key string, skip bool) spec.RateLimitAction {
		return spec.RateLimitAction{Kind: spec.ActionQueryParameter, Name: name, Key: key, SkipIfAbsent: skip}
	}
	generic := spec.RateLimitAction{Value: "v"}
	masked := func(v4, v6 int) spec.RateLimitAction {
		return spec.RateLimitAction{Kind: spec.ActionMaskedAddress, IPv4Bits: v4, IPv6Bits: v6}
	}
	matching := func(kind spec.ActionKind, not bool, conditions ...spec.ActionCondition) spec.RateLimitAction {
		return spec.RateLimitAction{Kind: kind, Value: "yes", ExpectNoMatch: not, Conditions: conditions}
	}
	on := func(name string, m spec.StringMatch) spec.ActionCondition {
		return spec.ActionCondition{Name: name, Match: m}
	}
	not := func(c spec.ActionCondition) spec.ActionCondition {
		c.Not = true
		return c
	}
	empty := func(c spec.ActionCondition) spec.ActionCondition {
		c.MissingIsEmpty = true
		return c
	}
	const h, q = spec.ActionHeaderMatch, spec.ActionQueryMatch
	for _, row := range []struct {
		name    string
		actions []spec.RateLimitAction
		target  string
		headers []string
		want    string
	}{
		{"a fixed value", []spec.RateLimitAction{generic}, "/", nil, "generic_key=v"},
		{"a fixed value with a key", []spec.RateLimitAction{{Key: "shop", Value: "v"}}, "/", nil, "shop=v"},
		{"a header", []spec.RateLimitAction{header("X-User", false)}, "/", []string{"x-user: alice"}, "k=alice"},
		{"a header with several lines", []spec.RateLimitAction{header("x-user", false)}, "/", []string{"x-user: alice", "x-user: bob"}, "k=alice"},
		{"an empty header", []spec.RateLimitAction{header("x-user", false)}, "/", []string{"x-user: "}, "k="},
		{"a missing header", []spec.RateLimitAction{generic, header("x-user", false)}, "/", nil, "none"},
		{"a missing header that is skipped", []spec.RateLimitAction{generic, header("x-user", true)}, "/", nil, "generic_key=v"},
		{"nothing but what is skipped", []spec.RateLimitAction{header("x-user", true)}, "/", nil, "none"},
		{"a header that may be skipped", []spec.RateLimitAction{generic, header("x-user", true)}, "/", []string{"x-user: alice"}, "generic_key=v k=alice"},
		{"the path has its query", []spec.RateLimitAction{header(":path", false)}, "/a/b?x=1", nil, "k=/a/b?x=1"},
		{"the method", []spec.RateLimitAction{header(":method", false)}, "/", nil, "k=GET"},
		{"the authority", []spec.RateLimitAction{header(":authority", false)}, "http://a.com:8080/", nil, "k=a.com:8080"},
		{"a query parameter", []spec.RateLimitAction{query("user", "", false)}, "/?user=alice&user=bob", nil, "query_param=alice"},
		{"a query parameter with a key", []spec.RateLimitAction{query("user", "u", false)}, "/?a=b&user=alice", nil, "u=alice"},
		{"a query parameter is decoded", []spec.RateLimitAction{query("user", "", false)}, "/?us%65r=al%69ce+b%2Bc", nil, "query_param=alice+b+c"},
		{"a missing query parameter", []spec.RateLimitAction{generic, query("user", "", false)}, "/?User=x", nil, "none"},
		{"a missing query parameter that is skipped", []spec.RateLimitAction{generic, query("user", "", true)}, "/", nil, "generic_key=v"},
		{"the address", []spec.RateLimitAction{{Kind: spec.ActionRemoteAddress}}, "/", nil, "remote_address=192.0.2.1"},
		{"the address with a key", []spec.RateLimitAction{{Kind: spec.ActionRemoteAddress, Key: "ip"}}, "/", nil, "ip=192.0.2.1"},
		{"the network", []spec.RateLimitAction{masked(0, 0)}, "/", nil, "masked_remote_address=192.0.2.1/32"},
		{"the network of a length", []spec.RateLimitAction{masked(16, 48)}, "/", nil, "masked_remote_address=192.0.0.0/16"},
		{"a header that matches", []spec.RateLimitAction{matching(h, false, on("x-plan", spec.Exact("free")))}, "/", []string{"x-plan: free"}, "header_match=yes"},
		{"a header that does not match", []spec.RateLimitAction{matching(h, false, on("x-plan", spec.Exact("free")))}, "/", []string{"x-plan: gold"}, "none"},
		{"a missing header does not match", []spec.RateLimitAction{matching(h, false, on("x-plan", spec.Exact("free")))}, "/", nil, "none"},
		{"a header that is not expected to match", []spec.RateLimitAction{matching(h, true, on("x-plan", spec.Exact("free")))}, "/", []string{"x-plan: gold"}, "header_match=yes"},
		{"a missing header is not expected to match", []spec.RateLimitAction{matching(h, true, on("x-plan", spec.Exact("free")))}, "/", nil, "header_match=yes"},
		{"a reversed comparison", []spec.RateLimitAction{matching(h, false, not(on("x-plan", spec.Exact("free"))))}, "/", []string{"x-plan: gold"}, "header_match=yes"},
		{"a reversed comparison of a missing header", []spec.RateLimitAction{matching(h, false, not(on("x-plan", spec.Exact("free"))))}, "/", nil, "none"},
		{"a reversed comparison of a missing header as an empty one", []spec.RateLimitAction{matching(h, false, empty(not(on("x-plan", spec.Exact("free")))))}, "/", nil, "header_match=yes"},
		{"presence", []spec.RateLimitAction{matching(h, false, on("x-plan", spec.StringMatch{}))}, "/", []string{"x-plan: "}, "header_match=yes"},
		{"absence", []spec.RateLimitAction{matching(h, false, not(on("x-plan", spec.StringMatch{})))}, "/", nil, "header_match=yes"},
		{"all conditions", []spec.RateLimitAction{matching(h, false, on("x-plan", spec.Prefix("fr")), on(":method", spec.Regex("GET|HEAD")))}, "/", []string{"x-plan: free"}, "header_match=yes"},
		{"not all conditions", []spec.RateLimitAction{matching(h, false, on("x-plan", spec.Prefix("fr")), on(":method", spec.Exact("POST")))}, "/", []string{"x-plan: free"}, "none"},
		{"a query parameter that matches", []spec.RateLimitAction{matching(q, false, on("plan", spec.Exact("a b")))}, "/?plan=a%20b", nil, "query_match=yes"},
		{"a query parameter that does not match", []spec.RateLimitAction{matching(q, false, on("plan", spec.Exact("free")))}, "/?plan=gold&plan=free", nil, "none"},
		{"the destination", []spec.RateLimitAction{{Kind: spec.ActionDestination}}, "/", nil, "destination_cluster=outbound|80||a.default.svc.cluster.local"},
		{"several entries", []spec.RateLimitAction{generic, {Kind: spec.ActionRemoteAddress}, header(":method", false)}, "/", nil, "generic_key=v remote_address=192.0.2.1 k=GET"},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw := testgateway.Built(t, gateway.New().Semantics(gateway.Envoy).Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK).RateLimit(counting(row.actions...)))
			require.Equal(t, row.want, descriptorOf(t, gw, testhttp.Request(t, "GET", row.target, row.headers...)))
		})
	}
}

func TestAddressesOfActions(t *testing.T) {
	gw := testgateway.Built(t, gateway.New().Route(spec.Route{Destinations: []spec.Destination{{Host: "a"}}}).Backend("*", testhttp.AnswerOK).RateLimit(counting(
		spec.RateLimitAction{Kind: spec.ActionRemoteAddress}, spec.RateLimitAction{Kind: spec.ActionMaskedAddress, IPv4Bits: 8, IPv6Bits: 32})))
	for address, want := range map[string]string{
		"10.1.2.3:5":            "remote_address=10.1.2.3 masked_remote_address=10.0.0.0/8",
		"[2001:db8:1:2::3]:5":   "remote_address=2001:db8:1:2::3 masked_remote_address=2001:db8::/32",
		"[::ffff:10.1.2.3]:5":   "remote_address=10.1.2.3 masked_remote_address=10.0.0.0/8",
		"[fe80::1%eth0]:5":      "remote_address=fe80::1 masked_remote_address=fe80::/32",
		"@":                     "none",
		"/run/client.sock":      "none",
		"not an address at all": "none",
	} {
		t.Run(address, func(t *testing.T) { require.Equal(t, want, descriptorOf(t, gw, testhttp.From(address))) })
	}
}
