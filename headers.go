package gateway

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// Headers returns a middleware that changes the headers of requests, on a
// copy, and of responses. The zero Headers change nothing. The error joins an
// *Error for each problem.
//
// Operations on a response are applied once, when its header is sent, however
// the handler does that; informational responses pass unchanged. Operators that
// speak of a route or a destination are empty.
func Headers(h spec.Headers) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Headers: h}
	return routeMiddleware(&r)
}

// A headerProgram is HeaderOperations, compiled.
type headerProgram struct {
	remove   []string
	set, add []headerValue
	// dynamic says that some value has operators.
	dynamic bool
	// authority replaces the Host header, if not empty.
	authority string
}

// A headerValue is a header to write. Constants have no format.
type headerValue struct {
	key string
	// text is the value of a constant, and what was declared of a format.
	text   string
	format *format
}

// compileHeaders compiles operations one after the other as one level: all
// removes, then all sets, then all adds. It returns nil if nothing is left to
// do. Values were validated before.
func compileHeaders(levels ...*spec.HeaderOperations) *headerProgram {
	p := new(headerProgram)
	authoritySet := false
	for _, ops := range levels {
		for _, name := range ops.Remove {
			p.remove = append(p.remove, textproto.CanonicalMIMEHeaderKey(name))
		}
		p.set = p.compileValues(p.set, ops.Set, func(v string) { p.authority, authoritySet = v, true })
		p.add = p.compileValues(p.add, ops.Add, func(v string) {
			if !authoritySet {
				p.authority = v
			}
		})
	}
	if len(p.remove) == 0 && len(p.set) == 0 && len(p.add) == 0 && p.authority == "" {
		return nil
	}
	return p
}

// compileValues appends the compiled values of a map to list. The one for the
// Host header goes to authority.
func (p *headerProgram) compileValues(list []headerValue, values map[string]string, authority func(string)) []headerValue {
	if len(values) == 0 {
		return list
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if isAuthority(name) {
			authority(values[name])
			continue
		}
		f, err := parseFormat(values[name])
		if err != nil {
			continue
		}
		v := headerValue{key: textproto.CanonicalMIMEHeaderKey(name), text: values[name]}
		if text, ok := f.constant(); ok {
			if text == "" {
				continue // an empty value is never written
			}
			v.text = text
		} else {
			own := f
			v.format, p.dynamic = &own, true
		}
		list = append(list, v)
	}
	return list
}

// isAuthority reports whether a header's name stands for the Host header.
func isAuthority(name string) bool {
	return strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority")
}

// apply changes h. one makes a value's slice.
func (p *headerProgram) apply(h http.Header, c *formatContext, one func(string) []string) {
	for _, key := range p.remove {
		delete(h, key)
	}
	// All values are computed before the first is written.
	var buffer [8]string
	values := buffer[:0]
	if p.dynamic {
		for i := range p.set {
			values = append(values, p.set[i].value(c))
		}
		for i := range p.add {
			values = append(values, p.add[i].value(c))
		}
	}
	for i := range p.set {
		text := p.set[i].text
		if p.dynamic {
			text = values[i]
		}
		if text != "" {
			h[p.set[i].key] = one(text)
		}
	}
	for i := range p.add {
		text := p.add[i].text
		if p.dynamic {
			text = values[len(p.set)+i]
		}
		if text == "" {
			continue
		}
		key := p.add[i].key
		if lines := h[key]; len(lines) > 0 {
			h[key] = append(lines[:len(lines):len(lines)], text)
		} else {
			h[key] = one(text)
		}
	}
}

func (v *headerValue) value(c *formatContext) string {
	if v.format == nil {
		return v.text
	}
	return fieldValue(v.format.text(c))
}

// fieldValue returns s with a space in the place of every control character: a
// computed value must not end its line, whatever a certificate or a decoded
// query parameter holds.
func fieldValue(s string) string {
	for i := 0; i < len(s); i++ {
		if isControl(s[i]) {
			out := []byte(s)
			for j := i; j < len(out); j++ {
				if isControl(out[j]) {
					out[j] = ' '
				}
			}
			return string(out)
		}
	}
	return s
}

func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// computes reports whether some value has operators. A nil program has none.
func (p *headerProgram) computes() bool { return p != nil && p.dynamic }

// countAdded returns how many headers operations may add to a request, without
// those that the edge writes anyway.
func countAdded(levels [2]*headerProgram) int {
	added := map[string]bool{}
	for _, ops := range levels {
		if ops == nil {
			continue
		}
		for _, list := range [][]headerValue{ops.set, ops.add} {
			for i := range list {
				if !isEdgeHeader(list[i].key) {
					added[list[i].key] = true
				}
			}
		}
	}
	return len(added)
}

// formatContext returns what the values of ops look at, nil if they are constant.
func (x *exchange) formatContext(ops *headerProgram) *formatContext {
	if !ops.dynamic {
		return nil
	}
	return &formatContext{x: x, request: x.req.Header}
}
