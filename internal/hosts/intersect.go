package hosts

import (
	"slices"
	"strings"
)

// Intersect returns the more specific host of each pair of overlapping hosts
// (Istio's host.Names.Intersection). It compares the text as written.
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

// Within reports whether b covers every name that a covers.
func Within(a, b string) bool {
	if !strings.HasPrefix(b, "*") {
		return a == b
	}
	if strings.HasPrefix(a, "*") {
		return len(a) >= len(b) && strings.HasSuffix(a[1:], b[1:])
	}
	return strings.HasSuffix(a, b[1:])
}

// ForNamespace returns the hosts of a server to which VirtualServices of a
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

// Sanitized returns the hosts of a server as Istio compares them: "./h" with the
// namespace of the Gateway, "*/h" without one, and "*" for all of them if one is
// "*/*" (sanitizeServerHostNamespace).
func Sanitized(hosts []string, serverNamespace string) []string {
	if slices.Contains(hosts, "*/*") {
		return []string{"*"}
	}
	out := slices.Clone(hosts)
	for i, h := range out {
		switch ns, name, found := strings.Cut(h, "/"); {
		case !found:
		case ns == ".":
			out[i] = serverNamespace + "/" + name
		case ns == "*":
			out[i] = name
		}
	}
	return out
}

// ServerNames returns the names that select the filter chain of a TLS server. A
// server with "*" among its hosts has no other name: it is asked last.
func ServerNames(hosts []string) []string {
	names := Names(hosts)
	if slices.Contains(names, "*") {
		return []string{"*"}
	}
	return names
}

// Names returns the hosts of a server without namespaces, in lower case.
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
