// Package descriptor finds the limit for a descriptor in a tree of configured
// descriptors, with the rules of github.com/envoyproxy/ratelimit. The main type
// is Tree.
package descriptor

// A Domain is the configuration of one domain.
type Domain struct {
	Name        string
	Descriptors []Descriptor
}

// A Descriptor is one configured descriptor. It applies to the entries of a
// request with its Key and Value, at its depth.
type Descriptor struct {
	Key string
	// Value is a value, or a pattern in which each "*" stands for any number of
	// bytes. Empty means any value, if no other descriptor applies.
	Value string
	// Limit is nil if only descriptors with more entries have one.
	Limit *Limit
	// ShareThreshold counts all values that match the pattern together.
	ShareThreshold bool
	// Descriptors apply to the next entry.
	Descriptors []Descriptor
}

// A Limit is the limit of a descriptor.
type Limit struct {
	// Requests are allowed per Unit. Zero allows nothing.
	Requests uint32
	Unit     Unit
	// Unlimited allows everything, without counting. Such a limit has no unit.
	Unlimited bool
	// Shadow counts and allows everything.
	Shadow bool
	// Name identifies the limit in Replaces, and in answers. It can be empty.
	Name string
	// Replaces are the names of limits that do not apply to a request if this
	// one does.
	Replaces []string
	// Weight selects among the limits of a request: those with less than the largest
	// weight do not apply, unless they have AlwaysApply.
	Weight      int
	AlwaysApply bool
}
