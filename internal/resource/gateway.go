package resource

import (
	"strings"
)

// Mesh is the reserved name for all sidecars.
const Mesh = "mesh"

// GatewayNamed resolves a gateway reference in a VirtualService of a namespace:
// "name", "namespace/name", "./name" or "name.namespace.svc.cluster.local".
func GatewayNamed(reference, namespace string) Name {
	of, name, found := strings.Cut(reference, "/")
	if found {
		if of == "." {
			of = namespace
		}
		return Name{of, name}
	}
	name, rest, found := strings.Cut(reference, ".")
	if !found {
		return Name{namespace, reference}
	}
	of, _, _ = strings.Cut(rest, ".")
	return Name{of, name}
}
