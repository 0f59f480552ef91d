package spec

// A Mirror gets a copy of some requests of a route, after header operations and
// rewrites (Istio's HTTPMirrorPolicy). It cannot affect the client's response.
type Mirror struct {
	// Destination gets the copies. Its Weight and Headers are not used.
	Destination Destination
	// Percent is the share of requests that are copied, 0 to 100, in steps of
	// 0.0001. Nil means all of them.
	Percent *float64
}
