// Package resource has the rules for names, labels, namespaces, ports and
// selectors that are the same for all resources of package spec. The main types
// are Name, Workload and Workloads. Validation and compilation use it.
package resource

// A Name identifies a resource among those of its kind.
type Name struct{ Namespace, Name string }

func (n Name) String() string { return n.Namespace + "/" + n.Name }
