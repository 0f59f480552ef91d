package gateway

// Semantics selects either Envoy's behavior byte for byte, or the default, which
// differs from it in a short closed list of places (docs/semantics.md).
type Semantics uint8

const (
	// Native is Envoy's behavior, except where that would surprise a Go service in
	// the same process. It is the default.
	Native Semantics = iota
	// Envoy is the behavior of istiod and Envoy, byte for byte.
	Envoy
)

// String returns "native" or "envoy".
func (s Semantics) String() string {
	if s == Envoy {
		return "envoy"
	}
	return "native"
}

// Strict makes a gateway refuse requests that are legal and that attackers send more often
// than others, as Builder.Strict says. The zero Strict has all defaults.
type Strict struct {
	// MaxFields is the maximum number of header fields of a request; others get 431. Zero
	// means 100; spec.NoLimit removes the limit.
	MaxFields int
}
