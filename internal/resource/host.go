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
