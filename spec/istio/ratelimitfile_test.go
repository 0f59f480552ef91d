package istio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// withFile returns a RateLimitConfig with a field of global.
func withFile(name, file string) string {
	return "apiVersion: networking.istio.io/v1alpha3\nkind: RateLimitConfig\nmetadata: {name: " + name + "}\nspec:\n  global: {configFile: " + file + "}\n"
}

const shopLimits = "domain: shop\ndescriptors: [{key: a, rate_limit: {unit: day, requests_per_unit: 1}}]\n"

func domainNames(d *spec.Declarations) (names []string) {
	for i := range d.RateLimitDomains {
		names = append(names, d.RateLimitDomains[i].Origin.File+" "+d.RateLimitDomains[i].Name)
	}
	return names
}

// A file can be named by several policies, and be a document of the source too.
func TestConfigFileIsReadOnce(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{
		"a/policy.yaml": withFile("a", "limits.yaml") + "---\n" + withFile("b", "../a/limits.yaml"),
		"a/limits.yaml": shopLimits, "b/copy.yaml": "# the same\n" + shopLimits,
	})
	at := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(directory, filepath.FromSlash(name)))
		}
		return paths
	}
	for _, paths := range [][]string{at("a"), at("a/policy.yaml"), at("a/limits.yaml", "a/policy.yaml"), at("a/policy.yaml", "a/limits.yaml"), at("a", "b")} {
		declared, err := Files(paths...).Declare()
		require.NoError(t, err, paths)
		require.Equal(t, []string{filepath.Join(directory, "a", "limits.yaml") + " shop"}, domainNames(&declared), paths)
		for _, p := range declared.RateLimits {
			require.Equal(t, "shop", p.Global.Domain)
			require.Empty(t, p.Global.Descriptors)
		}
	}
	_, err := Files(at("a/limits.yaml")...).Declare()
	require.NoError(t, err)
}

func TestConfigFileProblems(t *testing.T) {
	files := fstest.MapFS{
		"shop/limits.yaml": {Data: []byte(shopLimits)}, "top.yaml": {Data: []byte(shopLimits)},
		"shop/broken.yaml": {Data: []byte("domain: [\n")}, "shop/wrong.yaml": {Data: []byte("domain: a\ndescriptors: [{kye: b}]\n")},
		"shop/two.yaml": {Data: []byte("domain: a\n---\ndomain: b\n")}, "shop/empty.yaml": {Data: []byte("# nothing\n")},
		"shop/list.yaml": {Data: []byte("[a]\n")}, "shop/binary.yaml": {Data: []byte("\xff\xfe")},
		"shop/resource.yaml": {Data: []byte("apiVersion: v1\nkind: ConfigMap\n")}, "shop/directory/a.yaml": {Data: []byte("a")},
		"shop/values.yaml": {Data: []byte("replicas: 1\n")},
	}
	for name, want := range map[string]string{
		"limits.yaml":      "",
		"../top.yaml":      "",
		"./limits.yaml":    "",
		"../../top.yaml":   "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: cannot be read: it is outside of the source",
		"/shop/limits.yml": `shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: expected a path relative to this file, found "/shop/limits.yml"`,
		`""`:               "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: is empty; expected the name of a file",
		"5":                "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: expected a string, found the number 5; quote it",
		"missing.yaml":     "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: cannot be read: file does not exist",
		"directory":        "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: cannot be read: it is not a file",
		"broken.yaml":      "shop/broken.yaml:1:9: not readable as YAML: did not find expected node content",
		"wrong.yaml":       "shop/wrong.yaml:2:16: RateLimitDomain a: descriptors[0].kye: unknown field; did you mean \"key\"?",
		"two.yaml":         "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: shop/two.yaml has a second document; each domain needs a file of its own",
		"empty.yaml":       "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: shop/empty.yaml is empty; expected a domain",
		"list.yaml":        "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: shop/list.yaml is not the configuration of envoyproxy/ratelimit: expected a map with domain and descriptors, found a list",
		"binary.yaml":      "shop/binary.yaml:1:1: the text is UTF-16; it must be UTF-8",
		"resource.yaml":    "shop/policy.yaml:5:24: RateLimitConfig default/a: spec.global.configFile: shop/resource.yaml is not the configuration of envoyproxy/ratelimit: it is a resource",
		"values.yaml":      "shop/values.yaml:1:1: RateLimitDomain: replicas: unknown field",
	} {
		t.Run(name, func(t *testing.T) {
			files["shop/policy.yaml"] = &fstest.MapFile{Data: []byte(withFile("a", name))}
			declared, err := FS(files, "shop/policy.yaml").Declare()
			if want == "" {
				require.NoError(t, err)
				require.Len(t, declared.RateLimitDomains, 1)
				return
			}
			require.EqualError(t, err, want)
			require.Empty(t, declared.RateLimits)
		})
	}
	_, err := Text(withFile("a", "limits.yaml")).Declare()
	require.EqualError(t, err, "spec:5:24: RateLimitConfig default/a: spec.global.configFile: there are no files beside this text; write the limits in descriptors")
}

// In a directory there are other documents without a kind.
func TestLimitFilesAmongOthers(t *testing.T) {
	for text, want := range map[string]string{
		shopLimits:                              "read",
		"domain: shop\n":                        "read",
		"{domain: shop, descriptor: []}\n":      "error",
		"{domian: shop, descriptors: []}\n":     "error",
		"{descriptors: [{key: a}], x: 1}\n":     "error",
		"descriptors: []\n":                     "error",
		"{domain: shop.example.com, port: 1}\n": "skipped",
		"{descriptors: [a], x: 1}\n":            "skipped",
		"{descriptors: [{a: b}], x: 1}\n":       "skipped",
		"domains: shop\n":                       "skipped",
		"{}\n":                                  "skipped",
	} {
		declared, err := FS(fstest.MapFS{"a.yaml": {Data: []byte(text)}, "rule.yaml": {Data: []byte(rule("a"))}}).Declare()
		got := "skipped"
		switch {
		case err != nil:
			got = "error"
		case len(declared.RateLimitDomains) > 0:
			got = "read"
		}
		require.Equal(t, want, got, text)
	}
}

func TestDomainTwice(t *testing.T) {
	two := FS(fstest.MapFS{"a.yaml": {Data: []byte(shopLimits)}, "b.yaml": {Data: []byte("\n" + strings.ReplaceAll(shopLimits, "day", "hour"))}})
	_, err := two.Declare()
	require.EqualError(t, err, "b.yaml:2:9: RateLimitDomain shop: domain: the domain is already in a.yaml:1, with different contents")
	_, err = os.Stat("limits.yaml")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Findings about limits name the fields of the file.
func TestDomainsAreLocated(t *testing.T) {
	declared, err := Text("descriptors:\n- key: a\n  rate_limit: {unit: day, requests_per_unit: 1}\ndomain: shop\n").Declare()
	require.NoError(t, err)
	f := declared.RateLimitDomains[0].Origin.At("descriptors[0].rateLimit.requestsPerUnit", "is wrong")
	require.Equal(t, "spec:3:46: RateLimitDomain shop: descriptors[0].rate_limit.requests_per_unit: is wrong", f.String())
}
