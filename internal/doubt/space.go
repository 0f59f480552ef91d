package doubt

import (
	"net/http"
	"strings"
)

// TrimValues removes the spaces and tabs around the values of a request's header over HTTP/2.
// There may be none (RFC 9113, section 8.2.1), but net/http's server lets them through, and so does
// Envoy. A service that is reached over HTTP/1.1 does not see them: a route that looks at the
// value must not see them either.
func TrimValues(h http.Header) {
	for _, values := range h {
		for i, v := range values {
			if v != "" && (isSpace(v[0]) || isSpace(v[len(v)-1])) {
				values[i] = strings.Trim(v, " \t")
			}
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
