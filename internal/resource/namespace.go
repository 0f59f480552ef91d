package resource

import (
	"slices"
)

// DefaultNamespace is where declarations and backends are that name none.
const DefaultNamespace = "default"

// RootNamespace is Istio's: what is declared there holds for the whole mesh.
const RootNamespace = "istio-system"

// ExportedTo reports whether a namespace sees a resource.
func ExportedTo(list []string, own, namespace string) bool {
	return len(list) == 0 || slices.ContainsFunc(list, func(entry string) bool {
		return entry == "*" || entry == namespace || entry == "." && own == namespace
	})
}
