package metrics

// SizeBounds are the upper bounds of the buckets of Sizes, in bytes: those of Istio's
// istio_request_bytes. The first one has the empty bodies.
var SizeBounds = [...]float64{
	0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
}

// Sizes is a distribution of the sizes of bodies.
type Sizes struct {
	// Buckets count the bodies up to each of SizeBounds, and above the bound before.
	// The last one counts those above all bounds.
	Buckets [len(SizeBounds) + 1]uint64
	// Count is the number of bodies, and Sum the number of their bytes.
	Count, Sum uint64
}

// Add adds the sizes of another distribution.
func (s *Sizes) Add(other *Sizes) {
	for i := range s.Buckets {
		s.Buckets[i] += other.Buckets[i]
	}
	s.Count += other.Count
	s.Sum += other.Sum
}

// sizeBucket returns the bucket of a size.
func sizeBucket(n int64) int {
	i := 0
	for i < len(SizeBounds) && float64(n) > SizeBounds[i] {
		i++
	}
	return i
}
