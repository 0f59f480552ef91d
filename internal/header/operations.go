package header

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/spec"
)

// Operations are compiled spec.HeaderOperations.
type Operations struct {
	remove   []string
	Set, Add []Value
	// Dynamic means that some value has operators.
	Dynamic bool
	// Authority replaces the Host header, if not empty.
	Authority string
	// absent are the removed headers that a server would add again.
	absent []string
}

// Removed returns the canonical names of the headers that are removed.
func (o *Operations) Removed() []string { return o.remove }

// A Value is a header to write. A constant has no format.
type Value struct {
	Key string
	// text is the value of a constant, or the declared text of a format.
	text   string
	Format *Format
}

// Compile compiles operations on a request, one after the other, as one level: all
// removes, then all sets, then all adds. It returns nil if there is nothing to do.
// The values were validated before. Operations that have no effect are left out.
func Compile(levels ...*spec.HeaderOperations) *Operations {
	return compile(levels, RemovesRequest, WritesRequest)
}

func compile(levels []*spec.HeaderOperations, removes func(key string) bool, writes func(key, value string) bool) *Operations {
	p := new(Operations)
	authoritySet := false
	for _, ops := range levels {
		for _, name := range ops.Remove {
			if key := textproto.CanonicalMIMEHeaderKey(name); removes(key) {
				p.remove = append(p.remove, key)
			}
		}
		p.Set = p.compileValues(p.Set, ops.Set, writes, func(v string) { p.Authority, authoritySet = v, true })
		p.Add = p.compileValues(p.Add, ops.Add, writes, func(v string) {
			if !authoritySet {
				p.Authority = v
			}
		})
	}
	if len(p.remove) == 0 && len(p.Set) == 0 && len(p.Add) == 0 && p.Authority == "" {
		return nil
	}
	return p
}

// refilled are the headers that net/http's server adds to a response without them.
// It does not if they are there without a value.
var refilled = []string{"Content-Type", "Date"}

// CompileResponse is Compile for operations on a response. What they remove, a
// server does not add again.
func CompileResponse(levels ...*spec.HeaderOperations) *Operations {
	p := compile(levels, RemovesResponse, WritesResponse)
	if p != nil {
		for _, key := range refilled {
			if slices.Contains(p.remove, key) {
				p.absent = append(p.absent, key)
			}
		}
	}
	return p
}

// compileValues appends the compiled values of a map to list. It passes the
// value for the Host header to authority.
func (p *Operations) compileValues(
	list []Value, values map[string]string, writes func(key, value string) bool, authority func(string),
) []Value {
	if len(values) == 0 {
		return list
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if isAuthority(name) {
			authority(values[name])
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if !writes(key, values[name]) {
			continue
		}
		f, err := ParseFormat(values[name])
		if err != nil {
			continue
		}
		v := Value{Key: key, text: values[name]}
		if text, ok := f.constant(); ok {
			if text == "" {
				continue // an empty value is never written
			}
			v.text = text
		} else {
			own := f
			v.Format, p.Dynamic = &own, true
		}
		list = append(list, v)
	}
	return list
}

// Apply changes h. It calls one to make the slice of a value.
func (p *Operations) Apply(h http.Header, c *Context, one func(string) []string) {
	for _, key := range p.remove {
		delete(h, key)
	}
	for _, key := range p.absent {
		h[key] = nil
	}
	// All values are computed before the first one is written.
	var buffer [8]string
	values := buffer[:0]
	if p.Dynamic {
		for i := range p.Set {
			values = append(values, p.Set[i].Value(c))
		}
		for i := range p.Add {
			values = append(values, p.Add[i].Value(c))
		}
	}
	for i := range p.Set {
		text := p.Set[i].text
		if p.Dynamic {
			text = values[i]
		}
		if text != "" {
			h[p.Set[i].Key] = one(text)
		}
	}
	for i := range p.Add {
		text := p.Add[i].text
		if p.Dynamic {
			text = values[len(p.Set)+i]
		}
		if text == "" {
			continue
		}
		key := p.Add[i].Key
		if lines := h[key]; len(lines) > 0 {
			h[key] = append(lines[:len(lines):len(lines)], text)
		} else {
			h[key] = one(text)
		}
	}
}

func (v *Value) Value(c *Context) string {
	if v.Format == nil {
		return v.text
	}
	return field.Value(v.Format.text(c))
}

// Computes reports whether some value has operators. It is false for nil.
func (p *Operations) Computes() bool { return p != nil && p.Dynamic }

// CountAdded returns how many headers the operations may add to a request, not
// counting those that the edge writes anyway.
func CountAdded(levels [2]*Operations) int {
	added := map[string]bool{}
	for _, ops := range levels {
		if ops == nil {
			continue
		}
		for _, list := range [][]Value{ops.Set, ops.Add} {
			for i := range list {
				if !edge.IsEdgeHeader(list[i].Key) {
					added[list[i].Key] = true
				}
			}
		}
	}
	return len(added)
}
