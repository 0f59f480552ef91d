package spec

// PathNormalization selects how to normalize the path of a request before
// anything else uses it (Istio's meshConfig.pathNormalization). Routes match
// the normalized path, and destinations receive it. The query is never changed.
type PathNormalization uint8

// The values of PathNormalization. NormalizeMergeSlashes and
// NormalizeDecodeAndMergeSlashes do everything the previous value does, and more.
const (
	// NormalizeBase resolves dot segments, changes \ to / and decodes escapes of
	// unreserved characters (RFC 3986, section 6.2.2). It is the default.
	NormalizeBase PathNormalization = iota
	// NormalizeMergeSlashes also replaces several slashes in a row with one.
	NormalizeMergeSlashes
	// NormalizeDecodeAndMergeSlashes first decodes %2F and %5C.
	NormalizeDecodeAndMergeSlashes
	// NormalizeNone does not change the path.
	NormalizeNone
)

// String returns Istio's name of the normalization, such as MERGE_SLASHES.
func (n PathNormalization) String() string {
	switch n {
	case NormalizeBase:
		return "BASE"
	case NormalizeMergeSlashes:
		return "MERGE_SLASHES"
	case NormalizeDecodeAndMergeSlashes:
		return "DECODE_AND_MERGE_SLASHES"
	case NormalizeNone:
		return "NONE"
	}
	return "PathNormalization(?)"
}
