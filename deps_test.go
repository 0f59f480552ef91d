package gateway_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/lateengo/gateway"

// allowedDependencies are the modules that a program links if it imports the
// gateway, besides the standard library.
var allowedDependencies = []string{"github.com/go-chi/chi/v5", module}

// floors are the packages of the engine, the lowest first. A package imports only
// packages of lower floors.
var floors = [][]string{
	{"internal/certificate", "internal/doubt", "internal/escape", "internal/http1/grammar", "internal/pace", "internal/rawpath", "internal/word", "internal/yield"},
	{"internal/chiroute", "internal/field", "internal/grpccode", "internal/hijack", "internal/http1", "internal/localreply", "internal/operator", "internal/pin", "internal/radix", "internal/retryon", "internal/revocation", "internal/semantics", "internal/strftime", "internal/suggest", "internal/text", "internal/regex", "observe", "ratelimit", "spec"},
	{"internal/bucket", "internal/descriptor", "inspect", "internal/edge", "internal/findings", "internal/hosts", "internal/record", "internal/resource", "internal/upstream", "metrics"},
	{"internal/forward", "internal/header", "internal/match", "internal/traffic"},
	{"accesslog", "internal/limit", "internal/region", "internal/validate"},
	{"internal/program"},
	{"internal/change", "internal/compile", "internal/explain", "internal/shadow"},
	{""},
	{"internal/question", "live", "memlimit", "spec/envoy", "spec/istio", "server"},
	{"admin", "gatewaytest"},
}

// goList returns the output lines of go list.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to ask")
	}
	list := exec.Command("go", append([]string{"list"}, args...)...)
	// The dependencies of this test are already on the machine.
	list.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	var problems strings.Builder
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &problems)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestDependencies keeps YAML, Istio's types and other optional packages out of the
// root package.
func TestDependencies(t *testing.T) {
	packages := goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	if !slices.Contains(packages, "github.com/go-chi/chi/v5") {
		t.Fatalf("go list shows no github.com/go-chi/chi/v5: %q", packages)
	}
	for _, p := range packages {
		allowed := slices.ContainsFunc(allowedDependencies, func(a string) bool {
			return p == a || strings.HasPrefix(p, a+"/")
		})
		if !allowed || strings.HasPrefix(p, module+"/spec/") {
			t.Errorf("the root package depends on %s", p)
		}
	}
	for _, p := range goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./spec") {
		if p != module+"/spec" {
			t.Errorf("package spec depends on %s", p)
		}
	}
}

// TestArrows checks that imports point one way: each package imports only packages
// of lower floors. Reading YAML does not link the engine, and the code that sends
// requests does not know declarations or programs.
func TestArrows(t *testing.T) {
	floor := map[string]int{}
	for i, packages := range floors {
		for _, p := range packages {
			floor[strings.TrimSuffix(module+"/"+p, "/")] = i
		}
	}
	seen := map[string]bool{}
	linked := map[string][]string{}
	for _, line := range goList(t, "-f", `{{.ImportPath}} {{join .Imports " "}}|{{join .Deps " "}}`, "./...") {
		line, deps, _ := strings.Cut(line, "|")
		words := strings.Fields(line)
		linked[words[0]] = strings.Fields(deps)
		from, known := floor[words[0]]
		seen[words[0]] = true
		for _, to := range words[1:] {
			at, engine := floor[to]
			if known && engine && at >= from {
				t.Errorf("%s imports %s, which is not below it", words[0], to)
			}
			if !known && engine && strings.HasPrefix(words[0], module+"/internal/") && !strings.Contains(words[0], "/internal/test") &&
				!strings.HasPrefix(words[0], module+"/internal/conformance") && at > 2 {
				t.Errorf("%s has no floor and imports %s", words[0], to)
			}
		}
	}
	for p := range floor {
		if !seen[p] {
			t.Errorf("there is no package %s", p)
		}
	}
	for _, forbidden := range []struct{ from, to string }{
		{module + "/spec/istio", module + "/internal/program"},
		{module + "/spec/istio", module + "/internal/compile"},
		{module + "/internal/upstream", module + "/spec"},
		{module + "/internal/upstream", module + "/internal/program"},
		{module + "/internal/validate", module + "/internal/upstream"},
	} {
		deps := linked[forbidden.from]
		if len(deps) == 0 {
			t.Errorf("nobody knows what %s links", forbidden.from)
		}
		if slices.Contains(deps, forbidden.to) {
			t.Errorf("%s links %s", forbidden.from, forbidden.to)
		}
	}
}
