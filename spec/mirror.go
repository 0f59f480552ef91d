package spec

// A Mirror gets a copy of some of a route's requests, after headers and rewrite
// (Istio's HTTPMirrorPolicy). Nothing that it does reaches the client.
type Mirror struct {
	// Destination is what gets the copies. Weight and Headers are not used.
	Destination Destination
	// Percent of the requests, 0 to 100, in steps of 0.0001. Nil is all of them.
	Percent *float64
}
