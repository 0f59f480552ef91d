package gateway

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/go-chi/chi/v5"
)

// A view is a request as conditions see it: raw values, after normalisation of
// the path and with the edge's own headers in place of the client's.
type view struct {
	r *http.Request
	// path is the normalised path, without query. Within a chi mount it is what
	// is below, and mount what is above.
	path, mount string
	// scheme is "https" or "http".
	scheme string
	// chi is the state of the chi router around, or nil.
	chi *chi.Context
	// upgrade says that the client asks for a WebSocket.
	upgrade bool
	// owned says that r's header map may become the destination's: see
	// Gateway.Owning.
	owned bool
	// edge is what the edge does with headers from outside.
	edge *edge
}

// A source is a value of a request that a condition looks at.
type source struct {
	kind sourceKind
	// name is the header's canonical name or the query parameter's name.
	name string
}

type sourceKind uint8

const (
	sourceMethod sourceKind = iota
	sourceScheme
	sourceAuthority
	sourcePath
	sourceHeader
	// sourceEdgeHeader is a header that the edge writes or removes, so that the
	// client's value is not what counts.
	sourceEdgeHeader
	sourceQuery
)

// headerSource returns the source of a header condition. Pseudo-headers go by
// their names in HTTP/2.
func headerSource(name string) source {
	switch strings.ToLower(name) {
	case ":method":
		return source{kind: sourceMethod}
	case ":scheme":
		return source{kind: sourceScheme}
	case ":authority", "host":
		return source{kind: sourceAuthority}
	case ":path":
		return source{kind: sourcePath}
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	if isEdgeHeader(key) {
		return source{sourceEdgeHeader, key}
	}
	return source{sourceHeader, key}
}

// value returns the value of a source and whether the request has one.
func (v *view) value(s *source) (string, bool) {
	switch s.kind {
	case sourceMethod:
		return v.r.Method, true
	case sourceScheme:
		return v.scheme, true
	case sourceAuthority:
		return v.r.Host, true
	case sourcePath:
		return v.pathAndQuery(), true
	case sourceHeader:
		return joinedHeader(v.r.Header, s.name)
	case sourceEdgeHeader:
		return v.edge.value(v.r, s.name)
	case sourceQuery:
		return queryValue(v.r.URL.RawQuery, s.name)
	}
	return "", false
}

// pathAndQuery returns the request target as a destination would get it.
func (v *view) pathAndQuery() string {
	if v.r.URL.RawQuery == "" && !v.r.URL.ForceQuery {
		return v.path
	}
	return v.path + "?" + v.r.URL.RawQuery
}

// query returns the query with its question mark, or "".
func (v *view) query() string {
	if v.r.URL.RawQuery == "" && !v.r.URL.ForceQuery {
		return ""
	}
	return "?" + v.r.URL.RawQuery
}

// clientTarget returns the request target as the client knows it.
func (v *view) clientTarget() string {
	if v.mount == "" {
		return v.pathAndQuery()
	}
	return v.mount + v.pathAndQuery()
}

// joinedHeader returns the lines of a header as one value, and whether there
// are any.
func joinedHeader(h http.Header, key string) (string, bool) {
	lines := h[key]
	if len(lines) > 1 && key == "Cookie" {
		return strings.Join(lines, "; "), true
	}
	return joined(lines)
}

// joined returns the lines of a header as one value, joined with a comma as
// Envoy does for all but cookies.
func joined(lines []string) (string, bool) {
	switch len(lines) {
	case 0:
		return "", false
	case 1:
		return lines[0], true
	}
	return strings.Join(lines, ","), true
}

// oneValue returns a header as one value, "" if there is none.
func oneValue(h http.Header, key string) string {
	value, _ := joined(h[key])
	return value
}

// firstValue returns the first line of a header, "" if there is none.
func firstValue(h http.Header, key string) string {
	if lines := h[key]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}

// queryValue returns the first value of a query parameter as it was written:
// nothing is decoded, and & alone separates.
func queryValue(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); key == name && pair != "" {
			return value, true
		}
	}
	return "", false
}
