package upstream

import (
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// RemoveNominated deletes from h the headers that its Connection headers name,
// and then Connection itself, except for the tokens "upgrade" and "close".
// Envoy does so when it reads a request, before it adds any header, so that a
// client cannot remove the gateway's own headers. A gateway calls it first. An
// Upstream cannot know who set a header, so it protects only some.
func RemoveNominated(h http.Header) {
	values, ok := h["Connection"]
	if !ok {
		return
	}
	var kept []string
	for name := range tokens(values) {
		switch strings.ToLower(name) {
		case "upgrade", "close":
			kept = append(kept, name)
		case "te":
			// Envoy keeps TE for "trailers", and so does ServeHTTP.
		default:
			if key := http.CanonicalHeaderKey(name); !indispensable(key) {
				delete(h, key)
			}
		}
	}
	if kept == nil {
		delete(h, "Connection")
	} else {
		h["Connection"] = []string{strings.Join(kept, ", ")}
	}
}

// indispensable reports whether a message changes its meaning without the
// header with the canonical key.
func indispensable(key string) bool {
	switch key {
	case "Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Expect":
		return true
	}
	return false
}

// protected reports whether the canonical key is that of a header that a
// gateway sets and backends trust.
func protected(key string) bool {
	switch key {
	case "Authorization", "Cookie", "Forwarded", "Via", "X-Request-Id", "X-Real-Ip", "Traceparent", "Tracestate",
		"Proxy-Authorization", "Origin", "Cache-Control", "User-Agent", "Accept":
		return true
	}
	return indispensable(key) || strings.HasPrefix(key, "X-Forwarded-") || strings.HasPrefix(key, "X-Envoy-") ||
		strings.HasPrefix(key, "X-B3-") || strings.HasPrefix(key, "X-Jwt-") || strings.HasPrefix(key, "X-Auth-")
}

// hopByHop reports whether the canonical key is that of a header that applies
// to one connection only, in a request or a response. TE and Trailer are
// included: they are set again for each connection.
func hopByHop(key string) bool {
	switch len(key) {
	case 2:
		return key == "Te"
	case 7:
		return key == "Upgrade" || key == "Trailer"
	case 10:
		return key == "Connection" || key == "Keep-Alive"
	case 14:
		return key == "Http2-Settings"
	case 16:
		return key == "Proxy-Connection"
	case 17:
		return key == "Transfer-Encoding"
	}
	return false
}

// A nominations is the list of names in the Connection headers of a message.
type nominations []string

// nominated returns the names in the Connection headers of h.
func nominated(h http.Header) nominations {
	values, ok := h["Connection"]
	if !ok {
		return nil
	}
	return nominatedBy(values)
}

func nominatedBy(values []string) nominations {
	var names nominations
	for name := range tokens(values) {
		if grammar.IsWord(name, "close") || grammar.IsWord(name, "keep-alive") || grammar.IsWord(name, "upgrade") {
			continue
		}
		names = append(names, http.CanonicalHeaderKey(name))
	}
	return names
}

// has reports whether the canonical key is named.
func (n nominations) has(key string) bool {
	for _, name := range n {
		if name == key {
			return true
		}
	}
	return false
}

// forwarded reports whether the request header with the canonical key is
// forwarded.
func (n nominations) forwarded(key string) bool {
	return !hopByHop(key) && (n == nil || !n.has(key) || protected(key))
}

// addEndToEnd adds the headers of a response to dst.
func addEndToEnd(dst, src http.Header) {
	names := nominated(src)
	for key, values := range src {
		if hopByHop(key) || names != nil && names.has(key) && !indispensable(key) {
			continue
		}
		dst[key] = append(dst[key], values...)
	}
}

// acceptsTrailers reports whether the TE headers of h contain "trailers".
func acceptsTrailers(h http.Header) bool {
	values, ok := h["Te"]
	return ok && hasToken(values, "trailers")
}

// hasToken reports whether the comma-separated values have the token, in any
// letter case.
func hasToken(values []string, token string) bool {
	for name := range tokens(values) {
		if grammar.IsWord(name, token) {
			return true
		}
	}
	return false
}

// tokens yields the elements of comma-separated values.
func tokens(values []string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, value := range values {
			for value != "" {
				var token string
				token, value, _ = strings.Cut(value, ",")
				if token = strings.Trim(token, " \t"); token != "" && !yield(token) {
					return
				}
			}
		}
	}
}
