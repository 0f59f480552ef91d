package gateway_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowedDependencies are the modules that a program links when it imports the
// gateway, besides the standard library.
var allowedDependencies = []string{
	"github.com/go-chi/chi/v5",
	"github.com/lateengo/gateway",
	"golang.org/x/time/rate",
}

// TestDependencies keeps YAML, Istio's types and everything else that not every
// user needs out of the root package.
func TestDependencies(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to ask")
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	// What this test was built from is on the machine already.
	list.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	var problems strings.Builder
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &problems)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "golang.org/x/time/rate") {
		t.Fatalf("go list shows no golang.org/x/time/rate: %q", packages)
	}
	for _, p := range packages {
		allowed := slices.ContainsFunc(allowedDependencies, func(a string) bool {
			return p == a || strings.HasPrefix(p, a+"/")
		})
		if !allowed || strings.HasPrefix(p, "github.com/lateengo/gateway/spec/istio") {
			t.Errorf("the root package depends on %s", p)
		}
	}
}
