package limit_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec/istio"
)

// envoyShop is a gateway with a shop, and a route that is joined with one of a delegate.
const envoyShop = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: vs, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [gw]
  http:
  - {name: root, match: [{uri: {prefix: /more}}], delegate: {name: more}}
  - {name: checkout, match: [{uri: {prefix: /checkout}}], route: [{destination: {host: a}}]}
  - {name: rest, route: [{destination: {host: a}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: more, namespace: shop}
spec:
  http:
  - {name: own, route: [{destination: {host: a}}]}
---
`

// An envoyFilter is one in a namespace. Patches are on one line each.
func envoyFilter(namespace, name string, patches ...string) string {
	return "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec:\n  configPatches:\n  - " + strings.Join(patches, "\n  - ") + "\n---\n"
}

func envoyPatch(applyTo, match, operation, value string) string {
	return "{applyTo: " + applyTo + ", match: {context: GATEWAY" + match + "}, patch: {operation: " + operation + ", value: {" + value + "}}}"
}

const localMessage = `"@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: a`

func localFilter(config string) string {
	return envoyPatch("HTTP_FILTER", "", "INSERT_BEFORE", "name: a, typed_config: {"+localMessage+", "+config+"}")
}

func globalFilter(config string) string {
	return envoyPatch("HTTP_FILTER", "", "INSERT_BEFORE", `name: a, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit, `+config+"}")
}

func ofHost(host, value string) string {
	return envoyPatch("VIRTUAL_HOST", `, routeConfiguration: {vhost: {name: "`+host+`"}}`, "MERGE", value)
}

func ofRoute(route, value string) string {
	return envoyPatch("HTTP_ROUTE", ", routeConfiguration: {vhost: {route: {name: "+route+"}}}", "MERGE", value)
}

// tokens is an enforced bucket.
func tokens(n string) string {
	return "filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}, token_bucket: {max_tokens: " + n + ", fill_interval: 3600s}"
}

func overriding(config string) string {
	return "typed_per_filter_config: {envoy.filters.http.local_ratelimit: {" + localMessage + ", " + config + "}}"
}

func genericKey(value string) string {
	return "rate_limits: [{actions: [{generic_key: {descriptor_value: " + value + "}}]}]"
}

// limitsOf is a file of envoyproxy/ratelimit that allows some requests with a generic key.
func limitsOf(name, value, perDay string) string {
	return "domain: " + name + "\ndescriptors:\n- {key: generic_key, value: " + value + ", rate_limit: {unit: day, requests_per_unit: " + perDay + "}}\n---\n"
}

func loaded(t *testing.T, text string) *gateway.Gateway {
	t.Helper()
	return testgateway.Built(t, gateway.New().Backend("*", testhttp.AnswerOK).Load(istio.Text(envoyShop+text)))
}

func codesOf(gw *gateway.Gateway, path string, n int) (codes []int) {
	for range n {
		codes = append(codes, testgateway.Serve(gw, httptest.NewRequest("GET", "http://shop.example.com"+path, nil)).Code)
	}
	return codes
}

// Envoy's filters limit requests independently of each other.
func TestEnvoyFiltersCountTogether(t *testing.T) {
	const host = "shop.example.com:80"
	two := []int{200, 200, 429, 429, 429}
	all := []int{200, 200, 200, 200, 200}
	for _, tt := range []struct {
		name, text, path string
		want             []int
	}{
		{"a local filter of the root namespace and one of a namespace", envoyFilter("istio-system", "a", localFilter(tokens("2"))) + envoyFilter("shop", "b", localFilter(tokens("1000"))), "/", two},
		{"a local filter of the root namespace and a global one", envoyFilter("istio-system", "a", localFilter(tokens("2"))) + envoyFilter("shop", "b", globalFilter("domain: d, "+genericKey("x"))) + limitsOf("d", "x", "1000"), "/", two},
		{"an override and a global filter with actions",
			envoyFilter("shop", "a", globalFilter("domain: d, "+genericKey("x")), localFilter(tokens("1000")), ofHost(host, overriding(tokens("500")))) + limitsOf("d", "x", "2"), "/", two},
		{"an override, a global filter with actions and actions of the same host",
			envoyFilter("shop", "a", globalFilter("domain: d, "+genericKey("x")), globalFilter("domain: e"), localFilter(tokens("1000")), ofHost(host, overriding(tokens("500"))+", "+genericKey("x"))) + limitsOf("d", "x", "4") + limitsOf("e", "x", "2"), "/", two},
		{"an override of a route and actions of a host",
			envoyFilter("shop", "a", globalFilter("domain: d"), localFilter("stage: 0"), ofHost(host, genericKey("x")), ofRoute("checkout", overriding(tokens("500")))) + limitsOf("d", "x", "2"), "/checkout", two},
		{"the override of that route",
			envoyFilter("shop", "a", globalFilter("domain: d"), localFilter("stage: 0"), ofHost(host, genericKey("x")), ofRoute("checkout", overriding(tokens("2")))) + limitsOf("d", "x", "500"), "/checkout", two},
		{"an override of a host and actions of a route",
			envoyFilter("shop", "a", globalFilter("domain: d"), localFilter("stage: 0"), ofHost(host, overriding(tokens("2"))), ofRoute("checkout", "route: {"+genericKey("x")+"}")) + limitsOf("d", "x", "500"), "/checkout", two},
		{"the actions of that route",
			envoyFilter("shop", "a", globalFilter("domain: d"), localFilter("stage: 0"), ofHost(host, overriding(tokens("500"))), ofRoute("checkout", "route: {"+genericKey("x")+"}")) + limitsOf("d", "x", "2"), "/checkout", two},
		{"an override keeps all actions",
			envoyFilter("shop", "a", globalFilter("domain: d"), localFilter("stage: 0"), ofHost("", genericKey("z")), ofHost("", genericKey("x")), ofRoute("checkout", overriding(tokens("500")))) + limitsOf("d", "x", "2"), "/checkout", two},
		{"actions for other gateways",
			envoyFilter("shop", "a", globalFilter("domain: d"), localFilter("stage: 0"), ofHost("", genericKey("x")), ofRoute("checkout", overriding(tokens("500")))) +
				strings.Replace(envoyFilter("shop", "b", ofRoute("checkout", "route: {"+genericKey("z")+"}")), "spec:\n", "spec:\n  workloadSelector: {labels: {istio: other}}\n", 1) + limitsOf("d", "x", "2"), "/checkout", two},
		{"two global filters, one with actions",
			envoyFilter("shop", "a", globalFilter("domain: d1, "+genericKey("x")), globalFilter("domain: d2"), ofHost(host, genericKey("x"))) + limitsOf("d1", "x", "2") + limitsOf("d2", "x", "100"), "/", two},
		{"the filter with actions, among actions of two levels",
			envoyFilter("shop", "a", globalFilter("domain: d1, "+genericKey("x")), globalFilter("domain: d2"), ofHost("", genericKey("x")), ofHost(host, genericKey("x"))) + limitsOf("d1", "x", "2") + limitsOf("d2", "x", "100"), "/", two},
		{"the filter without actions, among actions of two levels",
			envoyFilter("shop", "a", globalFilter("domain: d1, "+genericKey("x")), globalFilter("domain: d2"), ofHost("", genericKey("x")), ofHost(host, genericKey("x"))) + limitsOf("d1", "x", "100") + limitsOf("d2", "x", "2"), "/", two},
		{"an override lifts the limit of all",
			envoyFilter("shop", "a", localFilter(tokens("2")), ofRoute("checkout", overriding(tokens("500")))), "/checkout", all},
		{"an override of all lifts the limit of all",
			envoyFilter("shop", "a", localFilter(tokens("2")), ofHost("", overriding(tokens("500")))), "/", all},
		{"the joined name of a route of a delegate", envoyFilter("shop", "a", localFilter("stage: 0"), ofRoute("root-own", overriding(tokens("2")))), "/more", two},
		{"the name of the route that delegates", envoyFilter("shop", "a", localFilter("stage: 0"), ofRoute("root", overriding(tokens("2")))), "/more", all},
		{"the own name of a route of a delegate", envoyFilter("shop", "a", localFilter("stage: 0"), ofRoute("own", overriding(tokens("2")))), "/more", all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, codesOf(loaded(t, tt.text), tt.path, len(tt.want)))
		})
	}
}

// A global limit counts a request once, even if it is kept beside an override.
func TestEnvoyFiltersCountOnce(t *testing.T) {
	gw := loaded(t, envoyFilter("shop", "a", globalFilter("domain: d, "+genericKey("x")), localFilter(tokens("1000")),
		ofHost("shop.example.com:80", overriding(tokens("500"))), ofRoute("checkout", overriding(tokens("500"))))+limitsOf("d", "x", "4"))
	require.Equal(t, []int{200, 200}, codesOf(gw, "/checkout", 2))
	require.Equal(t, []int{200, 200, 429}, codesOf(gw, "/", 3))
	require.Equal(t, []int{429}, codesOf(gw, "/checkout", 1))
}

// A bucket stays the same if its EnvoyFilter gets more patches.
func TestEnvoyFilterBucketsSurvive(t *testing.T) {
	filter := localFilter(tokens("2"))
	gw := loaded(t, envoyFilter("shop", "a", filter))
	require.Equal(t, []int{200, 200, 429}, codesOf(gw, "/", 3))
	more := envoyFilter("shop", "a", globalFilter("domain: d"), ofHost("", genericKey("x")), ofRoute("checkout", overriding(tokens("500"))), filter)
	require.NoError(t, gw.Replace(gateway.New().Backend("*", testhttp.AnswerOK).Load(istio.Text(envoyShop+more+limitsOf("d", "x", "1000")))))
	require.Equal(t, []int{429}, codesOf(gw, "/", 1))
}

// Routes of delegates have other names in Envoy than in their resources.
func TestEnvoyFilterNamesJoinedRoutes(t *testing.T) {
	for route, warnings := range map[string]int{"root-own": 0, "checkout": 0, "own": 1, "root": 1} {
		gw := loaded(t, envoyFilter("shop", "a", localFilter("stage: 0"), globalFilter("domain: d"), ofHost("shop.example.com:80", genericKey("x")), ofHost("other.example.com:80", genericKey("x")), ofRoute(route, overriding(tokens("2"))))+limitsOf("d", "x", "2"))
		found := 0
		for _, w := range gw.Warnings() {
			if strings.Contains(w.String(), "no route is named") {
				found++
			}
		}
		require.Equal(t, warnings, found, route)
	}
}

// A unit that is not known is one error.
func TestUnknownUnitOfADomain(t *testing.T) {
	_, err := gateway.New().Load(istio.Text("domain: d\ndescriptors: [{key: a, rate_limit: {unit: minut, requests_per_unit: 2}}]\n")).Build()
	require.EqualError(t, err, `spec:2:43: RateLimitDomain d: descriptors[0].rate_limit.unit: expected one of SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR, found "minut"; did you mean "MINUTE"?`)
}
