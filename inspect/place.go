package inspect

import (
	"strconv"

	"github.com/lateengo/gateway/spec"
)

// A Place is where a field of the configuration was written. Its line and column are
// found when they are asked for: that may read the document again. The zero Place is
// unknown.
type Place struct {
	origin *spec.Origin
	path   string
}

// At returns the place of the field at path, which is relative to the declaration at o,
// such as "match[0].uri". An empty path means the declaration itself. o must not change.
func At(o *spec.Origin, path string) Place {
	if o == nil || o.IsZero() {
		return Place{}
	}
	return Place{o, path}
}

// IsZero reports whether the place is unknown.
func (p Place) IsZero() bool { return p.origin == nil }

// Finding returns the place as a spec.Finding without a problem: the file, line and
// column, the resource, and the path of the field.
func (p Place) Finding() spec.Finding {
	if p.origin == nil {
		return spec.Finding{}
	}
	return p.origin.At(p.path, "")
}

// String returns the place as "file:line:col", without what is unknown, or "".
func (p Place) String() string {
	f := p.Finding()
	text := f.File
	if text == "" || f.Line == 0 {
		return text
	}
	text += ":" + strconv.Itoa(f.Line)
	if f.Column > 0 {
		text += ":" + strconv.Itoa(f.Column)
	}
	return text
}

// MarshalText returns String.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
