package http1

import (
	"net/http"
	"net/url"
	"strings"
)

// parseTarget reads the target of a request into u, as net/http does.
func parseTarget(u *url.URL, method, target string) bool {
	if path, query, more := strings.Cut(target, "?"); isPlainPath(path) && isTargetText(query) {
		*u = url.URL{Path: path, RawQuery: query, ForceQuery: more && query == ""}
		return true
	}
	// An authority alone is only for CONNECT.
	authority := method == http.MethodConnect && !strings.HasPrefix(target, "/")
	if authority {
		target = "http://" + target
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return false
	}
	*u = *parsed
	if authority {
		u.Scheme = ""
	}
	return true
}

// isPlainPath reports whether a path has only bytes that need no escape, so that it is
// the same decoded and encoded.
func isPlainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := 0; i < len(path); i++ {
		if !plainInPath[path[i]] {
			return false
		}
	}
	return true
}

// isTargetText reports whether a query has no control characters.
func isTargetText(query string) bool {
	for i := 0; i < len(query); i++ {
		if query[i] < ' ' || query[i] == 0x7f {
			return false
		}
	}
	return true
}

var plainInPath = func() (t [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,:;=/@") {
		t[c] = true
	}
	return t
}()
