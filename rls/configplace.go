package rls

import (
	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/spec"
)

// A place is where something is in a file.
type place struct {
	line, column int
	// path is the path of the field, such as "descriptors[0].key".
	path string
	// reported means that the reader has already reported it.
	reported bool
}

// A domainPlace has the places of a domain.
type domainPlace struct {
	file string
	descriptorPlace
}

// A descriptorPlace has the places of a descriptor, or of the domain.
type descriptorPlace struct {
	// self is for fields that are missing.
	self   place
	fields map[descriptor.Field]place
	below  []descriptorPlace
}

func newDescriptorPlace(self place) descriptorPlace {
	return descriptorPlace{self: self, fields: make(map[descriptor.Field]place)}
}

// problem returns a problem of the tree with its place, or nil if the reader has
// reported it.
func (p *domainPlace) problem(w descriptor.Problem) error {
	d := &p.descriptorPlace
	for _, i := range w.Path[1:] {
		d = &d.below[i]
	}
	at, ok := d.fields[w.Field]
	if !ok {
		at = d.self
	}
	if at.reported {
		return nil
	}
	return &spec.Error{Finding: spec.Finding{
		File: p.file, Line: at.line, Column: at.column, Field: at.path, Code: spec.CodeInvalid, Problem: w.Text,
	}}
}
