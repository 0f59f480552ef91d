package istio

import (
	"strings"
	"sync"

	"github.com/lateengo/gateway/spec"
)

// camelCase returns the JSON name of a field of a protocol buffer: tokenBucket of
// token_bucket.
func camelCase(name string) string {
	first, rest, ok := strings.Cut(name, "_")
	if !ok {
		return name
	}
	var b strings.Builder
	b.WriteString(first)
	for word := range strings.SplitSeq(rest, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// snakeCase is the reverse of camelCase.
func snakeCase(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// envoyFieldSets are fieldSets with both names of each field: Envoy reads both.
// Suggestions are the names that Envoy's own documentation uses.
var envoyFieldSets = sync.OnceValue(func() map[string]*fieldSet {
	sets := make(map[string]*fieldSet)
	for message, set := range fieldSets() {
		if !set.own {
			continue
		}
		both := &fieldSet{entries: make(map[string]fieldEntry), own: true, message: message}
		for _, name := range set.names {
			snake := snakeCase(name)
			both.names = append(both.names, snake)
			both.entries[snake], both.entries[camelCase(name)] = set.entries[name], set.entries[name]
		}
		sets[message] = both
	}
	return sets
})

// parts calls read for the fields of a map without a message of Istio's, by its
// name in the table of fields. The names are in camel case.
func (r *reader) parts(v *value, message string, read func(name string, e *value)) {
	set := fieldSets()[message]
	if r.envoy {
		set = envoyFieldSets()[message]
	}
	if set == nil {
		set = new(fieldSet) // The message has no fields.
	}
	var written map[string]string
	r.fields(v, set, func(name string, k key, e *value) {
		field := camelCase(name)
		first, repeated := written[field]
		switch {
		case repeated:
			r.fail(spec.CodeDuplicate, k.line, k.column, "the same field is already written as "+first, "")
			return
		case r.envoy && written == nil:
			written = make(map[string]string)
		}
		if r.envoy {
			written[field] = name
		}
		if e.form == null {
			r.warn(k.line, k.column, "", nullIsNothing)
			return
		}
		read(field, e)
	})
}

// missing reports a missing field of v.
func (r *reader) missing(v *value, name, problem string) {
	if r.envoy || r.snake {
		name = snakeCase(name)
	}
	r.enter(name)
	r.failf(spec.CodeMissing, v, "%s", problem)
	r.leave()
}
