package spec

// A Delegate names the VirtualService without hosts whose routes take a
// route's place (Istio's Delegate).
type Delegate struct {
	Name string
	// Namespace defaults to that of the delegating VirtualService.
	Namespace string
}
