package spec

// A Destination names what requests are sent to (Istio's HTTPRouteDestination).
// It is a name only: Builder.Backend and Builder.Service say what stands
// behind it. A destination that nothing stands behind answers 503.
type Destination struct {
	// Host is the name of a service. A name without a dot is completed with
	// the namespace of the VirtualService: "reviews" in "prod" is
	// reviews.prod.svc.cluster.local.
	Host string
	// Port is the port's number. Zero is the service's only port, or else the
	// number of the server's port.
	Port int
	// Subset names a subset of a DestinationRule.
	Subset string
	// Weight is the share, relative to the sum of all.
	Weight int
	// Headers are operations for this destination alone. With one destination
	// they follow the route's; with several they come before the route's.
	Headers Headers
}
