package spec

import (
	"time"
)

// A VirtualService is a list of routes for a set of hosts (Istio's
// VirtualService). Within one VirtualService the first matching route wins. If
// several serve the same host, their routes are joined: older ones first, then
// by name, then by namespace. All catch-all routes come last.
//
// A VirtualService without Hosts is a delegate: it is served only through a
// route of another VirtualService, which names it in Route.Delegate.
type VirtualService struct {
	// Name and Namespace identify the resource. An empty Namespace means the
	// default namespace of the Builder.
	Name, Namespace string

	// Hosts are the host names to serve: exact, "*.example.com", or "*".
	Hosts []string

	// Gateways names the gateways that serve it: "name", "namespace/name" or
	// "./name". "*" (Go only) means every gateway. If the list is empty, Istio
	// binds the VirtualService only to the mesh. An ingress gateway then does
	// not serve it, unless the configuration has no server at all.
	Gateways []string

	// ExportTo lists the namespaces whose gateway workloads see it: "*", "." (its
	// own namespace) or a name. Empty means "*".
	ExportTo []string

	// Created orders VirtualServices for the same host. The zero time is older
	// than all others.
	Created time.Time

	// Routes are tried in order.
	Routes []Route

	Origin Origin
}
