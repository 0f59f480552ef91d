package spec

import (
	"strconv"
)

// A Match is a set of conditions that all must hold (Istio's
// HTTPMatchRequest). The zero Match takes every request.
//
// Values are compared as they came: percent-escapes, letter case and the port
// in Host stay as the client wrote them.
type Match struct {
	// Name is appended to the route's name in decisions, logs and metrics.
	Name string

	// URI is compared with the normalised path, without query. A prefix is
	// plain text: "/foo" takes "/foobar".
	URI StringMatch
	// IgnoreURICase makes an exact or prefix URI insensitive to ASCII letter
	// case. A regex is not affected: write (?i).
	IgnoreURICase bool

	// Scheme is "https" on a TLS connection and "http" otherwise.
	Scheme StringMatch
	// Method is sensitive to case.
	Method StringMatch
	// Authority is the Host header as sent, port included.
	Authority StringMatch

	// Headers hold by name, in any letter case. Several lines of one name are
	// joined with ",". The zero StringMatch asks for presence. ":path",
	// ":method", ":authority" and ":scheme" are the pseudo-headers.
	Headers map[string]StringMatch
	// WithoutHeaders are conditions that must not hold; a missing header
	// counts as an empty one. The zero StringMatch asks for absence.
	WithoutHeaders map[string]StringMatch
	// QueryParams hold by name, on the first value, not percent-decoded. The
	// zero StringMatch asks for presence.
	QueryParams map[string]StringMatch

	// Port is the number of the server's port. Zero is any.
	Port int
	// Gateways restricts the match to these gateways; names are resolved as in
	// VirtualService.Gateways. When set, the two source fields are ignored.
	Gateways []string
	// SourceLabels must be a subset of the gateway workload's own labels
	// (Builder.Workload). They never describe an HTTP client.
	SourceLabels map[string]string
	// SourceNamespace, if set, must be the gateway workload's namespace.
	SourceNamespace string
	// StatPrefix names the match in metrics.
	StatPrefix string
}

// A MatchKind says how a StringMatch compares.
type MatchKind uint8

// The kinds of StringMatch.
const (
	// Any holds for every value; for a header or a query parameter, whenever
	// it is present.
	MatchAny MatchKind = iota
	// Exactly holds for the value itself.
	MatchExact
	// HasPrefix holds for values that begin with it.
	MatchPrefix
	// MatchesRegex holds for values that the RE2 expression matches as a whole.
	MatchRegex
)

// A StringMatch compares a string (Istio's StringMatch). It is comparable; its
// zero value holds for any value. Regular expressions have RE2's syntax, hold
// for the whole value, and are at most 1024 bytes.
type StringMatch struct {
	Kind  MatchKind
	Value string
}

// Exact returns the match of one value.
func Exact(value string) StringMatch { return StringMatch{MatchExact, value} }

// Prefix returns the match of all values that begin with prefix.
func Prefix(prefix string) StringMatch { return StringMatch{MatchPrefix, prefix} }

// Regex returns the match of all values that the RE2 expression matches as a
// whole. Build reports an expression that does not compile.
func Regex(expression string) StringMatch { return StringMatch{MatchRegex, expression} }

// String returns the word that Istio has for the kind.
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

// String returns the match, such as: prefix "/products".
func (m StringMatch) String() string {
	if m.Kind == MatchAny {
		return "any"
	}
	return m.Kind.String() + " " + strconv.Quote(m.Value)
}
