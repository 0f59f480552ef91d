package resource

import (
	"strings"
)

// NamespaceOf returns the namespace in the name of a host, or "".
func NamespaceOf(host string) string {
	if rest, ok := strings.CutSuffix(host, ".svc."+clusterDomain); ok {
		if _, ns, found := strings.Cut(rest, "."); found {
			return ns
		}
	}
	return ""
}

// clusterDomain completes short names of hosts.
const clusterDomain = "cluster.local"

// FullHost completes a host without a dot with a namespace.
func FullHost(host, namespace string) string {
	if host == "" || strings.ContainsAny(host, ".*") {
		return host
	}
	return host + "." + namespace + ".svc." + clusterDomain
}

// FullName completes the host of a VirtualService, which may be an address.
func FullName(host, namespace string) string {
	if strings.Contains(host, ":") {
		return host
	}
	return FullHost(host, namespace)
}

// MeshNames returns the names of a cluster's service for sidecars, the full name
// first: "a.ns.svc.cluster.local", "a.ns.svc", "a.ns". The short name "a" is not
// included. MeshNames returns nil if host is not such a service.
func MeshNames(host string) []string {
	namespace := NamespaceOf(host)
	if namespace == "" {
		return nil
	}
	qualified := strings.TrimSuffix(host, "."+clusterDomain)
	return []string{host, qualified, strings.TrimSuffix(qualified, ".svc")}
}

// ShortName returns the first label of a host.
func ShortName(host string) string {
	short, _, _ := strings.Cut(host, ".")
	return short
}
