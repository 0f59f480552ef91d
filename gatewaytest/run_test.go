package gatewaytest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// A noted is a test that notes how it ended.
type noted struct {
	testing.TB
	failures, skipped []string
}

func (n *noted) Helper() {}
func (n *noted) Errorf(format string, args ...any) {
	n.failures = append(n.failures, fmt.Sprintf(format, args...))
}
func (n *noted) Skipf(format string, args ...any) {
	n.skipped = append(n.skipped, fmt.Sprintf(format, args...))
}

func TestRun(t *testing.T) {
	Run(t, istio.Files("testdata/shop.yaml"),
		Case{Request: Request{URL: "http://shop.example.com/old"}, Expect: Expect{Status: 302}},
		Case{Name: "reviews", Request: Request{URL: "http://shop.example.com/reviews/1"}, Expect: Expect{Route: "everybody"}},
	)
	RunFiles(t, istio.Files("testdata/shop.yaml"), "testdata/passing.yaml")
}

func TestReport(t *testing.T) {
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml")})
	cases := casesOf(t, "testdata/failing.yaml")
	var n noted
	x.Report(&n, cases[0])
	require.Equal(t, []string{"testdata/failing.yaml:3:3: kind\nasked  GET http://shop.example.com/reviews/1\nkind\n  want redirect\n  got  forward\n"}, n.failures)

	n = noted{}
	x.Report(&n, casesOf(t, "testdata/passing.yaml")[0])
	require.Empty(t, n.failures)
	require.Empty(t, n.skipped)

	skipping, err := Parse("a.yaml", []byte(`{"tests": [{"test_name": "a", "input": {"authority": "a.com", "path": "/", "method": "GET"}, "validate": {}}]}`))
	require.NoError(t, err)
	x.Report(&n, skipping[0])
	require.Empty(t, n.failures)
	require.Equal(t, []string{"a.yaml:1:12: not compared: the test expects nothing: validate is empty"}, n.skipped)
}

func TestRequireAtLeast(t *testing.T) {
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml")})
	var n noted
	x.Coverage().RequireAtLeast(&n, 0)
	require.Empty(t, n.failures)
	x.Coverage().RequireAtLeast(&n, 0.5)
	require.Len(t, n.failures, 1)
	require.Contains(t, n.failures[0], "the cases cover 0.0% of the routes' parts, 50.0% is required\ncoverage 0.0%: 0 of ")
	require.Contains(t, n.failures[0], "testdata/shop.yaml:23:21: no case is routed by default/shop testers")
}

// The problems of a configuration are those of Build, all at once.
func TestOpenFails(t *testing.T) {
	_, err := (&Suite{Source: istio.Text(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [a.com]
  http:
  - timeout: 5
    route: [{destination: {hots: a}}]
`)}).Open()
	problems := 0
	for e := range spec.Errors(err) {
		require.Equal(t, "spec", e.File)
		problems++
	}
	require.Equal(t, 2, problems)
}

// Configure can name a backend for all destinations.
func TestConfigure(t *testing.T) {
	calls := 0
	x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml"), Configure: func(b *gateway.Builder) {
		calls++
		b.BackendURL("reviews", "http://127.0.0.1:1").BackendURL("*", "http://127.0.0.1:2")
	}})
	require.Equal(t, 2, calls)
	r := x.Check(Case{Request: Request{URL: "http://shop.example.com/reviews/1"}, Expect: Expect{Route: "everybody"}})
	require.False(t, r.Failed(), r.String())
	require.NotNil(t, x.Gateway())
	require.Empty(t, x.Warnings()[0].Kind == "")
}

// TestDependencies keeps other test packages out of the tests of users.
func TestDependencies(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to ask")
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "github.com/lateengo/gateway/spec/istio\n")
	for _, forbidden := range []string{"testify", "goleak", "chromedp"} {
		require.NotContains(t, strings.ReplaceAll(string(out), "gatewaytest", ""), forbidden)
	}
}
