package gateway

// Semantics chooses between Envoy's behaviour to the byte and the default, which
// differs from it in a short closed list of places (docs/semantics.md).
type Semantics uint8

const (
	// Native is Envoy's behaviour but where a Go service in the same process
	// would be surprised. It is the default.
	Native Semantics = iota
	// Envoy is what istiod and Envoy do, to the byte.
	Envoy
)

// String returns "native" or "envoy".
func (s Semantics) String() string {
	if s == Envoy {
		return "envoy"
	}
	return "native"
}
