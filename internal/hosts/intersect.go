package hosts

import (
	"slices"
	"strings"
)

// Intersect returns, for every pair of overlapping hosts, the more specific one
// (Istio's host.Names.Intersection). The comparison is on the text as written.
func Intersect(server, service []string) []string {
	var out []string
	for _, a := range server {
		for _, b := range service {
			switch {
			case Within(a, b):
				if !slices.Contains(out, a) {
					out = append(out, a)
				}
			case Within(b, a):
				if !slices.Contains(out, b) {
					out = append(out, b)
				}
			}
		}
	}
	return out
}

// Within reports whether every name that a stands for is one that b stands
// for.
func Within(a, b string) bool {
	if !strings.HasPrefix(b, "*") {
		return a == b
	}
	if strings.HasPrefix(a, "*") {
		return len(a) >= len(b) && strings.HasSuffix(a[1:], b[1:])
	}
	return strings.HasSuffix(a, b[1:])
}

// ForNamespace returns those of a server's hosts to which VirtualServices of a
// namespace may bind, without the namespace (Istio's NamesForNamespace after
// sanitizeServerHostNamespace).
func ForNamespace(hosts []string, serverNamespace, namespace string) []string {
	if slices.Contains(hosts, "*/*") {
		return []string{"*"}
	}
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		ns, name, found := strings.Cut(h, "/")
		switch {
		case !found:
			out = append(out, h)
		case ns == "*", ns == namespace, ns == "." && serverNamespace == namespace:
			out = append(out, name)
		}
	}
	return out
}

// Names returns a server's hosts without namespaces, in lower case: the
// names that choose its filter chain.
func Names(hosts []string) []string {
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		if _, name, found := strings.Cut(h, "/"); found {
			h = name
		}
		out = append(out, strings.ToLower(h))
	}
	return out
}
