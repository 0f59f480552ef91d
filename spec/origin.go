package spec

import (
	"strings"
)

// An Origin says where a declaration was written. The zero Origin is unknown.
type Origin struct {
	// File, Line and Column are where the declaration begins. Lines and
	// columns count from 1; 0 is unknown.
	File         string
	Line, Column int

	// Kind, Namespace and Name are those of the resource that holds it.
	Kind, Namespace, Name string

	// Path is the declaration's own path in its resource, such as
	// "spec.http[2]". Empty is the resource itself.
	Path string

	// Fields finds the positions of the fields inside, if it is not nil.
	Fields Locator
}

// A Locator finds where a field of a resource was written.
type Locator interface {
	// Locate returns line and column of the value at a path from the
	// resource's root, such as "spec.http[2].match[0].uri.regex", or of the
	// innermost part of the path that was written. A path that ends in "@key"
	// asks for the key rather than the value. ok is false if nothing was.
	Locate(path string) (line, column int, ok bool)
}

// At returns the finding of a problem with the field at path, relative to the
// declaration: "match[0].uri.regex". An empty path is the declaration itself.
func (o Origin) At(path, problem string) Finding {
	f := Finding{
		File: o.File, Line: o.Line, Column: o.Column,
		Kind: o.Kind, Namespace: o.Namespace, Name: o.Name,
		Problem: problem,
	}
	full := o.Path
	switch {
	case path == "":
	case full == "":
		full = path
	default:
		full += "." + path
	}
	f.Field = strings.TrimSuffix(full, "@key")
	if o.Fields != nil {
		if line, column, ok := o.Fields.Locate(full); ok {
			f.Line, f.Column = line, column
		}
	}
	return f
}

// IsZero reports whether nothing is known of an origin.
func (o *Origin) IsZero() bool {
	return o.File == "" && o.Line == 0 && o.Kind == "" && o.Name == "" && o.Path == "" && o.Fields == nil
}
