package istio_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// limited is a gateway with two VirtualServices, and the beginning of a policy.
const limited = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.test]
  gateways: [edge]
  http:
  - name: pay
    match: [{uri: {prefix: /pay}}]
    route: [{destination: {host: pay}}]
  - route: [{destination: {host: shop}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: blog}
spec:
  hosts: [blog.test]
  gateways: [edge]
  http:
  - route: [{destination: {host: blog}}]
---
apiVersion: networking.istio.io/v1alpha3
kind: RateLimitConfig
metadata: {name: limits}
spec:
`

// answers returns the status of each request: "HOST PATH [NAME=VALUE]" in a line, three
// times in a row.
func answers(t *testing.T, s spec.Source, requests string) string {
	t.Helper()
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	gw, err := gateway.New().Backend("*", ok).Load(s).Build()
	require.NoError(t, err)
	defer gw.Close()
	var out strings.Builder
	for line := range strings.Lines(requests) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		out.WriteString(strings.Join(words, " ") + ":")
		for range 3 {
			r := httptest.NewRequest("GET", "http://"+words[0]+words[1], nil)
			for _, header := range words[2:] {
				name, value, _ := strings.Cut(header, "=")
				r.Header.Add(name, value)
			}
			answer := httptest.NewRecorder()
			gw.ServeHTTP(answer, r)
			out.WriteString(" " + http.StatusText(answer.Code))
		}
		out.WriteString("\n")
	}
	return out.String()
}

const someRequests = `
shop.test /pay
shop.test /pay x-user=a
shop.test /pay x-user=b x-plan=free
shop.test /
shop.test /cart?a=1 x-user=a
blog.test /
blog.test /pay x-user=a x-plan=free
`

// TestWriteAsEnvoyFilter: as EnvoyFilters, limits allow and refuse the same requests.
func TestWriteAsEnvoyFilter(t *testing.T) {
	const target = "  targetRefs: [{kind: VirtualService, name: shop}]\n"
	for _, tt := range []struct{ name, policy string }{
		{"a VirtualService", target + "  limits: [{requestsPerUnit: 4, unit: MINUTE}]"},
		{"one request each", target + "  limits: [{requestsPerUnit: 1, unit: HOUR, per: [{header: x-user}]}]"},
		{"addresses", target + "  limits: [{requestsPerUnit: 2, unit: HOUR, per: [remoteAddress, {header: x-user}]}]"},
		{"a route", "  targetRefs: [{kind: VirtualService, name: shop, sectionName: pay}]\n  limits: [{requestsPerUnit: 2, unit: DAY}]"},
		{"a Gateway", "  targetRefs: [{kind: Gateway, name: edge}]\n  limits: [{requestsPerUnit: 5, unit: MINUTE}]"},
		{"a port", "  targetRefs: [{kind: Gateway, name: edge, sectionName: http}]\n  limits: [{requestsPerUnit: 5, unit: MINUTE}]"},
		{"everything", "  limits: [{requestsPerUnit: 5, unit: MINUTE}]"},
		{"two limits", target + "  limits:\n  - {requestsPerUnit: 14, unit: MINUTE}\n  - {requestsPerUnit: 1, unit: MINUTE, per: [{header: x-user}]}"},
		{"conditions", "  limits: [{requestsPerUnit: 1, unit: HOUR, when: {headers: {x-plan: {exact: free}}, withoutHeaders: {x-staff: {}}, uri: {exact: /pay}, method: {exact: GET}, authority: {prefix: shop}}}]"},
		{"paths in any case", "  limits: [{requestsPerUnit: 1, unit: HOUR, when: {uri: {prefix: /PA}, ignoreUriCase: true}}]"},
		{"paths by expression", "  limits: [{requestsPerUnit: 1, unit: HOUR, when: {uri: {regex: /c.*t}}}]"},
		{"query parameters", target + "  limits: [{requestsPerUnit: 1, unit: HOUR, when: {queryParams: {a: {exact: '1'}}}}]"},
		{"shadow", target + "  mode: SHADOW\n  limits: [{requestsPerUnit: 1, unit: HOUR}]"},
		{"one of two counts only", target + "  limits:\n  - {requestsPerUnit: 1, unit: HOUR, mode: SHADOW}\n  - {requestsPerUnit: 2, unit: HOUR}"},
		{"disabled", target + "  mode: DISABLED\n  limits: [{requestsPerUnit: 1, unit: HOUR}]"},
		{"answers", target + "  response: {statusCode: 503, headers: {set: {x-a: b}}}\n  limits: [{requestsPerUnit: 1, unit: HOUR}]"},
		{"the full form", target + `  rateLimits:
  - actions: [{requestHeaders: {headerName: x-user, descriptorKey: user}}]
  global:
    descriptors:
    - {key: user, value: a, rateLimit: {unit: HOUR, requestsPerUnit: 1}}
    - {key: user, rateLimit: {unit: HOUR, requestsPerUnit: 2}}
`},
		{"a domain", target + "  rateLimits: [{actions: [{genericKey: {descriptorValue: a}}]}]\n  global: {domain: files}\n---\ndomain: files\ndescriptors:\n- {key: generic_key, rate_limit: {unit: hour, requests_per_unit: 4}}"},
		{"a local bucket", target + "  local: {tokenBucket: {maxTokens: 2, fillInterval: 1h}}"},
		{"a local bucket of a route", "  targetRefs: [{kind: VirtualService, name: shop, sectionName: pay}]\n  local: {tokenBucket: {maxTokens: 2, fillInterval: 1h}}"},
		{"a local bucket for all", "  local: {tokenBucket: {maxTokens: 8, fillInterval: 1h}}"},
		{"local descriptors", "  targetRefs: [{kind: Gateway, name: edge}]\n" + `  rateLimits: [{actions: [{requestHeaders: {headerName: x-user, descriptorKey: user}}]}]
  local:
    descriptors: [{entries: [{key: user}], tokenBucket: {maxTokens: 1, fillInterval: 1h}}]
`},
		{"two policies", target + "  limits: [{requestsPerUnit: 8, unit: MINUTE}]\n---\n" +
			"apiVersion: networking.istio.io/v1alpha3\nkind: RateLimitConfig\nmetadata: {name: blog}\nspec:\n  targetRefs: [{kind: VirtualService, name: blog}]\n  limits: [{requestsPerUnit: 1, unit: MINUTE}]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			declared, err := istio.Text(limited + tt.policy).Declare()
			require.NoError(t, err)
			text := write(t, &declared, &istio.WriteOptions{RateLimits: istio.LimitsAsEnvoyFilter})
			require.NotContains(t, text, "RateLimitConfig\n")
			want := answers(t, declared, someRequests)
			if !strings.Contains(tt.policy, "SHADOW\n  limits: [{requestsPerUnit: 1") && !strings.Contains(tt.policy, "DISABLED") {
				require.Contains(t, want, strings.TrimSpace(map[bool]string{true: "Service Unavailable", false: "Too Many Requests"}[strings.Contains(tt.policy, "503")]))
			}
			require.Equal(t, want, answers(t, istio.Text(text), someRequests), "%s", text)
			again, err := istio.Text(text).Declare()
			require.NoError(t, err)
			for _, warning := range again.Warnings {
				require.Contains(t, warning.Problem, "where the service is", "%s", text)
			}
			// EnvoyFilters are written as they are, and the file of the service beside them.
			require.Equal(t, text, withComments(text, write(t, &again, &istio.WriteOptions{RateLimits: istio.LimitsAsEnvoyFilter})))
		})
	}
}

// withComments returns text if it is the same without comments.
func withComments(text, without string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	var c strings.Builder
	for line := range strings.Lines(without) {
		if !strings.HasPrefix(line, "#") {
			c.WriteString(line)
		}
	}
	if b.String() == c.String() {
		return text
	}
	return without
}

// What Envoy's filters cannot do is an error, and all of it at once.
func TestWhatEnvoyFiltersCannotSay(t *testing.T) {
	for _, tt := range []struct{ name, policy, want string }{
		{"a burst", "  limits: [{requestsPerUnit: 4, unit: MINUTE, burst: 9}]", "spec.limits[0].burst: envoyproxy/ratelimit counts in windows, which have no burst"},
		{"requests without a key", "  limits: [{requestsPerUnit: 4, unit: MINUTE, per: [{header: x-user}], onMissingKey: DENY}]", "spec.limits[0].onMissingKey: Envoy does not limit a request that lacks a part of the key"},
		{"a body", "  response: {body: no}\n  limits: [{requestsPerUnit: 4, unit: MINUTE}]", "spec.response.body: Envoy's answer has no other body"},
		{"headers", "  response: {rateLimitHeaders: IETF}\n  limits: [{requestsPerUnit: 4, unit: MINUTE}]", "spec.response.rateLimitHeaders: Envoy has only the headers of DRAFT_VERSION_03"},
		{"weights", "  rateLimits: [{actions: [{remoteAddress: {}}]}]\n  global: {descriptors: [{key: remote_address, weight: 2}]}", "envoyproxy/ratelimit has no weight and no alwaysApply"},
		{"another target", "  targetRefs: [{kind: VirtualService, name: shopp}]\n  limits: [{requestsPerUnit: 4, unit: MINUTE}]", "spec.targetRefs[0]: nothing is served there"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			declared, err := istio.Text(limited + strings.ReplaceAll(tt.policy, "body: no", `body: "no"`)).Declare()
			require.NoError(t, err)
			var b bytes.Buffer
			_, err = istio.Write(&b, &declared, &istio.WriteOptions{RateLimits: istio.LimitsAsEnvoyFilter})
			require.ErrorContains(t, err, tt.want)
			require.Zero(t, b.Len())
			for problem := range spec.Errors(err) {
				require.Equal(t, spec.CodeUnsupported, problem.Code)
				require.Positive(t, problem.Line)
			}
			warnings, err := istio.Write(&b, &declared, &istio.WriteOptions{RateLimits: istio.LimitsAsEnvoyFilter, Partial: true})
			require.NoError(t, err)
			require.NotEmpty(t, warnings)
			_, err = istio.Text(b.String()).Declare()
			require.NoError(t, err, "%s", b.String())
		})
	}
}
