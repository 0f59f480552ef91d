package match

import (
	"net/textproto"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
)

func (s *Source) String() string {
	switch s.kind {
	case sourceMethod:
		return "method"
	case sourceScheme:
		return "scheme"
	case sourceAuthority:
		return "authority"
	case sourcePath:
		return "path and query"
	case sourceQuery, sourceDecodedQuery:
		return "query " + s.name
	}
	return "header " + strings.ToLower(s.name)
}

// A Source is a value of a request that a condition uses.
type Source struct {
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
	// client's value is not used.
	sourceEdgeHeader
	sourceQuery
	// sourceDecodedQuery is a query parameter whose name and value are decoded.
	sourceDecodedQuery
)

// HeaderSource returns the source of a header condition. Pseudo-headers have
// their HTTP/2 names.
func HeaderSource(name string) Source {
	switch strings.ToLower(name) {
	case ":method":
		return Source{kind: sourceMethod}
	case ":scheme":
		return Source{kind: sourceScheme}
	case ":authority", "host":
		return Source{kind: sourceAuthority}
	case ":path":
		return Source{kind: sourcePath}
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	if edge.IsEdgeHeader(key) {
		return Source{sourceEdgeHeader, key}
	}
	return Source{sourceHeader, key}
}

// DecodedQuerySource returns the source of a query parameter, percent-decoded. Only
// descriptors of rate limits have such parameters.
func DecodedQuerySource(name string) Source { return Source{sourceDecodedQuery, name} }
