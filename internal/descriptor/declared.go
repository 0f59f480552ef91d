package descriptor

import (
	"math"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// Of returns declared limits as descriptors.
func Of(declared []spec.DescriptorLimit) []Descriptor {
	var out []Descriptor
	for i := range declared {
		from := &declared[i]
		d := Descriptor{Key: from.Key, Value: from.Value, ShareThreshold: from.ShareThreshold, Descriptors: Of(from.Descriptors)}
		if r := from.Limit; r != nil {
			d.Limit = &Limit{
				Requests: uint32(min(max(r.Requests, 0), math.MaxInt32)), Unit: UnitOf(r.Unit), Unlimited: r.Unlimited,
				Shadow: from.Shadow, Name: r.Name, Replaces: slices.Clone(r.Replaces),
				Weight: from.Weight, AlwaysApply: from.AlwaysApply,
			}
		}
		out = append(out, d)
	}
	return out
}
