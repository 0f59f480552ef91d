package spec

// A Skipped is an object that a Source skipped because its kind does not
// concern a gateway, such as a Deployment or a Sidecar. Build ignores it.
type Skipped struct {
	// APIVersion and Kind are those of the object. Both are empty for a file in
	// a directory that is not a resource, such as the values of a Helm chart.
	APIVersion, Kind string

	// Origin is where the object is, with its namespace and name.
	Origin Origin
}
