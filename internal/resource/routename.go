package resource

// JoinedName returns the name of a route that a route and one of its delegate make
// together.
func JoinedName(root, own string) string {
	if root == "" || own == "" {
		return root + own
	}
	return root + "-" + own
}
