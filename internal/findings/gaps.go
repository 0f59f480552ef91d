package findings

import (
	"strings"

	"github.com/lateengo/gateway/spec"
)

// gaps are the fields that a Source could not read, by resource. Fields above a gap
// are incomplete: a finding about them may be a consequence of the gap. The error
// about the gap says what to correct.
type gaps map[resource][]gap

type gap struct {
	field string
	// misspelled means that there is no such field; meant is the existing field.
	misspelled bool
	meant      string
}

// A resource is a resource of a file.
type resource struct{ file, kind, namespace, name string }

func resourceOf(f *spec.Finding) resource { return resource{f.File, f.Kind, f.Namespace, f.Name} }

// add records the field of a Source's error. Unsupported fields were read.
func (g *gaps) add(f *spec.Finding) {
	if f.Field == "" || f.Code == spec.CodeUnsupported {
		return
	}
	if *g == nil {
		*g = make(gaps)
	}
	r := resourceOf(f)
	(*g)[r] = append((*g)[r], gap{f.Field, f.Code == spec.CodeUnknownField, f.Suggestion})
}

// covers reports whether f is about a gap, about a field with a gap, or about a
// field that is missing because it was misspelled.
func (g gaps) covers(f *spec.Finding) bool {
	if len(g) == 0 {
		return false
	}
	for _, gap := range g[resourceOf(f)] {
		rest, ok := strings.CutPrefix(gap.field, f.Field)
		if ok && (rest == "" || f.Field == "" || rest[0] == '.' || rest[0] == '[') || gap.explains(f) {
			return true
		}
	}
	return false
}

// explains reports whether gap is a misspelled field next to the missing field of
// f.
func (gap gap) explains(f *spec.Finding) bool {
	if !gap.misspelled {
		return false
	}
	above, name := cutLast(f.Field)
	beside, _ := cutLast(gap.field)
	return above == beside && (f.Code == spec.CodeMissing || name == gap.meant)
}

// cutLast cuts the last name from a path.
func cutLast(field string) (above, name string) {
	i := strings.LastIndexByte(field, '.')
	return field[:max(0, i)], field[i+1:]
}

// HasGaps reports whether a Source could not read some field.
func (f *List) HasGaps() bool { return len(f.unreadable) > 0 }

// Incomplete reports whether a Source could not read p or something below it.
func (p Place) Incomplete() bool {
	if len(p.unreadable) == 0 {
		return false
	}
	f := p.origin.At(p.path, "")
	return p.unreadable.covers(&f)
}
