package match

import (
	"net/textproto"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
)

func (s *Source) String() string {
	switch s.kind {
	case PartMethod:
		return "method"
	case PartScheme:
		return "scheme"
	case PartAuthority:
		return "authority"
	case PartTarget:
		return "path and query"
	case PartQuery, PartDecodedQuery, PartParameter:
		return "query " + s.name
	}
	return "header " + strings.ToLower(s.name)
}

// A Source is a value of a request that a condition uses.
type Source struct {
	kind Part
	// name is the header's canonical name or the query parameter's name.
	name string
}

// A Part is a part of a request that conditions compare.
type Part uint8

// The parts of a request.
const (
	PartMethod Part = iota
	PartScheme
	PartAuthority
	// PartTarget is the path with the query.
	PartTarget
	PartHeader
	// PartEdgeHeader is a header that the edge writes or removes, so that the
	// client's value is not used.
	PartEdgeHeader
	PartQuery
	// PartDecodedQuery is a query parameter whose name and value are decoded.
	PartDecodedQuery
	// PartParameter is a query parameter whose name and value are decoded as those of a
	// form.
	PartParameter
)

// Part returns the part of a request that the source reads.
func (s Source) Part() Part { return s.kind }

// Name returns the canonical name of a header, or the name of a query parameter. It is
// "" for the other parts.
func (s Source) Name() string { return s.name }

// HeaderSource returns the source of a header condition. Pseudo-headers have
// their HTTP/2 names.
func HeaderSource(name string) Source {
	switch strings.ToLower(name) {
	case ":method":
		return Source{kind: PartMethod}
	case ":scheme":
		return Source{kind: PartScheme}
	case ":authority", "host":
		return Source{kind: PartAuthority}
	case ":path":
		return Source{kind: PartTarget}
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	if edge.IsEdgeHeader(key) {
		return Source{PartEdgeHeader, key}
	}
	return Source{PartHeader, key}
}

// ParameterSource returns the source of a query parameter, decoded as that of a form.
func ParameterSource(name string) Source { return Source{PartParameter, name} }

// DecodedQuerySource returns the source of a query parameter, percent-decoded. Only
// descriptors of rate limits have such parameters, under Envoy's semantics.
func DecodedQuerySource(name string) Source { return Source{PartDecodedQuery, name} }
