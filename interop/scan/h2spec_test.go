package scan

import (
	"encoding/xml"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/server"
)

// TestH2spec checks that the gateway breaks no rule of HTTP/2 that net/http's server keeps.
func TestH2spec(t *testing.T) {
	h2spec := program(t, "h2spec", "go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible")
	theirPlain, theirSecure := alone(t)
	plain, secure := serve(t, server.Config{})
	for _, row := range []struct {
		name         string
		ours, theirs string
		withTLS      []string
	}{
		{"plain text", plain, theirPlain, nil},
		{"TLS", secure, theirSecure, []string{"--tls", "--insecure"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			theirs, n := violations(t, h2spec, row.theirs, row.withTLS...)
			require.Greater(t, n, 100, "it did not test")
			ours, m := violations(t, h2spec, row.ours, row.withTLS...)
			require.Equal(t, n, m)
			t.Logf("net/http breaks %d of %d rules: %q", len(theirs), n, theirs)
			// Whether a stream is closed when the next frame comes is a matter of time: what
			// only ours breaks is tested again.
			worse := without(ours, theirs)
			for range 4 {
				if len(worse) == 0 {
					break
				}
				var sections []string
				for _, rule := range worse {
					section, _, _ := strings.Cut(rule, ":")
					sections = append(sections, section)
				}
				again, _ := violations(t, h2spec, row.ours, append(sections, row.withTLS...)...)
				worse = without(worse, without(worse, again))
			}
			require.Empty(t, worse, "only the gateway breaks these rules")
		})
	}
}

// without returns the rules that others does not have.
func without(rules, others []string) []string {
	return slices.DeleteFunc(slices.Clone(rules), func(rule string) bool { return slices.Contains(others, rule) })
}

// violations returns the rules that a server breaks, and how many were tested.
func violations(t *testing.T, h2spec, address string, args ...string) (broken []string, tested int) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "report.xml")
	// It ends with 1 if a rule is broken.
	out, _ := exec.CommandContext(t.Context(), h2spec, append(args, "--host", host, "--port", port, "--timeout", "1", "--junit-report", file)...).CombinedOutput()
	text, err := os.ReadFile(file)
	require.NoError(t, err, "%s", out)
	var report struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Name    string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(text, &report))
	broken = []string{}
	for _, suite := range report.Suites {
		for _, c := range suite.Cases {
			tested++
			if c.Failure != nil || c.Error != nil {
				broken = append(broken, c.Package+": "+c.Name)
			}
		}
	}
	return broken, tested
}
