package spec

import (
	"fmt"
	"strings"
)

// An Error is one problem in a configuration. Builder.Build and Source.Declare
// join all problems with errors.Join. The function Errors returns them one by
// one.
type Error struct {
	Finding
}

func (e *Error) Error() string { return e.Finding.String() }

// A Warning is about a part of a configuration that has no effect, or a
// different effect than it seems to have.
type Warning struct {
	Finding
}

func (w Warning) String() string {
	if w.Code == "" {
		return w.Finding.String()
	}
	return w.Finding.String() + " [" + string(w.Code) + "]"
}

// A Finding is the common part of Error and Warning.
type Finding struct {
	// File, Line and Column are the position. Line and Column are 0 if unknown.
	File         string
	Line, Column int
	// Kind, Namespace and Name identify the resource, if there is one.
	Kind, Namespace, Name string
	// Field is the path of the field, such as "spec.http[2].match[0].uri.regex".
	Field string
	// Code is the kind of problem.
	Code Code
	// Problem describes what was found and what was expected.
	Problem string
	// Suggestion is the name or value that was probably meant, or empty.
	Suggestion string
}

// String returns "file:line:col: Kind namespace/name: field: problem; did you
// mean …?". It omits unknown parts.
func (f Finding) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
			if f.Column > 0 {
				fmt.Fprintf(&b, ":%d", f.Column)
			}
		}
		b.WriteString(": ")
	}
	if f.Kind != "" {
		b.WriteString(f.Kind)
		if f.Name != "" {
			b.WriteByte(' ')
			if f.Namespace != "" {
				b.WriteString(f.Namespace)
				b.WriteByte('/')
			}
			b.WriteString(f.Name)
		}
		b.WriteString(": ")
	}
	if f.Field != "" {
		b.WriteString(f.Field)
		b.WriteString(": ")
	}
	b.WriteString(f.Problem)
	if f.Suggestion != "" {
		fmt.Fprintf(&b, "; did you mean %q?", f.Suggestion)
	}
	return b.String()
}
