package spec

// A Code is the kind of problem in a Finding, for programs that handle some
// kinds differently. The code of an error is always one of the constants. The
// code of a warning is that of Istio's analyzer, such as "IST0130", or empty.
type Code string

// The codes of errors.
const (
	// CodeInvalid is a value that is not allowed in its place.
	CodeInvalid Code = "invalid"
	// CodeMissing is a required value that is missing.
	CodeMissing Code = "missing"
	// CodeUnknownField is a field that does not exist.
	CodeUnknownField Code = "unknownField"
	// CodeConflict is two settings that cannot be combined.
	CodeConflict Code = "conflict"
	// CodeDuplicate is something that already exists.
	CodeDuplicate Code = "duplicate"
	// CodeNotFound is a reference to something that does not exist.
	CodeNotFound Code = "notFound"
	// CodeUnsupported is something that Istio accepts but Lateen cannot do.
	CodeUnsupported Code = "unsupported"
	// CodeSyntax is text that is not YAML or JSON.
	CodeSyntax Code = "syntax"
	// CodeUnreadable is a file, or another source, that cannot be read.
	CodeUnreadable Code = "unreadable"
)
