package istio

import (
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A locator finds fields of one resource in its document.
type locator struct {
	document *document
	// item is the resource's index in a List, or -1.
	item int
}

var _ spec.KeptLocator = locator{}

// Content implements spec.KeptLocator.
func (l locator) Content() any {
	if l.document.content == nil {
		return nil
	}
	return l.document.content
}

// Locate implements spec.Locator.
func (l locator) Locate(path string) (line, column int, ok bool) {
	root := l.root()
	if root == nil {
		return 0, 0, false
	}
	return locate(root, path)
}

// root returns the resource, or nil if it is not there.
func (l locator) root() *value {
	root := l.document.root()
	if l.item < 0 {
		return root
	}
	items, _ := root.field("items")
	if items == nil || l.item >= len(items.elements) {
		return nil
	}
	return items.elements[l.item]
}

func locate(root *value, path string) (line, column int, ok bool) {
	path, wantKey := strings.CutSuffix(path, "@key")
	at, rest := root, path
	var atKey *key
	for rest != "" {
		var name string
		var next *value
		var k *key
		switch {
		case rest[0] == '[':
			next, k, rest = bracket(at, rest)
		default:
			name, rest = cutName(rest)
			next, k = at.field(name)
			if next == nil {
				next, k, rest = spelling(at, name, rest)
			}
		}
		if next == nil {
			// A missing part is located at the innermost part that was written.
			return at.line, at.column, true
		}
		at, atKey = next, k
	}
	if wantKey && atKey != nil {
		return atKey.line, atKey.column, true
	}
	return at.line, at.column, true
}

// cutName cuts the name from the start of a path, with the dot before it.
func cutName(path string) (name, rest string) {
	path = strings.TrimPrefix(path, ".")
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// bracket cuts "[2]" or "[key]" from the start of a path. A key may contain
// brackets and dots, so the first end that makes an existing key counts.
func bracket(at *value, path string) (*value, *key, string) {
	for end := 1; end < len(path); end++ {
		if path[end] != ']' {
			continue
		}
		inner, rest := path[1:end], path[end+1:]
		switch at.form {
		case list:
			if i, err := strconv.Atoi(inner); err == nil && i >= 0 && i < len(at.elements) {
				return at.elements[i], nil, rest
			}
			return nil, nil, ""
		case object:
			if v, k := at.field(inner); v != nil {
				return v, k, rest
			}
		default:
			return nil, nil, ""
		}
	}
	return nil, nil, ""
}

// spelling finds a field that was written under another name than declarations use.
func spelling(at *value, name, rest string) (*value, *key, string) {
	switch name {
	case "mirrors":
		// "mirror" means mirrors[0], with its percentage in a separate field.
		tail, ok := strings.CutPrefix(rest, "[0]")
		if !ok {
			break
		}
		if after, ok := strings.CutPrefix(tail, ".percentage"); ok {
			if v, k := at.field("mirrorPercentage"); v != nil {
				return v, k, after
			}
			if v, k := at.field("mirrorPercent"); v != nil {
				return v, k, ""
			}
		}
		v, k := at.field("mirror")
		tail = strings.TrimPrefix(tail, ".destination")
		return v, k, tail
	case "allowOrigins":
		v, k := at.field("allowOrigin")
		return v, k, strings.TrimSuffix(rest, ".exact")
	case "percentage":
		v, k := at.field("percent")
		return v, k, strings.TrimPrefix(rest, ".value")
	}
	return nil, nil, ""
}
