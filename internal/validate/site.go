package validate

import (
	"strings"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

// A site is a place whose path is written only for a finding. Among many thousand
// routes, few fields have findings.
type site struct {
	// declaration is set for the outermost site, up for all others.
	declaration *declaration
	up          *site

	step   string
	number int // of the element, or -1
	key    string
	keyed  bool
}

// A declaration is the root of sites.
type declaration struct {
	findings *findings.List
	origin   *spec.Origin
	// kind, namespace and name are used if the origin has none.
	kind, namespace, name string
}

// site returns the site of a declaration.
func (v *validator) site(o *spec.Origin, kind, namespace, name string) site {
	if name != "" {
		namespace = v.named(namespace, name).Namespace
	}
	return site{declaration: &declaration{v.findings, o, kind, namespace, name}, number: -1}
}

// field returns the site of a field.
func (s *site) field(name string) site { return site{up: s, step: name, number: -1} }

// element returns the site of an element of a list.
func (s *site) element(list string, i int) site { return site{up: s, step: list, number: i} }

// entry returns the site of the value of a key in a map.
func (s *site) entry(of, key string) site {
	return site{up: s, step: of, number: -1, key: key, keyed: true}
}

// place writes the path. Strings are copied so that sites stay on the stack.
func (s *site) place() findings.Place {
	if s.up == nil {
		o := *s.declaration.origin
		if o.Kind == "" {
			o.Kind = s.declaration.kind
		}
		if o.Name == "" {
			o.Namespace, o.Name = s.declaration.namespace, s.declaration.name
		}
		return s.declaration.findings.At(o)
	}
	p := s.up.place().Field(strings.Clone(s.step))
	if s.number >= 0 {
		p = p.Index(s.number)
	}
	if s.keyed {
		p = p.Key(strings.Clone(s.key))
	}
	return p
}

func (s *site) errorf(code spec.Code, format string, args ...any) {
	s.place().Errorf(code, format, args...)
}

// suggestf records an error with what was probably meant, or "".
func (s *site) suggestf(code spec.Code, suggestion, format string, args ...any) {
	s.place().Suggestf(code, suggestion, format, args...)
}

// warnf records a warning with the code of Istio's analyzer or "".
func (s *site) warnf(code spec.Code, format string, args ...any) {
	s.place().Warnf(code, format, args...)
}

// warnSuggestf records a warning with what was probably meant, or "".
func (s *site) warnSuggestf(code spec.Code, suggestion, format string, args ...any) {
	s.place().WarnSuggestf(code, suggestion, format, args...)
}

// incomplete reports whether a Source could not read the field or something
// below it.
func (s *site) incomplete() bool { return s.place().Incomplete() }
