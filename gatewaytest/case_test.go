package gatewaytest

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares a text with that of a file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func opened(t *testing.T, s Suite) *Tester {
	t.Helper()
	x, err := s.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x
}

func casesOf(t *testing.T, file string) []Case {
	t.Helper()
	cases, err := Files(file)
	require.NoError(t, err)
	return cases
}

func TestPassingCases(t *testing.T) {
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml")})
	for _, c := range casesOf(t, "testdata/passing.yaml") {
		r := x.Check(c)
		require.False(t, r.Failed(), "%s: %s", r.Name(), r.String())
		require.Empty(t, r.Skipped)
	}
}

func TestFailingCases(t *testing.T) {
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml")})
	var b strings.Builder
	for _, c := range casesOf(t, "testdata/failing.yaml") {
		r := x.Check(c)
		require.True(t, r.Failed(), "%s passed", r.Name())
		b.WriteString("# " + r.Name() + "\n" + r.String() + "\n")
	}
	golden(t, "testdata/failing.txt", b.String())
}

// TestAllExpectationsAreTested checks that a passing and a failing case exist for each
// key of expect, and of what is in it.
func TestAllExpectationsAreTested(t *testing.T) {
	var e Expect
	f := &caseFile{}
	n := node{Node: &yaml.Node{Kind: yaml.MappingNode}, file: f}
	ownExpect(&e)(n)
	expects := func(file string) (keys []string) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var in struct {
			Cases []struct {
				Expect map[string]any `yaml:"expect"`
			} `yaml:"cases"`
		}
		require.NoError(t, yaml.Unmarshal(text, &in))
		for _, c := range in.Cases {
			for key, value := range c.Expect {
				keys = append(keys, key)
				if more, ok := value.(map[string]any); ok {
					for k := range more {
						keys = append(keys, key+"."+k)
					}
				}
			}
		}
		slices.Sort(keys)
		return slices.Compact(keys)
	}
	for _, key := range []string{
		"kind", "reason", "status", "location", "response.headers", "response.absent", "response.body", "listener", "virtualHost",
		"route", "virtualService", "destination", "destinations", "upstream.method", "upstream.authority", "upstream.path",
		"upstream.headers", "upstream.absent", "upstreams", "timeout", "retry", "mirrors", "fault", "cors", "limits", "allows",
	} {
		require.Contains(t, expects("testdata/passing.yaml"), key)
		require.Contains(t, expects("testdata/failing.yaml"), key)
	}
}

// A case in Go that is wrong itself fails, and says why.
func TestWrongCases(t *testing.T) {
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml")})
	for _, row := range []struct {
		c    Case
		want string
	}{
		{Case{Expect: Expect{Route: "old"}}, "request.url: there is no URL"},
		{Case{Request: Request{URL: "shop.example.com/"}, Expect: Expect{Route: "old"}}, `request.url: URL "shop.example.com/": http://HOST/`},
		{Case{Request: Request{URL: "http://shop.example.com/"}}, "expect: nothing is expected"},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Kind: "forwrad"}}, `did you mean "forward"?`},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Destinations: map[string]float64{"reviews": 90}}}, "add up to 90"},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Destinations: map[string]float64{}}}, "no destination is named"},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Destination: "reviews/"}}, `"reviews/" is not a destination`},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Destination: "reviews:x"}}, `"x" is not a port`},
		{Case{Request: Request{URL: "http://shop.example.com/", RemoteAddress: "ann"}, Expect: Expect{Route: "old"}}, `"ann" is not an IP address`},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Upstream: Upstream{Headers: map[string]spec.StringMatch{"a": spec.Regex("(")}}}}, "missing closing )"},
		{Case{Request: Request{URL: "http://shop.example.com/"}, Expect: Expect{Allows: new(-1)}}, "-1 is not a number of requests"},
	} {
		r := x.Check(row.c)
		require.True(t, r.Failed())
		require.Contains(t, r.String(), row.want)
	}
}

// Services with endpoints are not sent to.
func TestServicesAreNotCalled(t *testing.T) {
	source := istio.Text(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec:
  hosts: [api.example.com, "*.wild.example.com"]
  ports: [{number: 443, name: https, protocol: HTTPS}, {number: 80, name: http, protocol: HTTP}]
  resolution: DNS
  location: MESH_EXTERNAL
  endpoints: [{address: 192.0.2.1, labels: {version: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: outside}
spec:
  host: api.example.com
  trafficPolicy: {tls: {mode: SIMPLE}, outlierDetection: {consecutive5xxErrors: 1}}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside}
spec:
  hosts: ["*"]
  http:
  - match: [{uri: {prefix: /v1}}]
    route: [{destination: {host: api.example.com, port: {number: 443}, subset: v1}}]
  - match: [{uri: {prefix: /v2}}]
    route: [{destination: {host: api.example.com, port: {number: 443}, subset: v2}}]
  - route: [{destination: {host: a.wild.example.com, port: {number: 80}}}]
`)
	for path, want := range map[string]int{"/v1": 201, "/v2": 503, "/v3": 201} {
		Run(t, source, Case{
			Request: Request{URL: "http://a.test" + path}, Backend: Answer{Status: 201},
			Expect: Expect{Kind: gateway.DecisionForward, Status: want},
		})
	}
	s := NewServer(t, source)
	response, err := s.Client().Get("http://a.test/v1")
	status, _ := got(t, response, err)
	require.Equal(t, 200, status)
	require.Equal(t, "api.example.com:443/v1", s.Received()[0].Destination)
}

func TestDestinationNames(t *testing.T) {
	for _, row := range []struct {
		name   string
		host   string
		port   int
		subset string
		want   bool
	}{
		{"reviews", "reviews.default.svc.cluster.local", 80, "v1", true},
		{"reviews", "reviews.prod.svc.cluster.local", 80, "", true},
		{"reviews", "reviews.example.com", 80, "", false},
		{"reviews", "reviews2.default.svc.cluster.local", 80, "", false},
		{"reviews", "reviews", 80, "", true},
		{"reviews.prod", "reviews.prod.svc.cluster.local", 80, "", true},
		{"reviews.prod", "reviews.prod.other.svc.cluster.local", 80, "", false},
		{"reviews.default", "reviews.prod.svc.cluster.local", 80, "", false},
		{"reviews/v1", "reviews.default.svc.cluster.local", 80, "v1", true},
		{"reviews/v1", "reviews.default.svc.cluster.local", 80, "v2", false},
		{"reviews:80", "reviews.default.svc.cluster.local", 80, "v2", true},
		{"reviews:81", "reviews.default.svc.cluster.local", 80, "v2", false},
		{"api.example.com:443/eu", "api.example.com", 443, "eu", true},
		{"[2001:db8::1]:443", "[2001:db8::1]", 443, "", true},
	} {
		n, err := parseDestination(row.name)
		require.NoError(t, err)
		require.Equal(t, row.want, n.covers("", row.host, row.port, row.subset), "%s: %s", row.name, row.host)
	}
}
