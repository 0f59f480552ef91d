package server

import (
	"net/http"
	"strings"
)

// isMalformed reports whether a request over HTTP/2 is malformed in a way that net/http's
// server leaves to handlers (RFC 9113, sections 8.1.1 and 8.3.1): its Content-Length is no
// number or comes twice, so that the body has no certain length, or its :path is a URL.
func isMalformed(r *http.Request) bool {
	lengths := r.Header["Content-Length"]
	if len(lengths) > 1 || len(lengths) == 1 && (lengths[0] == "" || strings.Trim(lengths[0], "0123456789") != "") {
		return true
	}
	return r.Method != http.MethodConnect && (r.URL.Host != "" || r.URL.Scheme != "")
}
