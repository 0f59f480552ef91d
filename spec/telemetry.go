package spec

import (
	"time"
)

// A Telemetry declares which requests are traced, and what their spans say (Istio's
// Telemetry). It applies to the gateway by its namespace: one in the root namespace
// applies to the whole mesh, one in the namespace of the gateway wins over it, and one
// there that selects the gateway by its labels wins over both. It wins in the fields
// that it sets. The others are inherited.
type Telemetry struct {
	Name, Namespace string
	// Selector limits the Telemetry to workloads in its namespace with these labels.
	// Empty means all workloads.
	Selector map[string]string
	// Targets limits the Telemetry to gateways of the Gateway API. Without such a
	// name among the labels of the gateway (gateway.networking.k8s.io/gateway-name),
	// a Telemetry with targets does not apply to it. It excludes a Selector.
	Targets []TelemetryTarget
	// Tracing are the settings of traces. Later elements win.
	Tracing []Tracing
	// Created orders the Telemetries of one level. Without selectors the oldest is
	// used alone; among those that select the gateway, the youngest wins. Those of one
	// age are ordered by name.
	Created time.Time

	Origin Origin
}

// A TelemetryTarget is a reference to a resource that a Telemetry is for, in the
// namespace of the Telemetry.
type TelemetryTarget struct {
	Group, Kind, Name string
}

// A Tracing declares settings of traces. Unset fields are inherited.
type Tracing struct {
	// Mode is the direction of the traffic. A gateway is a client of its
	// destinations, so TracingServer does not apply to it.
	Mode TracingMode
	// Providers names where the spans go. Only the first is used.
	Providers []string
	// RandomSamplingPercentage is the share of requests to trace, from 0 to 100 in
	// steps of 0.01, among those whose client has not decided it.
	RandomSamplingPercentage *float64
	// DisableSpanReporting turns spans off.
	DisableSpanReporting *bool
	// CustomTags are the tags of the spans, by name. They replace all inherited ones.
	CustomTags map[string]TracingTag
	// UseRequestIDForTraceSampling has no effect: the sampling never depends on the
	// request's x-request-id.
	UseRequestIDForTraceSampling *bool
	// EnableIstioTags has no effect: no span has tags such as
	// istio.canonical_service.
	EnableIstioTags *bool
	// DisableContextPropagation means that destinations do not learn of the trace.
	DisableContextPropagation *bool
}

// A TracingMode is the direction of the traffic that settings of traces are for.
type TracingMode uint8

const (
	TracingClientAndServer TracingMode = iota // the default
	TracingClient
	TracingServer
)

// A TracingTag is the value of a tag. One of its fields is set.
type TracingTag struct {
	// Literal is the value itself.
	Literal string
	// Environment is a variable of the environment, which Build reads.
	Environment *TracingTagSource
	// Header is a header of the request, or a pseudo-header such as ":path".
	Header *TracingTagSource
}

// A TracingTagSource is where the value of a tag comes from. Without it, the value is
// the default, and without a default there is no tag.
type TracingTagSource struct {
	Name, Default string
}
