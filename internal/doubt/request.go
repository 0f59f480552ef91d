package doubt

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// HasOneHost reports whether it is certain for which host a request is. r was parsed by a
// server: an authority in the target has replaced the Host header. Requests over HTTP/1.0,
// and those for OPTIONS *, need no host.
func HasOneHost(r *http.Request) bool {
	if u := r.URL; u.Scheme != "" || u.Host != "" || u.User != nil {
		switch {
		case u.User != nil || u.Host == "":
			return false
		case u.Scheme == "http", u.Scheme == "https":
		case r.Method != http.MethodConnect || u.Scheme != "":
			return false
		}
	}
	if r.Host == "" {
		return r.ProtoMajor == 1 && (r.ProtoMinor == 0 || r.RequestURI == "*")
	}
	return IsAuthority(r.Host)
}

// IsMalformedHTTP2 reports whether a request over HTTP/2 is malformed in a way that
// net/http's server leaves to handlers (RFC 9113, sections 8.1.1 and 8.3.1). Its
// Content-Length is no number, comes twice, or is not that of a request that has already
// ended. Its :path is a URL or has a space. Or it has another Host than its :authority.
//
// A body that gets longer or shorter later ends with an error.
func IsMalformedHTTP2(r *http.Request) bool {
	if lengths, ok := r.Header["Content-Length"]; ok {
		if len(lengths) != 1 || !isLength(lengths[0], r.ContentLength) {
			return true
		}
	}
	if hosts, ok := r.Header["Host"]; ok && (len(hosts) != 1 || hosts[0] != r.Host) {
		return true
	}
	if !HasOneHost(r) {
		return true
	}
	return r.Method != http.MethodConnect && (r.URL.Host != "" || r.URL.Scheme != "" || strings.IndexByte(r.RequestURI, ' ') >= 0)
}

// EndsAsDeclared reports whether a request over HTTP/2 that declares an empty body has one.
// It waits for the end of the body: net/http's server reports data only after the request
// has reached its handler.
func EndsAsDeclared(r *http.Request) bool {
	if r.ContentLength != 0 || r.Body == nil || r.Header["Content-Length"] == nil {
		return true
	}
	n, err := r.Body.Read(make([]byte, 1))
	return n == 0 && err == io.EOF
}

// isLength reports whether a Content-Length is a number, and the one that was understood.
func isLength(text string, understood int64) bool {
	if text == "" || len(text) > 18 || strings.Trim(text, "0123456789") != "" {
		return false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n == understood
}
