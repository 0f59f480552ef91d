package compile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec/istio"
)

// A telemetryResource is a Telemetry with its name, its other metadata and its spec.
func telemetryResource(name, metadata, spec string) string {
	namespace, name, _ := strings.Cut(name, "/")
	return "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: " + name + ", namespace: " + namespace + metadata + "}\nspec: {" + spec + "}\n---\n"
}

// The most specific Telemetry wins in each field that it sets, and all that has no effect
// is told.
func TestTelemetriesOfAGateway(t *testing.T) {
	t.Setenv("LATEEN_TEST_ZONE", "z1")
	type tags = []observe.Tag
	sampled := func(percent float64) observe.Tracing {
		return observe.Tracing{SamplingSet: true, SamplingPercent: percent}
	}
	percent := func(p string) string { return "tracing: [{randomSamplingPercentage: " + p + "}]" }
	ours, others := "selector: {matchLabels: {istio: ingressgateway}}, ", "selector: {matchLabels: {app: shop}}, "
	created := func(year string) string { return `, creationTimestamp: "` + year + `-01-01T00:00:00Z"` }
	mesh := telemetryResource("istio-system/mesh", "", percent("1"))
	const loses = "spec.tracing[0].randomSamplingPercentage: has no effect: "
	for _, row := range []struct {
		name string
		text string
		want observe.Tracing
		told []string
	}{
		{"none", "", observe.Tracing{}, nil},
		{"the mesh's", mesh, sampled(1), nil},
		{"none of the requests is a percentage", telemetryResource("istio-system/mesh", "", percent("0")), sampled(0), nil},
		{"the mesh's, for chosen workloads, where the gateway does not run", telemetryResource("istio-system/mesh", "", ours+percent("1")), observe.Tracing{}, []string{
			"istio-system/mesh: spec: the Telemetry does not apply to this gateway: it has a selector, so it is for the namespace istio-system, and the gateway runs in edge"}},
		{"the namespace's wins over the mesh's", telemetryResource("edge/own", "", percent("2")) + mesh, sampled(2), []string{
			"istio-system/mesh: " + loses + "Telemetry edge/own sets it too, and wins"}},
		{"the workload's wins over the namespace's", telemetryResource("edge/us", "", ours+percent("3")) + telemetryResource("edge/own", "", percent("2")), sampled(3), []string{
			"edge/own: " + loses + "Telemetry edge/us sets it too, and wins"}},
		{"those of another workload", mesh + telemetryResource("edge/shop", "", others+percent("3")), sampled(1), []string{
			"edge/shop: spec: the Telemetry does not apply to this gateway: its selector does not select the labels of the gateway"}},
		{"those of another namespace", mesh + telemetryResource("shop/shop", "", percent("3")), sampled(1), []string{
			"shop/shop: spec: the Telemetry does not apply to this gateway: it is for the namespace shop, and the gateway runs in edge"}},
		{"those of a gateway of the Gateway API", mesh + telemetryResource("edge/shop", "", "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}], "+percent("3")), sampled(1), []string{
			"edge/shop: spec: the Telemetry does not apply to this gateway: its targetRefs are for gateways of the Gateway API, and no label of the gateway has such a name"}},
		{"unset fields are inherited",
			telemetryResource("istio-system/mesh", "", "tracing: [{providers: [{name: zipkin}], randomSamplingPercentage: 1, disableSpanReporting: true, customTags: {a: {literal: {value: b}}}}]") +
				telemetryResource("edge/own", "", "tracing: [{disableSpanReporting: false}]") + telemetryResource("edge/us", "", ours+"tracing: [{disableContextPropagation: true, providers: []}]"),
			observe.Tracing{Provider: "zipkin", SamplingSet: true, SamplingPercent: 1, PropagationDisabled: true, CustomTags: tags{{Name: "a", Literal: "b"}}}, []string{
				"istio-system/mesh: spec.tracing[0].disableSpanReporting: has no effect: Telemetry edge/own sets it too, and wins"}},
		{"custom tags are not merged",
			telemetryResource("istio-system/mesh", "", "tracing: [{customTags: {a: {literal: {value: b}}}}]") + telemetryResource("edge/own", "", "tracing: [{customTags: {c: {literal: {value: d}}}}]"),
			observe.Tracing{CustomTags: tags{{Name: "c", Literal: "d"}}}, []string{
				"istio-system/mesh: spec.tracing[0].customTags: has no effect: Telemetry edge/own sets it too, and wins"}},
		{"tags are ordered, and variables are read",
			telemetryResource("istio-system/mesh", "", "tracing: [{customTags: {z: {environment: {name: LATEEN_TEST_ZONE, defaultValue: x}}, none: {environment: {name: LATEEN_TEST_NO_SUCH_VARIABLE}}, "+
				"d: {environment: {name: LATEEN_TEST_NO_SUCH_VARIABLE, defaultValue: x}}, h: {header: {name: x-h, defaultValue: other}}}}]"),
			observe.Tracing{CustomTags: tags{{Name: "d", Literal: "x"}, {Name: "h", Header: "x-h", Default: "other"}, {Name: "z", Literal: "z1"}}}, []string{
				`istio-system/mesh: spec.tracing[0].customTags[none]: has no effect: the environment variable "LATEEN_TEST_NO_SUCH_VARIABLE" has no value, and there is no default`}},

		{"of several without a selector, the first", mesh + telemetryResource("istio-system/other", "", percent("2")), sampled(1), []string{
			"istio-system/other: spec: Telemetry istio-system/mesh has no selector either and is older: this one has no effect [IST0160]"}},
		{"of several without a selector, the oldest", telemetryResource("istio-system/mesh", created("2024"), percent("1")) + telemetryResource("istio-system/other", created("2023"), percent("2")), sampled(2), []string{
			"istio-system/mesh: spec: Telemetry istio-system/other has no selector either and is older: this one has no effect [IST0160]"}},
		{"the oldest counts alone, even if it is not about traces", telemetryResource("istio-system/logs", "", "accessLogging: [{disabled: true}]") + mesh, observe.Tracing{}, []string{
			"istio-system/logs: spec.accessLogging: has no effect: package accesslog and lateen serve --access-log write access logs",
			"istio-system/mesh: spec: Telemetry istio-system/logs has no selector either and is older: this one has no effect [IST0160]"}},
		{"of several that select us, the youngest wins", telemetryResource("edge/a", created("2024"), ours+percent("1")) + telemetryResource("edge/b", created("2023"), ours+"tracing: [{randomSamplingPercentage: 2, disableSpanReporting: true}]"),
			observe.Tracing{SamplingSet: true, SamplingPercent: 1, Disabled: true}, []string{
				"edge/a: spec: Telemetry edge/b selects the gateway too: where both set a field, this one wins, because it is younger [IST0159]",
				"edge/b: " + loses + "Telemetry edge/a sets it too, and wins"}},

		{"for clients", telemetryResource("edge/own", "", "tracing: [{match: {mode: CLIENT}, randomSamplingPercentage: 2}]"), sampled(2), nil},
		{"for clients and servers", telemetryResource("edge/own", "", "tracing: [{match: {mode: CLIENT_AND_SERVER}, randomSamplingPercentage: 2}]"), sampled(2), nil},
		{"for servers", mesh + telemetryResource("edge/own", "", "tracing: [{match: {mode: SERVER}, randomSamplingPercentage: 2}]"), sampled(1), []string{
			"edge/own: spec.tracing[0].match.mode: has no effect: a gateway is a client of its destinations, and has the settings for CLIENT or CLIENT_AND_SERVER"}},
		{"a later element wins", telemetryResource("edge/own", "", "tracing: [{randomSamplingPercentage: 2}, {randomSamplingPercentage: 3}]"), sampled(3), []string{
			"edge/own: " + loses + "a later element of tracing sets it too, and wins"}},
		{"nothing is set", telemetryResource("edge/own", "", "tracing: [{}]") + telemetryResource("istio-system/mesh", "", ""), observe.Tracing{}, []string{
			"edge/own: spec.tracing[0]: has no effect: it sets nothing", "istio-system/mesh: spec: has no effect: it has no tracing"}},
		{"a setting without effect is told once", telemetryResource("edge/own", "", "tracing: [{enableIstioTags: false}]"), observe.Tracing{}, []string{
			"edge/own: spec.tracing[0].enableIstioTags: has no effect: no span has tags such as istio.canonical_service"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			served := resource("VirtualService", "name: shop, namespace: shop", routing+"[{"+toApp+"}]")
			gw, err := gateway.New().Workload("edge", map[string]string{"istio": "ingressgateway"}).
				Backend("*", testhttp.Saying("app")).Load(istio.Bytes("a", []byte(edge+served+row.text))).Build()
			require.NoError(t, err)
			defer gw.Close()
			require.Equal(t, row.want, gw.Tracing())
			var told []string
			for _, w := range gw.Warnings() {
				_, text, _ := strings.Cut(w.String(), ": Telemetry ")
				told = append(told, text)
			}
			require.ElementsMatch(t, row.told, told)
		})
	}
}
