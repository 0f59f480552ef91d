package spec

import (
	"strconv"
)

// A Match is a set of conditions, which must all be true (Istio's
// HTTPMatchRequest). The zero Match matches every request.
//
// Values are compared as the client sent them: percent-escapes, letter case and
// the port in Host are not changed.
type Match struct {
	// Name is appended to the route's name in decisions, logs and metrics.
	Name string

	// URI is compared with the normalized path, without the query. A prefix is
	// plain text: "/foo" matches "/foobar".
	URI StringMatch
	// IgnoreURICase makes an exact or prefix URI ignore ASCII letter case. It
	// does not affect a regex: write (?i).
	IgnoreURICase bool

	// Scheme is "https" on a TLS connection and "http" otherwise.
	Scheme StringMatch
	// Method is case-sensitive.
	Method StringMatch
	// Authority is compared with the Host header as sent, including the port.
	Authority StringMatch

	// Headers are conditions by header name, in any letter case. Several lines
	// of one header are joined with ",". The zero StringMatch requires that the
	// header is present. ":path", ":method", ":authority" and ":scheme" are the
	// pseudo-headers.
	Headers map[string]StringMatch
	// WithoutHeaders are conditions that must not be true. A missing header
	// counts as an empty one. The zero StringMatch requires that the header is
	// absent.
	WithoutHeaders map[string]StringMatch
	// QueryParams are conditions by parameter name. They compare the first
	// value, without percent-decoding. The zero StringMatch requires that the
	// parameter is present.
	QueryParams map[string]StringMatch

	// Port is the number of the server's port. Zero means any port.
	Port int
	// Gateways limits the match to these gateways. Names are resolved as in
	// VirtualService.Gateways. If Gateways is set, the two source fields are
	// ignored.
	Gateways []string
	// SourceLabels must all be labels of the gateway workload
	// (Builder.Workload). They never describe an HTTP client.
	SourceLabels map[string]string
	// SourceNamespace, if not empty, must be the namespace of the gateway
	// workload.
	SourceNamespace string
	// StatPrefix names the match in metrics.
	StatPrefix string
}

// A MatchKind selects how a StringMatch compares.
type MatchKind uint8

// The kinds of StringMatch.
const (
	// MatchAny matches every value. For a header or a query parameter, it means
	// that it is present.
	MatchAny MatchKind = iota
	// MatchExact matches the value itself.
	MatchExact
	// MatchPrefix matches values that begin with the prefix.
	MatchPrefix
	// MatchRegex matches values that the RE2 expression matches as a whole.
	MatchRegex
)

// A StringMatch compares a string (Istio's StringMatch). StringMatches can be
// compared with ==. The zero value matches any value. Regular expressions have
// RE2 syntax, must match the whole value, and are at most 1024 bytes long.
type StringMatch struct {
	Kind  MatchKind
	Value string
}

// Exact returns a StringMatch for one value.
func Exact(value string) StringMatch { return StringMatch{MatchExact, value} }

// Prefix returns a StringMatch for all values that begin with prefix.
func Prefix(prefix string) StringMatch { return StringMatch{MatchPrefix, prefix} }

// Regex returns a StringMatch for all values that the RE2 expression matches as a
// whole. Builder.Build reports an expression that does not compile.
func Regex(expression string) StringMatch { return StringMatch{MatchRegex, expression} }

// String returns Istio's word for the kind.
func (k MatchKind) String() string {
	switch k {
	case MatchExact:
		return "exact"
	case MatchPrefix:
		return "prefix"
	case MatchRegex:
		return "regex"
	}
	return "any"
}

// String returns the match as text, such as: prefix "/products".
func (m StringMatch) String() string {
	if m.Kind == MatchAny {
		return "any"
	}
	return m.Kind.String() + " " + strconv.Quote(m.Value)
}
