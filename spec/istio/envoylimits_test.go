package istio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// envoyDocument returns an EnvoyFilter with patches, each on one line.
func envoyDocument(namespace, name, labels string, patches ...string) string {
	text := "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec:\n"
	if labels != "" {
		text += "  workloadSelector: {labels: {" + labels + "}}\n"
	}
	return text + "  configPatches:\n  - " + strings.Join(patches, "\n  - ") + "\n---\n"
}

const (
	percent   = `filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}`
	perMinute = `token_bucket: {max_tokens: 4, fill_interval: 60s}`
)

func addLocal(config string) string {
	return addFilter(fmt.Sprintf(`{"@type": type.googleapis.com/%s, stat_prefix: a, %s}`, localRateLimit, config))
}

func addGlobal(config string) string {
	return addFilter(fmt.Sprintf(`{"@type": type.googleapis.com/%s, %s}`, globalRateLimit, config))
}

func addFilter(typedConfig string) string {
	return `{applyTo: HTTP_FILTER, match: {context: GATEWAY}, patch: {operation: INSERT_BEFORE, value: {name: a, typed_config: ` + typedConfig + `}}}`
}

// hostRule and routeRule are patches of a virtual host and of a route.
func hostRule(host, content string) string {
	return fmt.Sprintf(`{applyTo: VIRTUAL_HOST, match: {context: GATEWAY, routeConfiguration: {vhost: {name: %q}}}, patch: {operation: MERGE, value: {%s}}}`, host, content)
}

func routeRule(host, route, content string) string {
	return fmt.Sprintf(`{applyTo: HTTP_ROUTE, match: {context: GATEWAY, routeConfiguration: {vhost: {name: %q, route: {name: %q}}}}, patch: {operation: MERGE, value: {%s}}}`, host, route, content)
}

func actionsOf(key string) string {
	return `rate_limits: [{actions: [{generic_key: {descriptor_value: ` + key + `}}]}]`
}

func override(config string) string {
	return fmt.Sprintf(`typed_per_filter_config: {envoy.filters.http.local_ratelimit: {"@type": type.googleapis.com/%s, %s}}`, localRateLimit, config)
}

// summary describes a policy in one line.
func summary(p *spec.RateLimitPolicy) string {
	out := p.Namespace + "/" + p.Name
	if len(p.Selector) > 0 {
		out += fmt.Sprint(" ", p.Selector)
	}
	for _, host := range p.VirtualHosts {
		out += " host " + host
	}
	for _, t := range p.Targets {
		out += " route " + t.SectionName
		if t.VirtualHost != "" {
			out += " in " + t.VirtualHost
		}
	}
	if p.Local != nil {
		out += ": local"
		if p.Local.Bucket != nil {
			out += " bucket"
		}
		if n := len(p.Local.Descriptors); n > 0 {
			out += fmt.Sprintf(" %d descriptors", n)
		}
	}
	if p.Global != nil {
		out += ": global " + p.Global.Domain
	}
	for _, d := range p.Descriptors {
		out += " by " + d.Actions[0].Value
	}
	return out + []string{"", " INCLUDE", " IGNORE"}[p.Inheritance] + []string{"", " SHADOW", " DISABLED"}[p.Mode]
}

func TestEnvoyLimits(t *testing.T) {
	const (
		root    = rootNamespace
		gateway = "istio: ingressgateway"
		perKey  = `descriptors: [{entries: [{key: generic_key}], token_bucket: {max_tokens: 1, fill_interval: 1s}}]`
		nothing = "spec.configPatches[0].patch.value.typed_config: limits nothing: no EnvoyFilter sets rate_limits for the same gateways"
		unused  = "spec.configPatches[0].patch.value.rate_limits: limits nothing: no EnvoyFilter adds envoy.filters.http.ratelimit to the same gateways, nor a local filter with descriptors"
	)
	for _, tt := range []struct {
		name           string
		text           string
		want, warnings []string
	}{
		{"a filter and actions in two documents",
			envoyDocument(root, "filter", gateway, addGlobal("domain: shop")) + envoyDocument(root, "actions", gateway, hostRule("", actionsOf("all"))),
			[]string{"istio-system/actions global shop of filter map[istio:ingressgateway]: global shop by all INCLUDE"}, nil},
		{"the other way around",
			envoyDocument(root, "actions", gateway, hostRule("", actionsOf("all"))) + envoyDocument(root, "filter", gateway, addGlobal("domain: shop")),
			[]string{"istio-system/actions global shop of filter map[istio:ingressgateway]: global shop by all INCLUDE"}, nil},
		{"a filter for all gateways, actions of a namespace",
			envoyDocument(root, "filter", "", addGlobal("domain: shop")) + envoyDocument("shop", "actions", gateway, hostRule("", actionsOf("all"))),
			[]string{"shop/actions global shop of filter map[istio:ingressgateway]: global shop by all INCLUDE"}, nil},
		{"a filter of a namespace, actions for all gateways",
			envoyDocument("shop", "filter", "a: b", addGlobal("domain: shop")) + envoyDocument(root, "actions", "", hostRule("", actionsOf("all"))),
			[]string{"shop/actions global shop of filter map[a:b]: global shop by all INCLUDE"}, nil},
		{"other labels",
			envoyDocument(root, "filter", gateway, addGlobal("domain: shop")) + envoyDocument(root, "actions", "istio: egressgateway", hostRule("", actionsOf("all"))),
			nil, []string{nothing, unused}},
		{"another namespace",
			envoyDocument("shop", "filter", "", addGlobal("domain: shop")) + envoyDocument("other", "actions", "", hostRule("", actionsOf("all"))),
			nil, []string{nothing, unused}},
		{"two filters",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), addGlobal("domain: b"), hostRule("", actionsOf("all"))),
			[]string{"istio-system/filter global a: global a by all INCLUDE", "istio-system/filter global b: global b by all INCLUDE"}, nil},
		{"all levels: Envoy uses only the most specific actions",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), hostRule("", actionsOf("all")), hostRule("a:80", actionsOf("host")), routeRule("a:80", "pay", "route: {"+actionsOf("route")+"}"), routeRule("", "any", "route: {include_vh_rate_limits: true, "+actionsOf("any")+"}")),
			[]string{"istio-system/filter global a: global a by all INCLUDE", "istio-system/filter global a for a:80 host a:80: global a by host IGNORE", "istio-system/filter global a for pay in a:80 route pay in a:80: global a by route IGNORE", "istio-system/filter global a for any route any: global a by any INCLUDE"}, nil},
		{"one level",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), hostRule("a:80", actionsOf("host"))),
			[]string{"istio-system/filter global a for a:80 host a:80: global a by host"}, nil},
		{"all routes of a virtual host replace it",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), hostRule("a:80", actionsOf("host")), routeRule("a:80", "", "route: {"+actionsOf("routes")+"}")),
			[]string{"istio-system/filter global a for a:80 host a:80: global a by routes"}, nil},
		{"a bucket",
			envoyDocument(root, "filter", gateway, addLocal(percent+", "+perMinute)),
			[]string{"istio-system/filter local map[istio:ingressgateway]: local bucket INCLUDE"}, nil},
		{"only counted",
			envoyDocument(root, "filter", "", addLocal(`filter_enabled: {default_value: {numerator: 100}}, `+perMinute)),
			[]string{"istio-system/filter local: local bucket INCLUDE SHADOW"},
			[]string{"spec.configPatches[0].patch.value.typed_config: counts requests and refuses none: filter_enforced is missing, and its default is 0 %"}},
		{"off",
			envoyDocument(root, "filter", "", addLocal(perMinute)),
			[]string{"istio-system/filter local: local bucket INCLUDE DISABLED"},
			[]string{"spec.configPatches[0].patch.value.typed_config: limits nothing: filter_enabled is missing, and its default is 0 %"}},
		{"a bucket and the actions of a route",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), addGlobal("domain: a"), routeRule("", "pay", "route: {"+actionsOf("route")+"}")),
			[]string{"istio-system/filter global a for pay route pay: global a by route INCLUDE", "istio-system/filter local: local bucket INCLUDE"}, nil},
		{"a bucket and the actions of two levels",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), addGlobal("domain: a"), hostRule("", actionsOf("all")), routeRule("", "pay", "route: {"+actionsOf("route")+"}")),
			[]string{"istio-system/filter global a: global a by all INCLUDE", "istio-system/filter global a for pay route pay: global a by route INCLUDE", "istio-system/filter local: local bucket INCLUDE"},
			[]string{"spec.configPatches[3].patch.value.route.rate_limits: the rate_limits of larger parts of the configuration count these requests too, because there is also a local filter for all of them. In Envoy, only these do"}},
		{"descriptors and actions of all",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute+", "+perKey)) + envoyDocument(root, "actions", "", hostRule("", actionsOf("all")), hostRule("", actionsOf("more"))),
			[]string{"istio-system/filter local: local bucket 1 descriptors by all by more INCLUDE"}, nil},
		{"descriptors and actions of a route",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute+", "+perKey), routeRule("", "pay", "route: {"+actionsOf("route")+"}")),
			[]string{"istio-system/filter local for pay route pay: local 1 descriptors by route INCLUDE", "istio-system/filter local: local bucket INCLUDE"}, nil},
		{"descriptors without a bucket and actions of a host",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perKey), hostRule("a:80", actionsOf("host"))),
			[]string{"istio-system/filter local for a:80 host a:80: local 1 descriptors by host INCLUDE"}, nil},
		{"descriptors without actions",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute+", "+perKey)),
			[]string{"istio-system/filter local: local bucket INCLUDE"},
			[]string{"spec.configPatches[0].patch.value.typed_config: its descriptors limit nothing: neither the filter nor an EnvoyFilter for the same gateways has rate_limits"}},
		{"an own bucket of a route",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), routeRule("", "pay", override(percent+", "+perMinute))),
			[]string{"istio-system/filter local: local bucket INCLUDE", "istio-system/filter local for pay route pay: local bucket IGNORE"}, nil},
		{"an own bucket of a route beside a global limit of all",
			envoyDocument(root, "filter", "", addLocal(""), addGlobal("domain: a"), hostRule("", actionsOf("all")), routeRule("", "pay", override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a: global a by all INCLUDE", "istio-system/filter global a for pay route pay: global a by all IGNORE", "istio-system/filter local for pay route pay: local bucket IGNORE"}, nil},
		{"a route without the limit of all",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), routeRule("", "health", override(""))),
			[]string{"istio-system/filter local: local bucket INCLUDE", "istio-system/filter local for health route health: local IGNORE DISABLED"}, nil},
		{"an own bucket without a filter",
			envoyDocument(root, "filter", "", routeRule("", "pay", override(percent+", "+perMinute))), nil,
			[]string{"spec.configPatches[0].patch.value.typed_per_filter_config[envoy.filters.http.local_ratelimit]: limits nothing: no EnvoyFilter adds envoy.filters.http.local_ratelimit to the same gateways"}},
		{"a filter that only prepares",
			envoyDocument(root, "filter", "", addLocal("")), nil,
			[]string{"spec.configPatches[0].patch.value.typed_config: limits nothing: it has neither a token_bucket nor descriptors"}},
		{"filters of a namespace beside those of all",
			envoyDocument(root, "all", "", addLocal(percent+", "+perMinute)) + envoyDocument("shop", "shop", "", addLocal(percent+", "+perMinute), addGlobal("domain: a, "+actionsOf("own"))),
			[]string{"shop/shop global a: global a by own INCLUDE", "istio-system/all local: local bucket INCLUDE", "shop/shop local: local bucket INCLUDE"}, nil},
		{"an own bucket of a host beside a global filter with actions",
			envoyDocument(root, "filter", "", addGlobal("domain: a, "+actionsOf("own")), addLocal(percent+", "+perMinute), hostRule("a:80", override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a: global a by own INCLUDE", "istio-system/filter global a for a:80 host a:80: global a by own IGNORE", "istio-system/filter local: local bucket INCLUDE", "istio-system/filter local for a:80 host a:80: local bucket IGNORE"}, nil},
		{"an own bucket of a route and actions of a host",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), addLocal("stage: 0"), hostRule("a:80", actionsOf("host")), routeRule("", "pay", override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a for a:80 host a:80: global a by host", "istio-system/filter global a for pay in a:80 route pay in a:80: global a by host IGNORE", "istio-system/filter local for pay route pay route pay in a:80: local bucket IGNORE"}, nil},
		{"an own bucket of a host and actions of a route",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), addLocal("stage: 0"), hostRule("a:80", override(percent+", "+perMinute)), routeRule("", "pay", "route: {"+actionsOf("route")+"}")),
			[]string{"istio-system/filter global a for pay route pay: global a by route", "istio-system/filter global a for pay in a:80 route pay in a:80: global a by route IGNORE", "istio-system/filter local for a:80 host a:80 route pay in a:80: local bucket IGNORE"}, nil},
		{"an own bucket of a host, and of a route with actions",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), addLocal("stage: 0"), hostRule("a:80", override(percent+", "+perMinute)), routeRule("a:80", "pay", "route: {"+actionsOf("route")+"}, "+override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a for pay in a:80 route pay in a:80: global a by route IGNORE", "istio-system/filter local for a:80 host a:80: local bucket IGNORE", "istio-system/filter local for pay in a:80 route pay in a:80: local bucket IGNORE"}, nil},
		{"own descriptors of a host and actions of its routes",
			envoyDocument(root, "filter", "", addLocal("stage: 0"), hostRule("a:80", actionsOf("host")+", "+override(percent+", "+perMinute+", "+perKey)), routeRule("a:80", "pay", "route: {"+actionsOf("route")+"}")),
			[]string{"istio-system/filter local for a:80 host a:80: local bucket 1 descriptors by host IGNORE", "istio-system/filter local for pay in a:80 route pay in a:80: local bucket 1 descriptors by route IGNORE"}, nil},
		{"an own bucket of a route and several actions of all",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), addLocal(""), hostRule("", actionsOf("all")), hostRule("", actionsOf("more")), routeRule("", "pay", override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a: global a by all INCLUDE", "istio-system/filter global a 2: global a by more INCLUDE", "istio-system/filter global a for pay route pay: global a by all IGNORE", "istio-system/filter global a for pay 2 route pay: global a by more IGNORE", "istio-system/filter local for pay route pay: local bucket IGNORE"}, nil},
		{"own descriptors of a route and several actions of all",
			envoyDocument(root, "filter", "", addLocal(""), hostRule("", actionsOf("all")), hostRule("", actionsOf("more")), routeRule("", "pay", override(percent+", "+perMinute+", "+perKey))),
			[]string{"istio-system/filter local for pay route pay: local bucket 1 descriptors by all by more IGNORE"}, nil},
		{"an own bucket of a route and actions of some gateways",
			envoyDocument(root, "filter", "", addGlobal("domain: a"), addLocal(""), hostRule("", actionsOf("all")), routeRule("", "pay", override(percent+", "+perMinute))) +
				envoyDocument(root, "other", "istio: egressgateway", routeRule("", "pay", "route: {"+actionsOf("other")+"}")),
			[]string{"istio-system/filter global a: global a by all INCLUDE", "istio-system/other global a of filter for pay map[istio:egressgateway] route pay: global a by other IGNORE", "istio-system/filter global a for pay route pay: global a by all IGNORE", "istio-system/filter local for pay route pay: local bucket IGNORE"}, nil},
		{"own descriptors of a route and actions of some gateways",
			envoyDocument(root, "filter", "", addLocal(""), hostRule("", actionsOf("all")), routeRule("", "pay", override(percent+", "+perMinute+", "+perKey))) +
				envoyDocument(root, "other", "istio: egressgateway", routeRule("", "pay", "route: {"+actionsOf("other")+"}")),
			[]string{"istio-system/filter local for pay route pay: local bucket 1 descriptors by all IGNORE", "istio-system/filter local for pay 2 map[istio:egressgateway] route pay: local 1 descriptors by other IGNORE"}, nil},
		{"descriptors for all and actions of namespaces",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute+", "+perKey)) + envoyDocument("shop", "actions", "", hostRule("", actionsOf("shop"))) + envoyDocument("other", "actions", "", hostRule("", actionsOf("other"))),
			[]string{"shop/actions local of filter: local 1 descriptors by shop INCLUDE", "other/actions local of filter: local 1 descriptors by other INCLUDE", "istio-system/filter local: local bucket INCLUDE"}, nil},
		{"two global filters, one with actions",
			envoyDocument(root, "filter", "", addGlobal("domain: a, "+actionsOf("own")), addGlobal("domain: b"), hostRule("a:80", actionsOf("host"))),
			[]string{"istio-system/filter global a: global a by own INCLUDE", "istio-system/filter global b for a:80 host a:80: global b by host INCLUDE"}, nil},
		{"two global filters, one with actions, and actions of two levels",
			envoyDocument(root, "filter", "", addGlobal("domain: a, "+actionsOf("own")), addGlobal("domain: b"), hostRule("", actionsOf("all")), hostRule("a:80", actionsOf("host"))),
			[]string{"istio-system/filter global a: global a by own INCLUDE", "istio-system/filter global a for a:80 host a:80: global a by own IGNORE", "istio-system/filter global b: global b by all INCLUDE", "istio-system/filter global b for a:80 host a:80: global b by host IGNORE"}, nil},
		{"an own bucket of all",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), addGlobal("domain: a, "+actionsOf("own")), hostRule("", override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a: global a by own INCLUDE", "istio-system/filter local: local bucket IGNORE"}, nil},
		{"an own bucket of all in a namespace",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), addGlobal("domain: a, "+actionsOf("own"))) + envoyDocument("shop", "shop", "", hostRule("", override(percent+", "+perMinute))),
			[]string{"istio-system/filter global a: global a by own INCLUDE", "shop/shop global a of filter: global a by own IGNORE", "istio-system/filter local: local bucket INCLUDE", "shop/shop local: local bucket IGNORE"}, nil},
		{"more of the same",
			envoyDocument(root, "filter", "", addLocal(percent+", "+perMinute), addLocal(percent+", "+perMinute)),
			[]string{"istio-system/filter local: local bucket INCLUDE", "istio-system/filter local 2: local bucket INCLUDE"}, nil},
		{"actions that a filter does not use",
			envoyDocument(root, "filter", "", addGlobal("domain: a, "+actionsOf("own")), hostRule("a:80", actionsOf("host"))),
			[]string{"istio-system/filter global a: global a by own INCLUDE"}, []string{"spec.configPatches[1].patch.value.rate_limits: limits nothing: envoy.filters.http.ratelimit of the same gateways has rate_limits of its own, and uses only these"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			declared, err := Text(tt.text).Declare()
			require.NoError(t, err)
			require.Empty(t, declared.Unexecuted)
			var got, warnings []string
			for i := range declared.RateLimits {
				got = append(got, summary(&declared.RateLimits[i]))
			}
			for _, w := range declared.Warnings {
				_, problem, _ := strings.Cut(w.String(), ": EnvoyFilter ")
				_, problem, _ = strings.Cut(problem, ": ")
				warnings = append(warnings, problem)
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.warnings, warnings)
		})
	}
}

// An EnvoyFilter that does more than limit requests is a policy that is not executed.
func TestEnvoyFiltersThatDoMore(t *testing.T) {
	local := addLocal(percent + ", " + perMinute)
	for _, tt := range []struct{ name, patch, want string }{
		{"another filter", addFilter(`{"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}`),
			"7:120: spec.configPatches[1].patch.value.typed_config: only " + localRateLimit + " and " + globalRateLimit + ` can be executed, found "envoy.extensions.filters.http.lua.v3.Lua"`},
		{"a filter in another struct", addFilter(`{"@type": a/udpa.type.v1.TypedStruct, type_url: b/envoy.extensions.filters.http.rbac.v3.RBAC, value: {}}`),
			"7:221: spec.configPatches[1].patch.value.typed_config.value: only " + localRateLimit + " and " + globalRateLimit + ` can be executed, found "envoy.extensions.filters.http.rbac.v3.RBAC"`},
		{"no configuration", `{applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: envoy.filters.http.local_ratelimit}}}`,
			"7:59: spec.configPatches[1].patch.value: expected a typed_config"},
		{"old configuration", `{applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: envoy.rate_limit, config: {domain: a}}}}`,
			"7:84: spec.configPatches[1].patch.value.config: only name, typed_config can be executed here"},
		{"a port", `{applyTo: HTTP_FILTER, match: {listener: {portNumber: 8443}}, patch: {operation: ADD, value: {}}}`,
			"7:47: spec.configPatches[1].match.listener.portNumber: only filterChain can be executed here"},
		{"a version", `{applyTo: HTTP_FILTER, match: {proxy: {proxyVersion: a}}, patch: {operation: ADD, value: {}}}`,
			"7:36: spec.configPatches[1].match.proxy: only context, listener can be executed here"},
		{"a TCP filter", `{applyTo: HTTP_FILTER, match: {listener: {filterChain: {filter: {name: envoy.filters.network.tcp_proxy}}}}, patch: {operation: ADD, value: {}}}`,
			`7:76: spec.configPatches[1].match.listener.filterChain.filter.name: expected envoy.filters.network.http_connection_manager or envoy.http_connection_manager, found the string "envoy.filters.network.tcp_proxy"`},
		{"a change of a filter", `{applyTo: HTTP_FILTER, patch: {operation: MERGE, value: {}}}`,
			`7:47: spec.configPatches[1].patch.operation: expected INSERT_BEFORE or INSERT_FIRST or INSERT_AFTER or ADD, found the string "MERGE"`},
		{"no operation", `{applyTo: HTTP_FILTER, patch: {value: {}}}`,
			"7:35: spec.configPatches[1].patch: the operation is missing"},
		{"a listener", `{applyTo: LISTENER, patch: {operation: MERGE, value: {}}}`,
			"7:15: spec.configPatches[1].applyTo: only HTTP_FILTER, VIRTUAL_HOST, HTTP_ROUTE and CLUSTER can be executed"},
		{"a change of a cluster", `{applyTo: CLUSTER, patch: {operation: MERGE, value: {}}}`,
			`7:43: spec.configPatches[1].patch.operation: expected ADD, found the string "MERGE"`},
		{"another context", `{applyTo: HTTP_FILTER, match: {context: GATEWAYS}, patch: {operation: ADD, value: {}}}`,
			`7:45: spec.configPatches[1].match.context: expected GATEWAY or ANY, found the string "GATEWAYS"`},
		{"more of a virtual host", hostRule("a:80", actionsOf("a")+", cors: {}"),
			"7:201: spec.configPatches[1].patch.value.cors: only rate_limits, typed_per_filter_config can be executed here"},
		{"more of a route", routeRule("a:80", "b", "route: {timeout: 1s, "+actionsOf("a")+"}"),
			"7:161: spec.configPatches[1].patch.value.route.timeout: only rate_limits, include_vh_rate_limits can be executed here"},
		{"a gateway", `{applyTo: VIRTUAL_HOST, match: {routeConfiguration: {gateway: a/b}}, patch: {operation: MERGE, value: {}}}`,
			"7:58: spec.configPatches[1].match.routeConfiguration.gateway: only vhost can be executed here"},
		{"redirects", `{applyTo: HTTP_ROUTE, match: {routeConfiguration: {vhost: {route: {action: REDIRECT}}}}, patch: {operation: MERGE, value: {}}}`,
			`7:80: spec.configPatches[1].match.routeConfiguration.vhost.route.action: expected ANY, found the string "REDIRECT"`},
		{"another filter of a route", routeRule("", "b", `typed_per_filter_config: {envoy.filters.http.ratelimit: {"@type": a/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute}}`),
			"7:205: spec.configPatches[1].patch.value.typed_per_filter_config[envoy.filters.http.ratelimit]: only " + localRateLimit + ` can be executed, found "envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute"`},
		{"a key twice", `{applyTo: CLUSTER, applyTo: CLUSTER}`, `7:24: spec.configPatches[1]: the key "applyTo" is already on line 7`},
		{"no map", `5`, "7:5: spec.configPatches[1]: expected a map, found the number 5"},
		{"a match of another form", `{applyTo: CLUSTER, match: [], patch: {operation: ADD, value: {}}}`, "7:31: spec.configPatches[1].match: expected a map, found a list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			declared, err := Text(envoyDocument("istio-system", "a", "", local, tt.patch)).Declare()
			require.NoError(t, err)
			require.Empty(t, declared.RateLimits)
			require.Len(t, declared.Unexecuted, 1)
			p := declared.Unexecuted[0]
			place, what, _ := strings.Cut(tt.want, ": ")
			require.Contains(t, p.Reason, ", and skipping it would allow requests that the filter refuses. It is not read because of "+what)
			require.Equal(t, place, fmt.Sprintf("%d:%d", p.Origin.Line, p.Origin.Column))
		})
	}
}

// A broken EnvoyFilter breaks the policies that need it, and causes no warnings that
// something is missing.
func TestBrokenEnvoyLimits(t *testing.T) {
	declared, err := Text(envoyDocument(rootNamespace, "filter", "", addGlobal("domain: a, timout: 1s")) + envoyDocument(rootNamespace, "actions", "", hostRule("", actionsOf("all")))).Declare()
	require.ErrorContains(t, err, `unknown field; did you mean "timeout"?`)
	require.Empty(t, declared.RateLimits)
	require.Len(t, declared.Incomplete.RateLimits, 1)
	require.Empty(t, declared.Warnings)
}

// Findings about the policies name the fields of the EnvoyFilter.
func TestEnvoyLimitsAreLocated(t *testing.T) {
	text := envoyDocument(rootNamespace, "filter", "", addLocal(percent+", "+perMinute+", status: {code: 503}, "+actionsOf("a")), hostRule("a:80", actionsOf("b")), addGlobal("domain: a, statusOnError: {code: 500}"))
	declared, err := Text(text).Declare()
	require.NoError(t, err)
	require.Len(t, declared.RateLimits, 2)
	global, local := &declared.RateLimits[0].Origin, &declared.RateLimits[1].Origin
	for _, tt := range []struct {
		origin     *spec.Origin
		path, want string
	}{
		{local, "local.tokenBucket.maxTokens", "spec.configPatches[0].patch.value.typed_config.token_bucket.max_tokens"},
		{local, "rateLimits[0].actions[0].genericKey.descriptorValue", "spec.configPatches[0].patch.value.typed_config.rate_limits[0].actions[0].generic_key.descriptor_value"},
		{local, "response.statusCode", "spec.configPatches[0].patch.value.typed_config.status.code"},
		{local, "local.tokenBucket.tokensPerFill", "spec.configPatches[0].patch.value.typed_config.token_bucket.tokensPerFill"},
		{global, "rateLimits[0].actions[0].genericKey", "spec.configPatches[1].patch.value.rate_limits[0].actions[0].generic_key"},
		{global, "global.statusOnError", "spec.configPatches[2].patch.value.typed_config.statusOnError"},
		{global, "virtualHosts[0]", "spec.configPatches[1].virtualHosts[0]"},
	} {
		f := tt.origin.At(tt.path, "problem")
		require.Equal(t, tt.want, f.Field)
		lines := strings.Split(text, "\n")
		require.Less(t, f.Line, len(lines))
		last := tt.want[strings.LastIndexAny(tt.want, ".]")+1:]
		if strings.Contains(lines[f.Line-1], last+":") && last != "" {
			require.True(t, strings.HasSuffix(strings.TrimRight(lines[f.Line-1][:f.Column-1], `" `), last+":"), "%s: column %d", tt.path, f.Column)
		}
	}
}

// What concerns only sidecars stays skipped.
func TestEnvoyLimitsOfSidecars(t *testing.T) {
	text := strings.ReplaceAll(envoyDocument(rootNamespace, "a", "", addLocal(percent+", max: 1"), hostRule("", actionsOf("a"))), "GATEWAY", "SIDECAR_INBOUND")
	declared, err := Text(text).Declare()
	require.NoError(t, err)
	require.Empty(t, declared.Unexecuted)
	require.Len(t, declared.Warnings, 1)
	require.Contains(t, declared.Warnings[0].String(), "is not read; skipped")
}
