package compile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec/istio"
)

const edge = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: istio-system}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
`

// warned returns the warnings of a configuration with the Gateway edge, without
// file names.
func warned(t *testing.T, text string, set ...func(*gateway.Builder)) []string {
	t.Helper()
	b := gateway.New().Semantics(gateway.Envoy).Backend("*", testhttp.Saying("app")).Load(istio.Bytes("a", []byte(edge+text)))
	for _, f := range set {
		f(b)
	}
	gw, err := b.Build()
	require.NoError(t, err)
	defer gw.Close()
	var out []string
	for _, w := range gw.Warnings() {
		_, text, _ := strings.Cut(w.String(), ": ")
		out = append(out, text)
	}
	return out
}

func resource(kind, metadata, spec string) string {
	version := "v1"
	if kind == "RateLimitConfig" {
		version = "v1alpha3"
	}
	return "apiVersion: networking.istio.io/" + version + "\nkind: " + kind + "\nmetadata: {" + metadata + "}\nspec: {" + spec + "}\n---\n"
}

const (
	toApp   = `route: [{destination: {host: app.test}}]`
	routing = "hosts: [shop.test], gateways: [istio-system/gw], http: "
)

// No declaration is dropped without a warning, and there is no warning if all are
// used.
func TestPassedOver(t *testing.T) {
	served := resource("VirtualService", "name: shop, namespace: shop", routing+"[{"+toApp+"}]")
	service := resource("ServiceEntry", "name: app, namespace: shop", "hosts: [app.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]")
	policy := "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
	labels := func(labels map[string]string) func(*gateway.Builder) {
		return func(b *gateway.Builder) { b.Workload("istio-system", labels) }
	}
	ingress := labels(map[string]string{"istio": "ingressgateway"})
	selecting := resource("VirtualService", "name: subsets, namespace: shop",
		"hosts: [subsets.test], gateways: [istio-system/gw], http: [{route: [{destination: {host: app.test, subset: v1}, weight: 1}, {destination: {host: app.test, subset: v2}, weight: 1}]}]")
	tests := []struct {
		name string
		text string
		set  []func(*gateway.Builder)
		want []string
	}{
		{"all is used", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, "+policy), nil, nil},

		{"a rule that is not exported", served + service + resource("DestinationRule", "name: app, namespace: shop", `host: app.test, exportTo: ["."], `+policy), nil, []string{
			"DestinationRule shop/app: spec.exportTo: the rule is not exported to the namespace of the gateway, istio-system: it is not used"}},
		{"a rule in a third namespace", served + service + resource("DestinationRule", "name: app, namespace: other", "host: app.test, "+policy), nil, []string{
			"DestinationRule other/app: spec: rules for app.test are looked for in the namespaces of the gateway, istio-system, of the service, shop, and istio-system: this one in other is not used"}},
		{"a rule for a misspelled host", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: ap.test, "+policy), nil, []string{
			`DestinationRule shop/app: spec.host: no route that is served has a destination ap.test: the rule is not used; did you mean "app.test"?`}},
		{"a rule for workloads of its namespace", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, workloadSelector: {matchLabels: {app: x}}, "+policy), nil, []string{
			"DestinationRule shop/app: spec.workloadSelector: a rule with a workloadSelector is only for its own namespace, shop, and the gateway runs in istio-system: the rule is not used"}},
		{"a second rule", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, "+policy) +
			resource("DestinationRule", "name: app2, namespace: shop", "host: app.test, "+policy), nil, []string{
			"DestinationRule shop/app2: spec.trafficPolicy: DestinationRule shop/app has one for the same host and comes first: this one has no effect"}},
		{"a second rule with other subsets", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, "+policy) +
			resource("DestinationRule", "name: app2, namespace: shop", "host: app.test, subsets: [{name: v1, labels: {v: '1'}}]") +
			resource("VirtualService", "name: v1, namespace: shop", "hosts: [v1.test], gateways: [istio-system/gw], http: [{route: [{destination: {host: app.test, subset: v1}}]}]"), nil, nil},
		{"a second rule with the same subset", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, subsets: [{name: v1, labels: {v: '1'}}]") +
			resource("DestinationRule", "name: app2, namespace: shop", "host: app.test, subsets: [{name: v2, labels: {v: '2'}}, {name: v1, labels: {v: '1'}}]") + selecting, nil, []string{
			`DestinationRule shop/app2: spec.subsets[1]: DestinationRule shop/app has a subset "v1" for the same host and comes first: this one has no effect`}},
		{"subsets that no route selects", served + service + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, subsets: [{name: v1, labels: {v: '1'}}]"), nil, []string{
			"DestinationRule shop/app: spec.subsets: no route that is served selects a subset of it, and it has no trafficPolicy: the rule is not used"}},
		{"a wildcard beside an exact rule", served + service + resource("DestinationRule", "name: any, namespace: shop", `host: "*.test", `+policy) +
			resource("DestinationRule", "name: app, namespace: shop", "host: app.test, "+policy), nil, []string{
			"DestinationRule shop/any: spec.host: for app.test, DestinationRule shop/app of app.test comes first: this rule is not used"}},

		{"a VirtualService that is not exported", resource("VirtualService", "name: shop, namespace: shop", `exportTo: ["."], `+routing+"[{"+toApp+"}]"), nil, []string{
			"Gateway istio-system/gw: spec.servers[0]: no VirtualService is served here: requests get 404",
			"VirtualService shop/shop: spec.exportTo: it is not exported to the namespace of the gateway, istio-system: it is not served"}},
		{"labels that select no Gateway", served, []func(*gateway.Builder){labels(map[string]string{"istio": "egressgateway"})}, []string{
			"Gateway istio-system/gw: spec.selector: it does not select the labels of this gateway, istio=egressgateway: the Gateway is not served",
			"VirtualService shop/shop: spec.gateways[0]: Gateway istio-system/gw is not served: no request reaches the VirtualService through it"}},
		{"labels that select the Gateway", served, []func(*gateway.Builder){ingress}, nil},
		{"Gateways of two workloads", served + resource("Gateway", "name: egress, namespace: istio-system", `selector: {istio: egressgateway}, servers: [{port: {number: 81, name: http, protocol: HTTP}, hosts: ["*"]}]`), nil, []string{
			"Gateway istio-system/egress: spec.selector: it selects istio=egressgateway, and Gateway istio-system/gw selects istio=ingressgateway: Istio serves them by different workloads, and Lateen by one. Set the labels of the workload to choose one of them",
			"Gateway istio-system/egress: spec.servers[0]: no VirtualService is served here: requests get 404"}},

		{"matches that never hold here", resource("VirtualService", "name: shop, namespace: shop", routing+
			"[{match: [{sourceLabels: {app: web}}, {sourceNamespace: web}, {gateways: [mesh]}, {uri: {prefix: /a}}], "+toApp+"}]"), nil, []string{
			"VirtualService shop/shop: spec.http[0].match[0].sourceLabels: describes the gateway's own workload, never the client of a request",
			"VirtualService shop/shop: spec.http[0].match[1].sourceNamespace: the gateway runs in the namespace istio-system: no request matches",
			"VirtualService shop/shop: spec.http[0].match[2].gateways: the VirtualService is served at none of these gateways: no request matches"}},

		{"a ServiceEntry that is not exported", served + strings.Replace(service, "hosts:", `exportTo: ["."], hosts:`, 1), nil, []string{
			"ServiceEntry shop/app: spec.exportTo: it is not exported to the namespace of the gateway, istio-system: routes to its hosts do not use it"}},
		{"a ServiceEntry that no route names", resource("VirtualService", "name: shop, namespace: shop", routing+"[{route: [{destination: {host: other.test}}]}]") + strings.Replace(service, "hosts:", `exportTo: ["."], hosts:`, 1), nil, nil},
		{"two services of one host", served + service + strings.Replace(service, "name: app, namespace: shop", "name: app, namespace: other", 1), nil, []string{
			"ServiceEntry other/app: spec: routes to app.test use the service of the namespace shop: this one is not used"}},

		{"TLS that a URL overrides", served + resource("DestinationRule", "name: app, namespace: shop", "host: app.test, trafficPolicy: {tls: {mode: SIMPLE}}"),
			[]func(*gateway.Builder){func(b *gateway.Builder) { b.BackendURL("app.test", "http://127.0.0.1:9") }}, []string{
				"DestinationRule shop/app: spec.trafficPolicy.tls: has no effect: the backend app.test is at the URL http://127.0.0.1:9, and gets plain text"}},

		{"a limit for a namespace without Gateway", served + resource("RateLimitConfig", "name: limit, namespace: shop", "limits: [{requestsPerUnit: 1, unit: HOUR}]"), nil, []string{
			"RateLimitConfig shop/limit: spec: it has no targetRefs, and no Gateway of the namespace shop is served: nothing is limited"}},
		{"a limit that a more specific one replaces", served +
			resource("RateLimitConfig", "name: gateway, namespace: istio-system", "targetRefs: [{kind: Gateway, name: gw}], limits: [{requestsPerUnit: 1, unit: HOUR}]") +
			resource("RateLimitConfig", "name: shop, namespace: shop", "targetRefs: [{kind: VirtualService, name: shop}], limits: [{requestsPerUnit: 1, unit: HOUR}]"), nil, []string{
			"RateLimitConfig istio-system/gateway: spec: more specific policies are attached to all of its routes: this one limits nothing"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, warned(t, tt.text, tt.set...))
		})
	}
}

// Delegates whose routes conflict with the route that delegates to them.
func TestConflictingDelegates(t *testing.T) {
	root := func(match string) string {
		return resource("VirtualService", "name: root, namespace: shop", routing+"[{match: ["+match+"], delegate: {name: own}}]")
	}
	own := func(match string) string {
		return resource("VirtualService", "name: own, namespace: shop", "http: [{match: ["+match+"], "+toApp+"}]")
	}
	require.Empty(t, warned(t, root("{uri: {prefix: /a}}")+own("{uri: {prefix: /a/b}}")))
	require.Equal(t, []string{
		"Gateway istio-system/gw: spec.servers[0]: no VirtualService is served here: requests get 404",
		"VirtualService shop/root: spec.http[0].delegate: every route of VirtualService shop/own conflicts with the match of this one: the route matches no request",
		"VirtualService shop/own: spec.http[0].match[0]: conflicts with every match of the route of VirtualService shop/root that delegates to it: Istio drops the whole route, so it matches no request",
	}, warned(t, root(`{uri: {regex: "/a(/.*)?"}}`)+own(`{uri: {regex: "/a(/.*)?"}}`)))
	require.Equal(t, []string{
		"Gateway istio-system/gw: spec.servers[0]: no VirtualService is served here: requests get 404",
		"VirtualService shop/root: spec.http[0].delegate: every route of VirtualService shop/own conflicts with the match of this one: the route matches no request",
		"VirtualService shop/own: spec.http[0].match[1]: conflicts with every match of the route of VirtualService shop/root that delegates to it: Istio drops the whole route, so it matches no request",
	}, warned(t, root("{uri: {prefix: /a}}")+own("{uri: {prefix: /a/b}}, {uri: {prefix: /c}}")))
	both := resource("VirtualService", "name: root, namespace: shop", routing+"[{match: [{uri: {prefix: /a}}], delegate: {name: own}}, {match: [{uri: {prefix: /b}}], delegate: {name: own}}]")
	require.Equal(t, []string{
		"VirtualService shop/root: spec.http[1].delegate: every route of VirtualService shop/own conflicts with the match of this one: the route matches no request",
	}, warned(t, both+own("{uri: {prefix: /a/b}}")))
}

// ISTIO_MUTUAL is an error only if a connection would need it.
func TestIstioMutual(t *testing.T) {
	rule := resource("DestinationRule", "name: mesh, namespace: istio-system", `host: "*", trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}`)
	served := resource("VirtualService", "name: shop, namespace: shop", routing+"[{"+toApp+"}]")
	require.Empty(t, warned(t, rule+served))
	service := resource("ServiceEntry", "name: app, namespace: shop", "hosts: [app.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]")
	_, err := gateway.New().Load(istio.Bytes("a", []byte(edge+rule+served+service))).Build()
	require.ErrorContains(t, err, "DestinationRule istio-system/mesh: spec.trafficPolicy.tls.mode: ISTIO_MUTUAL is not executed by Lateen")
}

// A policy limits the routes that it names by the name of the route that delegates,
// of the delegate's route, or of both together.
func TestLimitsOnDelegates(t *testing.T) {
	const routes = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root}
spec:
  hosts: ["*"]
  http:
  - name: team
    match: [{uri: {prefix: /team}}]
    delegate: {name: own}
  - name: rest
    route: [{destination: {host: app}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: own}
spec:
  http:
  - name: login
    match: [{uri: {prefix: /team/login}}]
    route: [{destination: {host: app}}]
---
`
	policy := func(name, target string) string {
		return resource("RateLimitConfig", "name: "+name, "targetRefs: [{kind: VirtualService, "+target+"}], limits: [{requestsPerUnit: 2, unit: HOUR}]")
	}
	// refused returns how many of four requests a gateway refuses.
	refused := func(t *testing.T, gw *gateway.Gateway, path string) (n int) {
		for range 4 {
			if testgateway.Serve(gw, testhttp.Request(t, "GET", path)).Code == 429 {
				n++
			}
		}
		return n
	}
	tests := []struct {
		target      string
		login, rest int
		warned      bool
	}{
		{"name: root", 2, 4, false},
		{"name: root, sectionName: team", 2, 0, false},
		{"name: root, sectionName: team-login", 2, 0, false},
		{"name: root, sectionName: rest", 0, 2, false},
		{"name: own", 2, 0, false},
		{"name: own, sectionName: login", 2, 0, false},
		{"name: root, sectionName: login", 0, 0, true},
		{"name: own, sectionName: team-login", 0, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			gw := testgateway.Built(t, gateway.New().Backend("app", testhttp.Saying("app")).Load(istio.Text(routes+policy("limit", tt.target))))
			require.Equal(t, tt.login, refused(t, gw, "/team/login"))
			require.Equal(t, tt.rest, refused(t, gw, "/x"))
			require.Equal(t, tt.warned, strings.Contains(fmt.Sprint(gw.Warnings()), "nothing is limited"))
		})
	}

	t.Run("of the root and of the delegate", func(t *testing.T) {
		gw := testgateway.Built(t, gateway.New().Backend("app", testhttp.Saying("app")).Load(istio.Text(routes+
			policy("root", "name: root")+strings.Replace(policy("own", "name: own"), "requestsPerUnit: 2", "requestsPerUnit: 100", 1))))
		require.Equal(t, 2, refused(t, gw, "/team/login"), "the delegate does not lift the limit of its root")
		require.Empty(t, gw.Warnings())
	})
}
