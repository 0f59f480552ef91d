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
// removes are applied, then all values are computed, then all sets are applied,
// then all adds. Header names are case-insensitive. The zero value changes
// nothing.
//
// Values can contain Envoy's command operators, such as %REQ(X-USER)%. A literal
// percent sign is written %%. A header with an empty value is not written.
//
// In Set and Add of a request, the name "host" (or ":authority") means the Host
// header.
//
// What frames a message or is about one connection is the gateway's own, such as
// Content-Length, Transfer-Encoding and Connection. To set or add what would break
// a message is an error; other operations on such headers have no effect, with a
// warning. To remove Content-Length from a response lets the body be sent in chunks.
type HeaderOperations struct {
	// Set replaces all lines of a header with one.
	Set map[string]string
	// Add appends a line to a header.
	Add map[string]string
	// Remove deletes all lines of a header.
	Remove []string
}
