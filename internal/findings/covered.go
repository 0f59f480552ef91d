package findings

import (
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Covered are the fields with findings, by resource.
type Covered struct {
	fields map[coveredResource]map[string]bool
}

// A coveredResource is a resource, or a declaration in Go, which its line
// identifies.
type coveredResource struct {
	resource
	line int
}

func coveredBy(f *spec.Finding) coveredResource {
	r := coveredResource{resource: resourceOf(f)}
	if f.Column == 0 {
		r.line = f.Line
	}
	return r
}

// Covered returns the fields of all current warnings and errors.
func (f *List) Covered() *Covered {
	c := &Covered{fields: make(map[coveredResource]map[string]bool)}
	for i := range f.Warnings {
		c.add(&f.Warnings[i].Finding)
	}
	for _, e := range f.Errors {
		c.add(&e.Finding)
	}
	return c
}

func (c *Covered) add(f *spec.Finding) {
	r := coveredBy(f)
	if c.fields[r] == nil {
		c.fields[r] = make(map[string]bool)
	}
	c.fields[r][f.Field] = true
}

// Has reports whether a finding is about p or a field above it.
func (c *Covered) Has(p Place) bool {
	f := p.origin.At(p.path, "")
	fields := c.fields[coveredBy(&f)]
	if len(fields) == 0 {
		return false
	}
	for field := f.Field; ; field = field[:max(0, strings.LastIndexAny(field, ".["))] {
		if fields[field] {
			return true
		}
		if field == "" {
			return false
		}
	}
}

// HasBelow reports whether a finding is about p or a field below it.
func (c *Covered) HasBelow(p Place) bool {
	f := p.origin.At(p.path, "")
	for field := range c.fields[coveredBy(&f)] {
		if rest, ok := strings.CutPrefix(field, f.Field); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
