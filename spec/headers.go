package spec

// IsZero reports whether h changes nothing.
func (h *Headers) IsZero() bool { return h.Request.IsZero() && h.Response.IsZero() }

// IsZero reports whether o changes nothing.
func (o *HeaderOperations) IsZero() bool {
	return len(o.Set) == 0 && len(o.Add) == 0 && len(o.Remove) == 0
}

// Headers are operations on the headers of a request and its response (Istio's
// Headers). The zero value changes nothing.
type Headers struct {
	Request, Response HeaderOperations
}

// HeaderOperations change headers (Istio's Headers.HeaderOperations). First all
// Remove operations are applied, then all values are computed, then all Set
// operations are applied, then all Add operations. Header names are
// case-insensitive. The zero value changes nothing.
//
// Values can contain Envoy's command operators, such as %REQ(X-USER)%. A
// literal percent sign is written %%. A header with an empty value is not
// written.
//
// In Set and Add of a request, the name "host" (or ":authority") means the Host
// header.
//
// The gateway itself controls headers that frame a message or are about one
// connection, such as Content-Length, Transfer-Encoding and Connection. Setting
// or adding a header that would break a message is an error. Other operations
// on such headers have no effect, with a warning. Removing Content-Length from
// a response allows a chunked body.
type HeaderOperations struct {
	// Set replaces all lines of a header with one line.
	Set map[string]string
	// Add appends a line to a header.
	Add map[string]string
	// Remove deletes all lines of a header.
	Remove []string
}
