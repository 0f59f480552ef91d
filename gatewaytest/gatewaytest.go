// Package gatewaytest tests the configuration of a gateway: which route, destination and
// answer a request gets, without sending it.
//
//	gatewaytest.Run(t, istio.Files("shop.yaml"),
//		gatewaytest.Case{
//			Request: gatewaytest.Request{URL: "http://shop.example.com/cart/7"},
//			Expect:  gatewaytest.Expect{Route: "cart", Destination: "cart", Upstream: gatewaytest.Upstream{Path: "/7"}},
//		},
//	)
//
// Cases can be in YAML files too: see Files and RunFiles. It also reads the test files of
// istio-config-validator, and of Envoy's router_check_tool. A Suite has settings, such as
// the semantics, and the coverage of routes below which the test fails.
//
// A Server has a gateway with recording backends on real connections.
//
// The package links no other test package than testing and net/http/httptest.
package gatewaytest

import (
	"fmt"
	"testing"

	"github.com/lateengo/gateway/spec"
)

// Run checks the cases with a gateway for the source, each as a subtest. It is
// Suite.Run with a Suite that has only the source.
func Run(t *testing.T, source spec.Source, cases ...Case) {
	t.Helper()
	Suite{Source: source}.Run(t, cases...)
}

// RunFiles is Run for the cases of files and directories: see Files.
func RunFiles(t *testing.T, source spec.Source, paths ...string) {
	t.Helper()
	Suite{Source: source}.RunFiles(t, paths...)
}

// RunFiles is Run for the cases of files and directories: see Files.
func (s Suite) RunFiles(t *testing.T, paths ...string) {
	t.Helper()
	cases, err := Files(paths...)
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t, cases...)
}

// Run checks the cases, each as a subtest. A failure says what was asked, what was
// expected, what came, and why. Run fails the test if the configuration does not build, or
// if the cases cover less than MinCoverage. It is not measured if subtests are selected
// with -run.
func (s Suite) Run(t *testing.T, cases ...Case) {
	t.Helper()
	tester, err := s.Open()
	if err != nil {
		t.Fatalf("the configuration does not build:\n%v", err)
	}
	t.Cleanup(func() {
		if err := tester.Close(); err != nil {
			t.Error(err)
		}
	})
	ran := 0
	for i := range cases {
		t.Run(cases[i].title(), func(t *testing.T) {
			t.Helper()
			ran++
			tester.Report(t, cases[i])
		})
	}
	if s.MinCoverage > 0 && ran == len(cases) {
		tester.Coverage().RequireAtLeast(t, s.MinCoverage)
	}
}

// Report checks a case, and fails the test if it does not pass. It skips the test if the
// case cannot be compared.
func (t *Tester) Report(tb testing.TB, c Case) {
	tb.Helper()
	r := t.Check(c)
	at := r.Place()
	if at != "" {
		at += ": "
	}
	switch {
	case r.Failed():
		tb.Errorf("%s%s\n%s", at, r.Name(), r.String())
	case r.Skipped != "":
		tb.Skipf("%snot compared: %s", at, r.Skipped)
	}
}

// RequireAtLeast fails the test if the coverage is less than share, from 0 to 1. The
// failure lists what no case has met.
func (c *Coverage) RequireAtLeast(tb testing.TB, share float64) {
	tb.Helper()
	if got := c.Share(); got < share {
		tb.Errorf("the cases cover %s of the routes' parts, %s is required\n%s", percent(got), percent(share), c)
	}
}

func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }
