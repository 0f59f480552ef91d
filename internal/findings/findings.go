// Package findings collects the errors and warnings about a configuration. The main
// types are List, and Place, the field of a finding. Validation and compilation use
// it.
package findings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// A List collects the errors and warnings of validation and compilation.
type List struct {
	Errors   []*spec.Error
	Warnings []spec.Warning

	unreadable gaps
}

// A Place is the declaration, or its field, that findings are about.
type Place struct {
	*List
	origin spec.Origin
	path   string
}

// At returns the place of a declaration.
func (f *List) At(o spec.Origin) Place { return Place{List: f, origin: o} }

// Written returns the declaration of the place, and the path of the field in it.
func (p Place) Written() (*spec.Origin, string) { return &p.origin, p.path }

// Field returns the place of a field below p: "uri", or "match" and an index.
func (p Place) Field(name string) Place {
	if p.path != "" {
		name = p.path + "." + name
	}
	p.path = name
	return p
}

// Index returns the place of the element i of the list p.
func (p Place) Index(i int) Place {
	p.path = fmt.Sprintf("%s[%d]", p.path, i)
	return p
}

// Key returns the place of the value of key in the map p.
func (p Place) Key(k string) Place {
	p.path = p.path + "[" + k + "]"
	return p
}

// Errorf records an error at p.
func (p Place) Errorf(code spec.Code, format string, args ...any) {
	p.Suggestf(code, "", format, args...)
}

// Suggestf records an error at p, with a suggestion of what was probably meant.
func (p Place) Suggestf(code spec.Code, suggestion, format string, args ...any) {
	f := p.finding(code, suggestion, format, args...)
	if !p.unreadable.covers(&f) {
		p.Errors = append(p.Errors, &spec.Error{Finding: f})
	}
}

// Warnf records a warning at p, with the code of Istio's analyzer or "".
func (p Place) Warnf(code spec.Code, format string, args ...any) {
	p.WarnSuggestf(code, "", format, args...)
}

// WarnSuggestf is like Warnf, with what was probably meant, or "".
func (p Place) WarnSuggestf(code spec.Code, suggestion, format string, args ...any) {
	f := p.finding(code, suggestion, format, args...)
	if !p.unreadable.covers(&f) {
		p.Warnings = append(p.Warnings, spec.Warning{Finding: f})
	}
}

func (p Place) finding(code spec.Code, suggestion, format string, args ...any) spec.Finding {
	f := p.origin.At(p.path, fmt.Sprintf(format, args...))
	f.Code, f.Suggestion = code, suggestion
	return f
}

// Add adds the errors of a Source, which may be joined.
func (f *List) Add(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			f.Add(e)
		}
		return
	}
	var e *spec.Error
	if !errors.As(err, &e) {
		e = &spec.Error{Finding: spec.Finding{Code: spec.CodeUnreadable, Problem: err.Error()}}
	}
	f.Errors = append(f.Errors, e)
	f.unreadable.add(&e.Finding)
}

// Err joins the errors in source order. It is nil if there are none.
func (f *List) Err() error {
	if len(f.Errors) == 0 {
		return nil
	}
	slices.SortStableFunc(f.Errors, func(a, b *spec.Error) int { return compareFindings(a.Finding, b.Finding) })
	joined := make([]error, len(f.Errors))
	for i, e := range f.Errors {
		joined[i] = e
	}
	return errors.Join(joined...)
}

// SortedWarnings returns the warnings in source order. A warning that several
// routes cause is returned once.
func (f *List) SortedWarnings() []spec.Warning {
	slices.SortStableFunc(f.Warnings, func(a, b spec.Warning) int { return compareFindings(a.Finding, b.Finding) })
	f.Warnings = slices.Compact(f.Warnings)
	return f.Warnings
}

func compareFindings(a, b spec.Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
