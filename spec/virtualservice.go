package spec

import (
	"time"
)

// A VirtualService is a list of routes for a set of hosts (Istio's
// VirtualService). Within one VirtualService the first matching route wins.
// Where several serve one host their routes are joined: the older one's first,
// then by name, then by namespace, and every catch-all route last.
//
// A VirtualService without Hosts is a delegate: it is served only through a
// route of another VirtualService that names it in Route.Delegate.
type VirtualService struct {
	// Name and Namespace identify the resource. An empty Namespace is the
	// builder's default namespace.
	Name, Namespace string

	// Hosts are the host names served: exact, "*.example.com", or "*".
	Hosts []string

	// Gateways names the gateways that serve it: "name", "namespace/name" or
	// "./name". "*" (Go only) is every gateway. Without any, Istio binds to the
	// mesh alone, and so an ingress gateway never serves it, unless the
	// configuration has no server at all.
	Gateways []string

	// ExportTo lists the namespaces whose gateway workloads see it: "*", "."
	// (its own) or a name. Empty means "*".
	ExportTo []string

	// Created orders VirtualServices that serve one host. The zero time is
	// older than all others.
	Created time.Time

	// Routes in the order in which they are tried.
	Routes []Route

	Origin Origin
}
