package resource

// A Name identifies a resource among those of its kind.
type Name struct{ Namespace, Name string }

func (n Name) String() string { return n.Namespace + "/" + n.Name }
