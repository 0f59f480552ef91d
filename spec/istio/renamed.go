package istio

import (
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A renamed finds fields of a declaration in a resource that writes them under other
// names than declarations use.
type renamed struct {
	spec.Locator
	// names are the paths with other names, the first one that fits counts.
	names []renaming
	// filters are the EnvoyFilters that say together what the declaration is, if they do.
	filters []spec.Origin
}

// A renaming is a path in declarations, and the same in the resource.
type renaming struct{ declared, written string }

var _ spec.Renamer = renamed{}

// Locate implements spec.Locator.
func (l renamed) Locate(path string) (line, column int, ok bool) {
	return l.Locator.Locate(l.Written(path))
}

// Written implements spec.Renamer.
func (l renamed) Written(path string) string {
	path, wantKey := strings.CutSuffix(path, "@key")
	for _, n := range l.names {
		rest, ok := strings.CutPrefix(path, n.declared)
		if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			path = n.written + rest
			break
		}
	}
	if l, ok := l.Locator.(locator); ok {
		path = spell(l.root(), path)
	}
	if wantKey {
		path += "@key"
	}
	return path
}

// spell returns a path with the names that are written below root.
func spell(root *value, path string) string {
	var b strings.Builder
	at, rest := root, path
	for rest != "" {
		before := rest
		if rest[0] == '[' {
			if at, _, rest = bracket(at, rest); at == nil {
				return b.String() + before
			}
			b.WriteString(before[:len(before)-len(rest)])
			continue
		}
		var name string
		name, rest = cutName(rest)
		next, k := at.either(name)
		if next == nil {
			return b.String() + before
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(k.name)
		at = next
	}
	return b.String()
}

// either returns the entry of a field in camel case or with underscores.
func (v *value) either(name string) (*value, *key) {
	if e, k := v.field(camelCase(name)); e != nil {
		return e, k
	}
	return v.field(snakeCase(name))
}
