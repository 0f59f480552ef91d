package spec

import (
	"strings"
)

// An Origin is where a declaration was written. The zero Origin means unknown.
type Origin struct {
	// File, Line and Column are where the declaration begins. Lines and columns
	// count from 1; 0 means unknown.
	File         string
	Line, Column int

	// Kind, Namespace and Name identify the resource that contains the
	// declaration.
	Kind, Namespace, Name string

	// Path is the path of the declaration in its resource, such as
	// "spec.http[2]". Empty means the resource itself.
	Path string

	// Go reports whether the declaration is a value in a Go program. Findings
	// about it name Go's fields, "Destinations[0].Weight", instead of Istio's,
	// "route[0].weight".
	Go bool

	// Fields finds the positions of the fields in the resource. It can be nil. It may
	// be a Renamer or a KeptLocator.
	Fields Locator
}

// A Locator finds where a field of a resource was written.
type Locator interface {
	// Locate returns the line and column of the value at a path from the root
	// of the resource, such as "spec.http[2].match[0].uri.regex". If the value
	// is missing, Locate returns the position of the innermost part of the path
	// that exists. A path that ends in "@key" means the key instead of the
	// value. ok is false if no part exists.
	Locate(path string) (line, column int, ok bool)
}

// A KeptLocator is a Locator of a resource that its source may keep, and declare again
// without reading it.
type KeptLocator interface {
	Locator
	// Content identifies the contents of the resource: of declarations with the same
	// content and the same path, all but the origins is equal, and nobody changes it. It
	// is nil if the source does not keep the resource.
	Content() any
}

// A Renamer is a Locator of a resource that writes fields under other names than
// RateLimitConfig and the other kinds do, such as an EnvoyFilter.
type Renamer interface {
	Locator
	// Written returns the path of a field as the resource writes it.
	Written(path string) string
}

// At returns a Finding about the field at path, which is relative to the
// declaration, such as "match[0].uri.regex". An empty path means the
// declaration itself.
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
	f.Field = full
	if r, ok := o.Fields.(Renamer); ok {
		f.Field = r.Written(full)
	}
	f.Field = strings.TrimSuffix(f.Field, "@key")
	if o.Go {
		f.Field = goPath(o.Kind, f.Field)
	}
	if o.Fields != nil {
		if line, column, ok := o.Fields.Locate(full); ok {
			f.Line, f.Column = line, column
		}
	}
	return f
}

// IsZero reports whether the origin is unknown.
func (o *Origin) IsZero() bool {
	return o.File == "" && o.Line == 0 && o.Kind == "" && o.Name == "" && o.Path == "" && o.Fields == nil
}
