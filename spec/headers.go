package spec

func (h *Headers) IsZero() bool { return h.Request.IsZero() && h.Response.IsZero() }

func (o *HeaderOperations) IsZero() bool {
	return len(o.Set) == 0 && len(o.Add) == 0 && len(o.Remove) == 0
}

// Headers are operations on the headers of a request and its response (Istio's
// Headers). The zero value changes nothing.
type Headers struct {
	Request, Response HeaderOperations
}

// HeaderOperations change headers (Istio's Headers.HeaderOperations): first all
// removes, then all values are computed, then all sets, then all adds. Names
// are insensitive to letter case. The zero value changes nothing.
//
// Values may hold Envoy's command operators, such as %REQ(X-USER)%; a literal
// percent sign is written %%. A header whose value is empty is not written.
//
// In a request's Set and Add the name "host" (or ":authority") stands for the
// Host header.
type HeaderOperations struct {
	// Set replaces all lines of a name by one.
	Set map[string]string
	// Add appends a line.
	Add map[string]string
	// Remove deletes all lines of a name.
	Remove []string
}
