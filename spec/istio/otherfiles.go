package istio

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// isNoResource reports whether a document is something else: a patch, the values of
// a chart, a package.json. If its kind or group is Istio's, it is a resource: then
// a missing or misspelled part is an error.
func isNoResource(v *value) bool {
	switch v.form {
	case object:
	case invalid:
		return false
	default:
		return true
	}
	var apiVersion, kind string
	for i, k := range v.keys {
		e := v.elements[i]
		switch strings.ToLower(k.name) {
		case "apiversion":
			apiVersion = e.asText()
		case "kind":
			kind = e.asText()
		default:
			continue
		}
		if templateIn(e) != "" {
			return false
		}
	}
	if apiVersion != "" && kind != "" {
		return false
	}
	group, _, _ := strings.Cut(apiVersion, "/")
	return !isIstios(group) && !slices.ContainsFunc(kinds, func(e kindEntry) bool { return strings.EqualFold(e.name, kind) })
}

const kustomizeGroup = "kustomize.config.k8s.io"

// isKustomizationFile reports whether kustomize uses a file of this name as a
// kustomization.
func isKustomizationFile(name string) bool {
	return slices.Contains([]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}, path.Base(filepath.ToSlash(name)))
}

// isKustomization reports whether a document is a kustomization, in which
// apiVersion and kind are optional.
func isKustomization(file string, v *value) bool {
	apiVersion, kind := v.textOf("apiVersion"), v.textOf("kind")
	group, _, _ := strings.Cut(apiVersion, "/")
	return group == kustomizeGroup || apiVersion == "" && (kind == "Kustomization" || kind == "" && isKustomizationFile(file))
}

// kustomization notes that a kustomization is not applied, once for each file.
func (l *loader) kustomization(o spec.Origin) {
	if l.file.kustomization {
		return
	}
	l.file.kustomization = true
	o.Kind, o.Namespace, o.Name = "", "", ""
	l.kustomizations = append(l.kustomizations, o)
}

// warnOfKustomizations warns of all kustomizations together, at the first one.
func (l *loader) warnOfKustomizations() {
	problem := "the kustomization is not applied, so its patches and additions are ignored; build it first: kustomize build"
	switch n := len(l.kustomizations); {
	case n == 0:
		return
	case n > 1:
		problem = fmt.Sprintf("%d kustomizations, of which this is the first, are not applied, so their patches and additions are ignored; build them first: kustomize build", n)
	}
	l.declared.Warnings = append(l.declared.Warnings, spec.Warning{Finding: l.kustomizations[0].At("", problem)})
}
