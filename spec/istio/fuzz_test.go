package istio

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDeclare: no text makes Declare panic, every error has a place, and the
// origins of declarations can be found.
func FuzzDeclare(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*")
	require.NoError(f, err)
	files = slices.DeleteFunc(files, func(name string) bool { return !isDocument(name) })
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, d := range split(name, string(data)) {
			f.Add([]byte(d.text))
		}
		if strings.Contains(name, "envoy") || strings.Contains(name, "kubernetes") {
			f.Add(data) // Several documents make one policy, or one Service.
		}
	}
	for _, text := range []string{
		"apiVersion: networking.istio.io/v1\nkind: EnvoyFilter\nspec:\n configPatches:\n - {applyTo: !a b, patch: {value: {a: {\"\": envoy.ratelimit}}}}\n",
		shopLimits, withFile("a", "limits.yaml"),
		envoyDocument(rootNamespace, "a", "", addLocal(percent+", "+perMinute), routeRule("a:80", "b", override(percent)+", route: {include_vh_rate_limits: true, "+actionsOf("a")+"}")),
		envoyDocument(rootNamespace, "a", "b: c", addGlobal("domain: a"), hostRule("a:80", actionsOf("a")), "{applyTo: CLUSTER, patch: {operation: ADD}}"),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		declared, err := Bytes("fuzz", data).Declare()
		for _, e := range unjoin(err) {
			require.Regexp(t, `^fuzz:[1-9][0-9]*:[1-9][0-9]*: `, e.Error())
		}
		for _, p := range declared.RateLimits {
			for _, path := range []string{"rateLimits[0].actions[0].genericKey.descriptorValue", "local.tokenBucket.maxTokens", "global.descriptors[0].key", "response.statusCode@key"} {
				finding := p.Origin.At(path, "")
				require.True(t, finding.Line > 0 && finding.Column > 0 && finding.Field != "")
			}
		}
		for _, d := range declared.RateLimitDomains {
			require.Positive(t, d.Origin.At("descriptors[0].rateLimit.unit", "").Line)
		}
		for _, p := range declared.Unexecuted {
			require.True(t, p.Origin.Line > 0 && p.Origin.Column > 0)
		}
		for _, w := range declared.Warnings {
			require.True(t, w.Line > 0 && w.Column > 0)
		}
		for _, s := range declared.Services {
			finding := s.Origin.At("ports[0].port", "")
			require.True(t, finding.Line > 0 && finding.Column > 0 && finding.Field != "")
		}
		for _, c := range declared.Credentials {
			require.Positive(t, c.Origin.At(c.Key.Field(), "").Line)
			_, _ = c.Key.Bytes()
		}
		for _, vs := range declared.VirtualServices {
			for i := range vs.Routes {
				line, column, ok := vs.Routes[i].Origin.Fields.Locate(vs.Routes[i].Origin.Path + ".match[0].uri.regex")
				require.True(t, ok && line > 0 && column > 0)
			}
		}
	})
}
