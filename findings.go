package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// findings collects what validation and compilation have to say.
type findings struct {
	errors   []*spec.Error
	warnings []spec.Warning
}

// A place is a declaration, or a field in one, that findings are about.
type place struct {
	*findings
	origin spec.Origin
	path   string
}

// at returns the place of a declaration.
func (f *findings) at(o spec.Origin) place { return place{findings: f, origin: o} }

// field returns the place of a field below p: "uri", or "match" and an index.
func (p place) field(name string) place {
	if p.path != "" {
		name = p.path + "." + name
	}
	p.path = name
	return p
}

// index returns the place of the element i of the list p.
func (p place) index(i int) place {
	p.path = fmt.Sprintf("%s[%d]", p.path, i)
	return p
}

// key returns the place of the value of key in the map p.
func (p place) key(k string) place {
	p.path = p.path + "[" + k + "]"
	return p
}

// errorf records an error at p.
func (p place) errorf(format string, args ...any) {
	p.errors = append(p.errors, &spec.Error{Finding: p.origin.At(p.path, fmt.Sprintf(format, args...))})
}

// suggestf records an error at p with what was probably meant.
func (p place) suggestf(suggestion, format string, args ...any) {
	f := p.origin.At(p.path, fmt.Sprintf(format, args...))
	f.Suggestion = suggestion
	p.errors = append(p.errors, &spec.Error{Finding: f})
}

// warnf records a warning at p, under the code of Istio's analyser or "".
func (p place) warnf(code, format string, args ...any) {
	p.warnings = append(p.warnings, spec.Warning{Code: code, Finding: p.origin.At(p.path, fmt.Sprintf(format, args...))})
}

// addError takes over the errors of a Source, which may be joined.
func (f *findings) addError(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			f.addError(e)
		}
		return
	}
	var e *spec.Error
	if !errors.As(err, &e) {
		e = &spec.Error{Finding: spec.Finding{Problem: err.Error()}}
	}
	f.errors = append(f.errors, e)
}

// err joins the errors in source order. It is nil if there are none.
func (f *findings) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(f.errors, func(a, b *spec.Error) int { return compareFindings(a.Finding, b.Finding) })
	joined := make([]error, len(f.errors))
	for i, e := range f.errors {
		joined[i] = e
	}
	return errors.Join(joined...)
}

// sortedWarnings returns the warnings in source order. What several routes give
// rise to is said once.
func (f *findings) sortedWarnings() []spec.Warning {
	slices.SortStableFunc(f.warnings, func(a, b spec.Warning) int { return compareFindings(a.Finding, b.Finding) })
	f.warnings = slices.Compact(f.warnings)
	return f.warnings
}

func compareFindings(a, b spec.Finding) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
