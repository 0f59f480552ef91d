package spec

// A Skipped is an object that a Source passed over because its kind says nothing
// to a gateway: a Deployment, a Sidecar. Build does nothing with it.
type Skipped struct {
	// APIVersion and Kind are those of the object. Both are empty for text in a
	// directory that is not a resource, such as the values of a Helm chart.
	APIVersion, Kind string

	// Origin is where the object is, with its namespace and name.
	Origin Origin
}
