package spec

// A RateLimitDescriptor makes a descriptor of a request: one entry for each action, in
// order (Envoy's RateLimit). If an action has no entry for a request, there is no
// descriptor.
type RateLimitDescriptor struct {
	Actions []RateLimitAction
	// Hits is the cost of a request (hitsAddend). Zero means 1.
	Hits int
}

// A RateLimitAction makes one entry of a descriptor: a key and a value (Envoy's
// RateLimit.Action).
type RateLimitAction struct {
	Kind ActionKind
	// Key is the key of the entry (descriptorKey). Empty means that of the Kind.
	Key string
	// Value is the value of the entry, for the kinds whose value is fixed
	// (descriptorValue).
	Value string
	// Name is the name of the header or of the query parameter, for the kinds that
	// use one.
	Name string
	// SkipIfAbsent leaves out only the entry if there is no such header or query
	// parameter. Otherwise there is no descriptor then.
	SkipIfAbsent bool
	// IPv4Bits and IPv6Bits are the lengths of the prefix that ActionMaskedAddress
	// keeps. Zero means 32 and 128.
	IPv4Bits, IPv6Bits int
	// Conditions must all be true for an entry, for the kinds that have them.
	Conditions []ActionCondition
	// ExpectNoMatch makes an entry if the Conditions are not all true
	// (expectMatch: false).
	ExpectNoMatch bool
}

// An ActionKind is what an entry of a descriptor is made of.
type ActionKind uint8

// The kinds of RateLimitAction.
const (
	// ActionGenericKey has the fixed Value. The key is "generic_key".
	ActionGenericKey ActionKind = iota
	// ActionRequestHeader has the value of the header with the Name, of several
	// lines the first one. ":path", ":method", ":authority" and ":scheme" are the
	// pseudo-headers. A Key is required.
	ActionRequestHeader
	// ActionQueryParameter has the first value of the query parameter with the
	// Name, percent-decoded. The key is "query_param".
	ActionQueryParameter
	// ActionRemoteAddress has the client's whole address, as in Envoy. A client with
	// IPv6 has many: use ActionMaskedAddress with 64 bits. The key is "remote_address".
	ActionRemoteAddress
	// ActionMaskedAddress has the network of the client's address, such as
	// "10.1.0.0/16". The key is "masked_remote_address".
	ActionMaskedAddress
	// ActionHeaderMatch has the fixed Value if the Conditions on headers are true.
	// The key is "header_match".
	ActionHeaderMatch
	// ActionQueryMatch has the fixed Value if the Conditions on query parameters are
	// true. The key is "query_match".
	ActionQueryMatch
	// ActionDestination has Istio's name of the cluster behind the destination, such
	// as "outbound|80||reviews.default.svc.cluster.local". The key is
	// "destination_cluster". A redirect and a fixed response have no destination.
	ActionDestination
)

// An ActionCondition compares a header or a query parameter (Envoy's HeaderMatcher and
// QueryParameterMatcher).
type ActionCondition struct {
	Name string
	// Match is compared with the value. The zero StringMatch requires that there is
	// one.
	Match StringMatch
	// Not reverses the comparison (invertMatch). A missing header or parameter
	// satisfies neither, but the zero Match with Not requires that it is missing.
	Not bool
	// MissingIsEmpty compares a missing header like an empty one
	// (treatMissingHeaderAsEmpty).
	MissingIsEmpty bool
}
