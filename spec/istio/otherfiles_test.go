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

// said returns the errors, the warnings and the skipped objects, without the
// directory in file names.
func said(t *testing.T, directory string, s *Source) (errs, warnings, skipped []string) {
	t.Helper()
	short := func(text string) string { return strings.ReplaceAll(text, directory+string(filepath.Separator), "") }
	declared, err := s.Declare()
	for e := range spec.Errors(err) {
		errs = append(errs, short(e.Error()))
	}
	for _, w := range declared.Warnings {
		warnings = append(warnings, short(w.String()))
	}
	for _, o := range declared.Skipped {
		require.Nil(t, o.Origin.Fields, "it would keep the text")
		skipped = append(skipped, short(o.Origin.At("", strings.TrimSpace(o.APIVersion+" "+o.Kind)).String()))
	}
	return errs, warnings, skipped
}

const (
	notApplied  = "the kustomization is not applied, so its patches and additions are ignored; build it first: kustomize build"
	notRendered = "the Helm chart was not rendered, and its templates are not read; render it first: helm template"
)

// A directory is read as by kubectl apply -f.
func TestDirectories(t *testing.T) {
	directory := t.TempDir()
	at := func(name string) string { return filepath.Join(directory, filepath.FromSlash(name)) }
	template := "{{- if .Values.on }}\n" + rule("templated") + "{{- end }}\n"
	write(t, directory, map[string]string{
		"overlay/rule.yaml":                rule("overlay"),
		"overlay/kustomization.yaml":       "resources: [rule.yaml]\n---\nnamespace: shop\n",
		"overlay/patch.json":               `[{"op": "add", "path": "/spec/host", "value": "a"}]`,
		"overlay/package.json":             `{"name": "shop", "version": "1.0.0"}`,
		"overlay/compose.yml":              "version: '3'\nservices: {}\n---\njust text\n",
		"overlay/base/deeper.yaml":         rule("deeper"),
		"overlay/base/kustomization.yml":   "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
		"overlay/base/more/Kustomization":  "kind: Kustomization\n",
		"overlay/base/more/deepest.yaml":   rule("deepest"),
		"overlay/.hidden/rule.yaml":        "a: [",
		"chart/Chart.yaml":                 "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
		"chart/values.yaml":                "replicas: 3\nimage: shop\n",
		"chart/templates/rule.yaml":        template,
		"chart/templates/more/again.yaml":  template,
		"chart/crds/crd.yaml":              "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n",
		"chart/charts/sub/Chart.yaml":      "apiVersion: v1\nname: sub\n",
		"chart/charts/sub/templates/a.yml": template,
		"workloads/all.yaml":               "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\n---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: a, namespace: b}\n",
		"flux/flux.yaml":                   "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n",
		"mistakes/a.yaml":                  "apiVersion: networking.istio.io/v1\nspec: {}\n",
		"mistakes/b.yaml":                  "kind: VirtualService\nspec: {}\n",
		"mistakes/c.yaml":                  "APIVersion: networking.istio.io/v1\nKind: Gateway\n",
		"mistakes/d.yaml":                  template,
		"mistakes/e.yaml":                  "apiVersion: {{ .Values.version }}\nspec: {}\n",
		"mistakes/f.yaml":                  "kind: VirtualServices\napiVersion: networking.istio.io/v1\n",
		"only/deeper/rule.yaml":            rule("a"),
		"empty.yaml":                       "# nothing\n---\n",
		"items.yaml":                       "apiVersion: v1\nkind: List\nitems: []\n",
		"policy.yaml":                      "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n",
		"filter.yaml":                      "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a}\n",
	})

	for _, tt := range []struct {
		name                           string
		source                         *Source
		rules, errs, warnings, skipped []string
	}{
		{"without its subdirectories", Files(at("overlay")), []string{"overlay"}, nil, []string{"overlay/kustomization.yaml:1:1: " + notApplied},
			[]string{"overlay/compose.yml:1:1: ", "overlay/compose.yml:4:1: ", "overlay/kustomization.yaml:1:1: ", "overlay/kustomization.yaml:3:1: ",
				"overlay/package.json:1:1: ", "overlay/patch.json:1:1: "}},
		{"with them", Files(at("overlay")).Recursive(), []string{"deeper", "deepest", "overlay"}, nil,
			[]string{"overlay/base/kustomization.yml:1:1: 3 kustomizations, of which this is the first, are not applied, so their patches and additions are ignored; build them first: kustomize build"},
			[]string{"overlay/base/kustomization.yml:2:7: Kustomization: kustomize.config.k8s.io/v1beta1 Kustomization", "overlay/base/more/Kustomization:1:1: ",
				"overlay/compose.yml:1:1: ", "overlay/compose.yml:4:1: ", "overlay/kustomization.yaml:1:1: ", "overlay/kustomization.yaml:3:1: ",
				"overlay/package.json:1:1: ", "overlay/patch.json:1:1: "}},
		{"a chart", Files(at("chart")).Recursive(), nil, []string{at("chart") + ": contains no resource that Lateen reads"},
			[]string{"chart/Chart.yaml: " + notRendered, "chart/charts/sub/Chart.yaml: " + notRendered},
			[]string{"chart/Chart.yaml:1:1: ", "chart/charts/sub/Chart.yaml:1:1: ", "chart/crds/crd.yaml:2:7: CustomResourceDefinition default/a: apiextensions.k8s.io/v1 CustomResourceDefinition",
				"chart/values.yaml:1:1: "}},
		{"the templates of a chart", Files(at("chart/templates")), nil, []string{at("chart/templates") + ": contains no resource that Lateen reads"},
			[]string{"chart/Chart.yaml: " + notRendered}, nil},
		{"one template", Files(at("chart/templates/rule.yaml")), nil,
			[]string{"chart/templates/rule.yaml:1:1: not readable as YAML: the text is a Helm template that was not rendered; render it first: helm template"}, nil, nil},
		{"no resource that is read", Files(at("workloads")), nil, []string{at("workloads") + ": contains no resource that Lateen reads"}, nil,
			[]string{"workloads/all.yaml:2:7: Deployment default/shop: apps/v1 Deployment", "workloads/all.yaml:6:7: Sidecar b/a: networking.istio.io/v1 Sidecar"}},
		{"no resource beside one that is read", Files(at("overlay/rule.yaml"), at("workloads")), []string{"overlay"}, []string{at("workloads") + ": contains no resource that Lateen reads"}, nil,
			[]string{"workloads/all.yaml:2:7: Deployment default/shop: apps/v1 Deployment", "workloads/all.yaml:6:7: Sidecar b/a: networking.istio.io/v1 Sidecar"}},
		{"only subdirectories", Files(at("only")), nil, []string{at("only") + ": contains no resource that Lateen reads; its subdirectories are not read"}, nil, nil},
		{"only subdirectories, with them", Files(at("only")).Recursive(), []string{"a"}, nil, nil, nil},
		{"a Kustomization of Flux", Files(at("flux"), at("overlay/rule.yaml")), []string{"overlay"}, []string{at("flux") + ": contains no resource that Lateen reads"}, nil,
			[]string{"flux/flux.yaml:2:7: Kustomization default/a: kustomize.toolkit.fluxcd.io/v1 Kustomization"}},
		{"Istio's, with mistakes", Files(at("mistakes")), nil, []string{
			"mistakes/a.yaml:1:1: kind: is missing, such as VirtualService",
			"mistakes/b.yaml:1:1: VirtualService: apiVersion: is missing, such as networking.istio.io/v1",
			`mistakes/c.yaml:1:1: apiVersion: is missing, such as networking.istio.io/v1; did you mean "apiVersion"?`,
			`mistakes/c.yaml:2:1: kind: is missing, such as VirtualService; did you mean "kind"?`,
			"mistakes/d.yaml:1:1: not readable as YAML: the text is a Helm template that was not rendered; render it first: helm template",
			"mistakes/e.yaml:1:1: kind: is missing, such as VirtualService",
			"mistakes/e.yaml:1:13: apiVersion: expected a string, found a Helm template that was not rendered; render it first: helm template",
			`mistakes/f.yaml:1:7: VirtualServices: kind: unknown kind "VirtualServices" in networking.istio.io; did you mean "VirtualService"?`,
		}, nil, nil},
		{"named, what is no resource", Files(at("overlay/kustomization.yaml"), at("overlay/patch.json"), at("chart/values.yaml")), nil, []string{
			"overlay/kustomization.yaml:1:1: is a kustomization, which is not a resource; build it first: kustomize build",
			"overlay/kustomization.yaml:3:1: is a kustomization, which is not a resource; build it first: kustomize build",
			"overlay/patch.json:1:1: expected a map, found a list",
			"chart/values.yaml:1:1: apiVersion: is missing, such as networking.istio.io/v1",
			"chart/values.yaml:1:1: kind: is missing, such as VirtualService",
		}, nil, nil},
		{"named, without a resource", Files(at("empty.yaml"), at("items.yaml")), nil, []string{
			at("empty.yaml") + ": contains no resource that Lateen reads", at("items.yaml") + ": contains no resource that Lateen reads"}, nil, nil},
		{"only a policy", Files(at("policy.yaml")), nil, nil, nil, nil},
		{"only a filter", Files(at("filter.yaml")), nil, nil,
			[]string{"filter.yaml:2:7: EnvoyFilter default/a: kind EnvoyFilter of networking.istio.io/v1alpha3 is not read; skipped"}, nil},
		{"a pattern", FS(os.DirFS(directory), "overlay/*.yaml"), []string{"overlay"}, nil, []string{"overlay/kustomization.yaml:1:1: " + notApplied},
			[]string{"overlay/kustomization.yaml:1:1: ", "overlay/kustomization.yaml:3:1: "}},
		{"an FS with its subdirectories", FS(os.DirFS(directory), "only").Recursive().Namespace("default"), []string{"a"}, nil, nil, nil},
		{"an FS without", FS(os.DirFS(directory), "only"), nil, []string{"only: contains no resource that Lateen reads; its subdirectories are not read"}, nil, nil},
		{"a Reader", Reader("stdin", strings.NewReader("# nothing\n")), nil, []string{"stdin: contains no resource that Lateen reads"}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			errs, warnings, skipped := said(t, directory, tt.source)
			shorten := func(want []string) (out []string) {
				for _, w := range want {
					out = append(out, strings.ReplaceAll(w, directory+string(filepath.Separator), ""))
				}
				return out
			}
			require.Equal(t, shorten(tt.errs), errs)
			require.Equal(t, tt.warnings, warnings)
			require.Equal(t, tt.skipped, skipped)
			if errs == nil && warnings == nil && tt.rules == nil {
				return
			}
			declared, _ := tt.source.Declare()
			var names []string
			for _, r := range declared.DestinationRules {
				names = append(names, r.Name)
			}
			require.Equal(t, tt.rules, names)
		})
	}
}

// A link to a directory is followed if it is named, but not if it is found.
func TestLinkedDirectories(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{"real/a.yaml": rule("a"), "other/b.yaml": rule("b")})
	require.NoError(t, os.Symlink(filepath.Join(directory, "real"), filepath.Join(directory, "other", "link")))
	require.Equal(t, []string{"default/b"}, rules(t, Files(filepath.Join(directory, "other")).Recursive()))
	require.Equal(t, []string{"default/a"}, rules(t, Files(filepath.Join(directory, "other", "link")).Recursive()))
}

func TestTemplatesWithoutAChart(t *testing.T) {
	files := fstest.MapFS{"templates/a.yaml": {Data: []byte(rule("a"))}}
	require.Equal(t, []string{"default/a"}, rules(t, FS(files).Recursive()))
	require.Equal(t, []string{"default/a"}, rules(t, FS(files, "templates")))
}

// A file in a directory that holds nothing was probably meant to hold something.
func TestFilesThatHoldNothing(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, map[string]string{
		"comment.yaml": "# kind: VirtualService\n", "empty.yaml": "", "ends.yaml": "---\n---\n", "null.yaml": "null\n",
		"rule.yaml": rule("a"), "values.yaml": "a: 1\n", "list.yaml": "apiVersion: v1\nkind: List\nitems: []\n",
	})
	const nothing = ": the file holds nothing: it is empty, or all of it is a comment"
	errs, warnings, _ := said(t, directory, Files(directory))
	require.Empty(t, errs)
	require.Equal(t, []string{"comment.yaml" + nothing, "empty.yaml" + nothing, "ends.yaml" + nothing, "null.yaml" + nothing}, warnings)
}
