package observe

// Tracing are the settings of traces that Telemetries declare for a gateway. The zero
// Tracing means that nothing is declared: whatever makes the spans decides. It is shared
// with the gateway: do not change it.
type Tracing struct {
	// Provider is the name of the first provider, or "". It says where the spans go.
	// Only the program that makes them knows what the name means.
	Provider string
	// SamplingSet means that SamplingPercent is declared: the share of requests to
	// trace, from 0 to 100 in steps of 0.01, among those without a parent. With a
	// parent, its decision holds.
	SamplingSet     bool
	SamplingPercent float64
	// Disabled means that there are no spans.
	Disabled bool
	// PropagationDisabled means that destinations do not learn of the trace.
	PropagationDisabled bool
	// CustomTags are the tags of the gateway's spans, ordered by name.
	CustomTags []Tag
}

// A Tag is a tag of a span.
type Tag struct {
	Name string
	// Literal is the value, unless Header is set. Variables of the environment were
	// read when the gateway was built.
	Literal string
	// Header is the header of the request with the value, or a pseudo-header such as
	// ":path". If the request does not have it, the value is Default; without one
	// there is no tag.
	Header, Default string
}
