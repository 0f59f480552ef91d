package spec

// A Destination names where to send requests (Istio's HTTPRouteDestination). It
// is only a name: Builder.Backend and Builder.Service register what is behind
// it. A destination with nothing behind it answers 503.
type Destination struct {
	// Host is the name of a service. A name without a dot is completed with the
	// namespace of the VirtualService: "reviews" in "prod" means
	// reviews.prod.svc.cluster.local.
	Host string
	// Port is the port number. Zero means the only port of the service. If the
	// service has several ports, zero means the number of the server's port.
	Port int
	// Subset names a subset of a DestinationRule.
	Subset string
	// Weight is the share of requests, relative to the sum of all weights.
	Weight int
	// Headers are operations for this destination only. They are applied after
	// the operations of the route if it has one destination, and before them if
	// it has several.
	Headers Headers
}
