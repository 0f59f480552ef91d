package spec

// PathNormalization says what is done to a request's path before anything looks
// at it (Istio's meshConfig.pathNormalization). The path that results is what
// routes match on and what destinations receive. The query is never changed.
type PathNormalization uint8

// The normalisations of a path. Each does what those before it do, and more.
const (
	// NormalizeBase resolves dot segments, turns \ into / and decodes escapes
	// of unreserved characters (RFC 3986, section 6.2.2). It is the default.
	NormalizeBase PathNormalization = iota
	// NormalizeMergeSlashes also makes one slash of several.
	NormalizeMergeSlashes
	// NormalizeDecodeAndMergeSlashes first decodes %2F and %5C.
	NormalizeDecodeAndMergeSlashes
	// NormalizeNone leaves the path as it came.
	NormalizeNone
)

// String returns Istio's name of the normalisation, such as MERGE_SLASHES.
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
