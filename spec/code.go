package spec

// A Code says which kind of problem a Finding is about, for programs that treat
// kinds differently. Errors always have one of the constants. A warning has the
// code of Istio's analyzer if there is one, such as "IST0130", or none.
type Code string

// The codes of errors.
const (
	// CodeInvalid is a value that is not allowed where it is.
	CodeInvalid Code = "invalid"
	// CodeMissing is a required value that is not there.
	CodeMissing Code = "missing"
	// CodeUnknownField is a field that does not exist.
	CodeUnknownField Code = "unknownField"
	// CodeConflict is two settings that exclude each other.
	CodeConflict Code = "conflict"
	// CodeDuplicate is something that exists already.
	CodeDuplicate Code = "duplicate"
	// CodeNotFound is a reference to something that does not exist.
	CodeNotFound Code = "notFound"
	// CodeUnsupported is something that Istio accepts and Lateen cannot do.
	CodeUnsupported Code = "unsupported"
	// CodeSyntax is text that is not YAML or JSON.
	CodeSyntax Code = "syntax"
	// CodeUnreadable is a file, or another source, that cannot be read.
	CodeUnreadable Code = "unreadable"
)
