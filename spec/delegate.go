package spec

// A Delegate names a VirtualService without hosts. Its routes replace the route
// that delegates (Istio's Delegate).
type Delegate struct {
	Name string
	// Namespace defaults to the namespace of the delegating VirtualService.
	Namespace string
}
