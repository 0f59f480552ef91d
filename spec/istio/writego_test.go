package istio_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// TestWriteGoLiterals: a gateway that is declared in Go becomes resources that are the
// same program. What has no name gets one, and routes for every gateway name all of them.
func TestWriteGoLiterals(t *testing.T) {
	shop := spec.Route{Match: []spec.Match{{URI: spec.Prefix("/shop")}}, Destinations: []spec.Destination{{Host: "shop"}}}
	edge := spec.Server{Gateway: "edge", Port: 80, PortName: "http", Hosts: []string{"*"}}
	inner := spec.Server{Gateway: "inner", Namespace: "other", Port: 8080, PortName: "http", Hosts: []string{"*"}}
	for _, tt := range []struct {
		name    string
		builder *gateway.Builder
		want    []string
	}{
		{"without a server", gateway.New().Route(shop), []string{"# There was no Gateway: Lateen then serves port 80, and Istio nothing.", "name: routes\n", "  gateways:\n  - gateway\n"}},
		{"with two", gateway.New().Server(edge).Server(inner).Route(shop), []string{"  gateways:\n  - edge\n  - other/inner\n"}},
		{"with a Gateway without a name", gateway.New().Server(spec.Server{Port: 80, PortName: "http", Hosts: []string{"*"}}).Route(shop), []string{"  name: gateway\n"}},
		{"with several VirtualServices of a host", gateway.New().Server(edge).
			VirtualService(spec.VirtualService{Hosts: []string{"shop.test"}, Gateways: []string{"edge"}, Routes: []spec.Route{shop}}).
			VirtualService(spec.VirtualService{Hosts: []string{"shop.test"}, Gateways: []string{"edge"}, Routes: []spec.Route{shop}}),
			[]string{"  name: shop-test\n", "  name: shop-test-2\n"}},
		{"with a name that would come first", gateway.New().Server(edge).
			VirtualService(spec.VirtualService{Name: "a", Hosts: []string{"shop.test"}, Gateways: []string{"edge"}, Routes: []spec.Route{shop}}).
			VirtualService(spec.VirtualService{Hosts: []string{"shop.test"}, Gateways: []string{"edge"}, Routes: []spec.Route{shop}}),
			[]string{"  name: \"0-0001-shop-test\"\n"}},
		{"with limits of a route", gateway.New().Server(edge).Route(spec.Route{
			Name: "shop", Destinations: []spec.Destination{{Host: "shop"}}, RateLimits: []spec.RateLimit{{Requests: 3, Unit: time.Minute, Per: []spec.LimitKey{{Header: "x-user"}}}}}).
			RateLimit(spec.RateLimitPolicy{Name: "all", Targets: []spec.TargetRef{{Kind: "Gateway", Name: "edge"}}, Limits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}}}),
			[]string{"    sectionName: shop\n", "  inheritance: INCLUDE\n", "in RateLimitConfig routes-shop", "each process counted alone"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := tt.builder.Backend("*", http.NotFoundHandler())
			gw, err := b.Build()
			require.NoError(t, err)
			defer gw.Close()
			declared, err := b.Declare()
			require.NoError(t, err)
			text := write(t, &declared, nil)
			for _, want := range tt.want {
				require.Contains(t, text, want, "%s", text)
			}
			require.Equal(t, unnamed(gw.String()), unnamed(program(t, istio.Text(text))), "%s", text)
			again, err := istio.Text(text).Declare()
			require.NoError(t, err)
			require.Equal(t, write(t, &again, nil), withComments(write(t, &again, nil), text))
		})
	}
}

// unnamed returns a printed program without the names of VirtualServices, which Go need
// not give.
func unnamed(program string) string {
	var b strings.Builder
	for line := range strings.Lines(program) {
		if before, after, ok := strings.Cut(line, " default/"); ok {
			_, after, _ = strings.Cut(after, ":")
			line = before + after
		} else if before, after, ok := strings.Cut(line, " default:"); ok {
			line = before + after
		}
		b.WriteString(line)
	}
	return b.String()
}

// What has no form in Istio is an error, all of it at once, with its place. With Partial it
// is a comment.
func TestWriteReportsWhatIsLost(t *testing.T) {
	at := func(line int) spec.Origin { return spec.Origin{File: "main.go", Line: line, Go: true} }
	beyond := int64(1) << 40 // int may have 32 bits
	declared := spec.Declarations{
		Servers: []spec.Server{
			{Gateway: "edge", Port: 80, Selector: map[string]string{"a": "b"}, Origin: at(1)},
			{Gateway: "edge", Port: 81, Created: time.Unix(1, 0), Origin: at(2)},
		},
		VirtualServices: []spec.VirtualService{{Name: "shop", Origin: at(3), Hosts: []string{"\xff"}, Gateways: []string{"edge"}, Routes: []spec.Route{
			{Name: "a", RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Second}}}, {Name: "a"},
			{Destinations: []spec.Destination{{Host: "a", Weight: int(beyond)}}},
		}}},
		Services: []spec.Service{
			{Name: "found", Hosts: []string{"found"}, Resolution: spec.ResolveDiscovery, Discovery: "consul", Origin: at(4)},
			{Name: "other", Hosts: []string{"other"}, Alias: "found", Origin: at(5)},
		},
		RateLimits: []spec.RateLimitPolicy{
			{Name: "odd", Limits: []spec.RateLimit{{Requests: 1, Unit: 7 * time.Second, Provider: "redis"}}, Origin: at(6)},
			{Name: "hosts", VirtualHosts: []string{"a:80"}, Local: &spec.LocalRateLimit{Bucket: &spec.TokenBucket{MaxTokens: 1, FillInterval: time.Second}}, Origin: at(7)},
		},
	}
	var b bytes.Buffer
	_, err := istio.Write(&b, &declared, nil)
	require.Zero(t, b.Len())
	var got []string
	for problem := range spec.Errors(err) {
		require.Equal(t, spec.CodeUnsupported, problem.Code)
		got = append(got, problem.Error())
	}
	require.Equal(t, []string{
		"main.go:2: Gateway default/edge: the selector is not that of the first server: a Gateway has one selector",
		"main.go:2: Gateway default/edge: the age is not that of the first server: a Gateway has one age",
		"main.go:3: VirtualService default/shop: Routes[2].Destinations[0].Weight: 1099511627776 is not a number that Istio can have here",
		"main.go:4: ServiceEntry default/found: Resolution: the endpoints come from a Discovery in the program: on a cluster, use DNS, or a Service of Kubernetes",
		"main.go:5: ServiceEntry default/other: Alias: a ServiceEntry cannot be another name of found",
		`main.go:3: VirtualService default/shop: Routes[0].RateLimits: several routes have the name "a", and a RateLimitConfig would limit all of them`,
		"main.go:6: RateLimitConfig default/odd: Limits[0].Unit: 7s is not a unit: one of SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, YEAR is expected",
		`main.go:6: RateLimitConfig default/odd: Limits[0].Provider: all limits in YAML have the provider "default", not "redis"`,
		"main.go:7: RateLimitConfig default/hosts: VirtualHosts: only an EnvoyFilter can select virtual hosts",
		"main.go:3: VirtualService default/shop: Hosts[0]: the text is not UTF-8",
	}, got)
	text := write(t, &declared, &istio.WriteOptions{Partial: true})
	require.Contains(t, text, "# spec.limits[0].unit: not written: 7s is not a unit")
	_, err = istio.Text(strings.ReplaceAll(text, "requestsPerUnit: 1\n", "requestsPerUnit: 1\n    unit: DAY\n")).Declare()
	require.NoError(t, err, "%s", text)
}

// Neither the order of declarations nor that of documents changes what is written.
func TestWriteIsCanonical(t *testing.T) {
	first, err := istio.Files("testdata/good/service-entries.yaml", "testdata/good/matches.yaml", "testdata/good/rate-limits.yaml", "testdata/good/traffic-policies.yaml").Declare()
	require.NoError(t, err)
	second, err := istio.Files("testdata/good/traffic-policies.yaml", "testdata/good/rate-limits.yaml", "testdata/good/matches.yaml", "testdata/good/service-entries.yaml").Declare()
	if err != nil {
		t.Skip("the files have resources of one name")
	}
	require.Equal(t, write(t, &first, nil), write(t, &second, nil))
}

// Private keys are in no text, error or warning unless the options say so.
func TestWriteHidesKeys(t *testing.T) {
	declared := spec.Declarations{Credentials: []spec.Credential{{Name: "shop", Certificate: spec.NewPEM([]byte("cert")), Key: spec.NewPEM([]byte("sesame"))}}}
	var b bytes.Buffer
	warnings, err := istio.Write(&b, &declared, nil)
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	for _, text := range []string{b.String(), warnings[0].String()} {
		require.Contains(t, text, "shop")
		require.NotContains(t, text, "sesame")
		require.NotContains(t, text, "c2VzYW1l")
	}
	require.Contains(t, write(t, &declared, &istio.WriteOptions{Secrets: true}), "tls.key: c2VzYW1l")
}

// A ConfigMap with the configuration of envoyproxy/ratelimit is read, others are skipped.
func TestConfigMapOfTheService(t *testing.T) {
	const text = `
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
data:
  notes.yaml: "a: b"
  config.txt: "domain: a"
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ratelimit-config}
data:
  one.yaml: |
    domain: one
    descriptors:
    - key: a
      rate_limit: {unit: minute, requests_per_unit: 1}
  two.yaml: "{domain: two, descriptors: []}"
`
	declared, err := istio.Bytes("a.yaml", []byte(text)).Declare()
	require.NoError(t, err)
	require.Len(t, declared.Skipped, 1)
	require.Len(t, declared.RateLimitDomains, 2)
	require.Equal(t, "one", declared.RateLimitDomains[0].Name)
	require.Equal(t, 1, declared.RateLimitDomains[0].Descriptors[0].Limit.Requests)
	require.Equal(t, 16, declared.RateLimitDomains[0].Origin.At("descriptors[0].key", "").Line)
	require.Equal(t, "two", declared.RateLimitDomains[1].Name)
	_, err = istio.Bytes("a.yaml", []byte(strings.ReplaceAll(text, "minute", "minut"))).Declare()
	require.ErrorContains(t, err, "a.yaml:17:")
	require.ErrorContains(t, err, `did you mean "MINUTE"?`)
}
