package gateway

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/word"
)

// A hostTable finds the virtual host of a Host header: the exact name, then the
// wildcard with the longest suffix, then "*". There is no second choice: where
// the chosen virtual host has no route, the answer is 404 (Envoy's
// RouteMatcher::findVirtualHost).
type hostTable[T any] struct {
	exact map[string]T
	// suffixes maps what follows the * of a wildcard, which stands for at least
	// one character; lengths are those of its keys, longest first.
	suffixes map[string]T
	lengths  []int
	any      T
	hasAny   bool
}

// add puts a domain, in lower case, in the table. A domain that is there
// already stays as it is.
func (t *hostTable[T]) add(domain string, value T) {
	switch {
	case domain == "*":
		if !t.hasAny {
			t.any, t.hasAny = value, true
		}
	case strings.HasPrefix(domain, "*"):
		if t.suffixes == nil {
			t.suffixes = make(map[string]T)
		}
		suffix := domain[1:]
		if _, ok := t.suffixes[suffix]; !ok {
			t.suffixes[suffix] = value
			if i, found := slices.BinarySearchFunc(t.lengths, len(suffix), func(a, b int) int { return b - a }); !found {
				t.lengths = slices.Insert(t.lengths, i, len(suffix))
			}
		}
	default:
		if t.exact == nil {
			t.exact = make(map[string]T)
		}
		if _, ok := t.exact[domain]; !ok {
			t.exact[domain] = value
		}
	}
}

// find returns the value for a Host header. The port is ignored, letter case
// too.
func (t *hostTable[T]) find(authority string) (T, bool) {
	if len(t.exact) == 0 && len(t.lengths) == 0 {
		return t.any, t.hasAny
	}
	return t.findName(strings.ToLower(hostOf(authority)))
}

// findName is find for a name in lower case, without port.
func (t *hostTable[T]) findName(name string) (T, bool) {
	if len(t.exact) > 0 {
		if v, ok := t.exact[name]; ok {
			return v, true
		}
	}
	for _, n := range t.lengths {
		if n < len(name) {
			if v, ok := t.suffixes[name[len(name)-n:]]; ok {
				return v, true
			}
		}
	}
	return t.any, t.hasAny
}

// isPlainName reports whether a Host header is valid and no more than a name in
// lower case, without port. It may say no where it is.
func isPlainName(authority string) bool {
	n := len(authority)
	for i := 0; i < n; i += word.Size {
		var w uint64
		if n < word.Size {
			w = word.Rest(authority) | word.Fill('-', n)
		} else {
			// The last word may begin in the one before.
			w = word.At(authority, min(i, n-word.Size))
		}
		if !word.Every(word.In(w, 'a', 'z')|word.In(w, '0', '9')|word.In(w, '-', '.'), w) {
			return false
		}
	}
	return true
}

// hostOf returns authority without its port. An IPv6 literal keeps its brackets.
func hostOf(authority string) string {
	if i := portStart(authority); i >= 0 {
		return authority[:i]
	}
	return authority
}

// portStart returns the index of the colon before the port, or -1.
func portStart(authority string) int {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.IndexByte(authority[i:], ']') >= 0 {
		return -1
	}
	return i
}

// intersect returns, for every pair of overlapping hosts, the more specific one
// (Istio's host.Names.Intersection). The comparison is on the text as written.
func intersect(server, service []string) []string {
	var out []string
	for _, a := range server {
		for _, b := range service {
			switch {
			case hostWithin(a, b):
				if !slices.Contains(out, a) {
					out = append(out, a)
				}
			case hostWithin(b, a):
				if !slices.Contains(out, b) {
					out = append(out, b)
				}
			}
		}
	}
	return out
}

// hostWithin reports whether every name that a stands for is one that b stands
// for.
func hostWithin(a, b string) bool {
	if !strings.HasPrefix(b, "*") {
		return a == b
	}
	if strings.HasPrefix(a, "*") {
		return len(a) >= len(b) && strings.HasSuffix(a[1:], b[1:])
	}
	return strings.HasSuffix(a, b[1:])
}

// hostsFor returns those of a server's hosts to which VirtualServices of a
// namespace may bind, without the namespace (Istio's NamesForNamespace after
// sanitizeServerHostNamespace).
func hostsFor(hosts []string, serverNamespace, namespace string) []string {
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

// serverNames returns a server's hosts without namespaces, in lower case: the
// names that choose its filter chain.
func serverNames(hosts []string) []string {
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		if _, name, found := strings.Cut(h, "/"); found {
			h = name
		}
		out = append(out, strings.ToLower(h))
	}
	return out
}
