package spec

import (
	"errors"
	"iter"
)

// Errors returns an iterator over every *Error in err, in order: err itself,
// the errors that it wraps, and the errors that errors.Join joined. Use it to
// read all problems of a failed Build:
//
//	for problem := range spec.Errors(err) {
//		fmt.Println(problem.File, problem.Line, problem.Field, problem.Problem)
//	}
func Errors(err error) iter.Seq[*Error] {
	return func(yield func(*Error) bool) { visitErrors(err, yield) }
}

func visitErrors(err error, yield func(*Error) bool) bool {
	if e, ok := err.(*Error); ok {
		return yield(e)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !visitErrors(e, yield) {
				return false
			}
		}
		return true
	}
	if inner := errors.Unwrap(err); inner != nil {
		return visitErrors(inner, yield)
	}
	return true
}
