package resource

// JoinedName returns the joined name of a route and a route of its delegate.
func JoinedName(root, own string) string {
	if root == "" || own == "" {
		return root + own
	}
	return root + "-" + own
}
