package resource

import (
	"slices"
)

// DefaultNamespace is the namespace of declarations and backends without a
// namespace.
const DefaultNamespace = "default"

// RootNamespace is Istio's root namespace: declarations in it apply to the
// whole mesh.
const RootNamespace = "istio-system"

// ExportedTo reports whether a namespace sees a resource.
func ExportedTo(list []string, own, namespace string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(entry string) bool {
		return entry == "*" || entry == namespace || entry == "." && own == namespace
	})
}

// Visibility ranks VirtualServices by how widely they are exported.
func Visibility(exportTo []string) int {
	switch {
	case len(exportTo) == 0 || slices.Contains(exportTo, "*"):
		return 2
	case slices.Contains(exportTo, "."):
		return 0
	}
	return 1
}
