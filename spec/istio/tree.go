package istio

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"weak"

	"go.yaml.in/yaml/v3"
)

const (
	// deepest is much deeper than any real resource, and much less than the stack
	// of a recursive reader allows.
	deepest = 100
	// Aliases may expand a document to ten times its size, and small documents to a
	// hundred thousand values.
	expansion     = 10
	freeExpansion = 100_000
)

// parse reads the document. A document without content is nil.
func (d *document) parse() (*value, error) {
	node, wrong := parseYAML(d.text)
	if wrong != nil {
		return nil, d.syntaxError(wrong)
	}
	if node == nil {
		return nil, nil
	}
	b := builder{before: d.before, limit: freeExpansion + expansion*count(node)}
	v := b.value(node, 0)
	d.mu.Lock()
	d.tree = weak.Make(v)
	d.mu.Unlock()
	return v, nil
}

// root returns the document's tree, which parse has read before.
func (d *document) root() *value {
	d.mu.Lock()
	v := d.tree.Value()
	d.mu.Unlock()
	if v == nil {
		v, _ = d.parse()
	}
	return v
}

func count(n *yaml.Node) int {
	total := 1
	for _, child := range n.Content {
		total += count(child)
	}
	return total
}

// A builder turns YAML nodes into values.
type builder struct {
	before int
	limit  int
	// anchored contains the values of anchored nodes; nil is one being built.
	anchored map[*yaml.Node]*value
}

func (b *builder) value(n *yaml.Node, depth int) *value {
	if n.Kind == yaml.AliasNode {
		return b.alias(n, depth)
	}
	if n.Anchor == "" {
		return b.bare(n, depth)
	}
	if v, ok := b.anchored[n]; ok && v != nil {
		return v
	}
	if b.anchored == nil {
		b.anchored = make(map[*yaml.Node]*value)
	}
	b.anchored[n] = nil
	v := b.bare(n, depth)
	b.anchored[n] = v
	return v
}

func (b *builder) alias(n *yaml.Node, depth int) *value {
	v, ok := b.anchored[n.Alias]
	switch {
	case ok && v == nil:
		return b.invalid(n, fmt.Sprintf("the anchor %q contains itself", n.Value))
	case !ok:
		// Its definition is in an omitted part.
		return b.value(n.Alias, depth)
	}
	return v
}

func (b *builder) invalid(n *yaml.Node, problem string) *value {
	return &value{form: invalid, scalar: problem, line: b.before + n.Line, column: n.Column, size: 1}
}

func (b *builder) bare(n *yaml.Node, depth int) *value {
	if depth > deepest {
		return b.invalid(n, fmt.Sprintf("nested deeper than %d levels", deepest))
	}
	v := &value{line: b.before + n.Line, column: n.Column, size: 1}
	switch n.Kind {
	case yaml.ScalarNode:
		return b.scalar(n, v)
	case yaml.SequenceNode:
		if tagged(n) && n.Tag != "!!seq" {
			return b.invalid(n, fmt.Sprintf("the tag %s is not supported", n.Tag))
		}
		v.form = list
		v.elements = make([]*value, 0, len(n.Content))
		for _, child := range n.Content {
			e := b.value(child, depth+1)
			v.elements = append(v.elements, e)
			v.size += e.size
		}
	case yaml.MappingNode:
		if tagged(n) && n.Tag != "!!map" {
			return b.invalid(n, fmt.Sprintf("the tag %s is not supported", n.Tag))
		}
		b.object(n, v, depth)
	default:
		return b.invalid(n, "not readable as YAML")
	}
	if v.size > b.limit {
		return b.invalid(n, fmt.Sprintf("its aliases expand to more than %d values", b.limit))
	}
	return v
}

func tagged(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle != 0 }

func (b *builder) scalar(n *yaml.Node, v *value) *value {
	v.scalar = n.Value
	switch {
	case tagged(n):
		wanted := text
		switch n.Tag {
		case "!!str", "!!timestamp":
		case "!!int", "!!float":
			wanted = number
		case "!!bool":
			wanted = boolean
		case "!!null":
			wanted = null
		case "!!binary":
			data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
			if err != nil {
				return b.invalid(n, "tagged !!binary but not base64")
			}
			v.scalar = string(data)
		default:
			return b.invalid(n, fmt.Sprintf("the tag %s is not supported", n.Tag))
		}
		if wanted != text && plainForm(n.Value) != wanted {
			return b.invalid(n, fmt.Sprintf("tagged %s but not %v", n.Tag, wanted))
		}
		v.form = wanted
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		v.form = text
	default:
		v.form = plainForm(n.Value)
	}
	return v
}

// object fills v with the entries of a mapping. Written keys win over merged keys.
// Among merged keys the first wins.
func (b *builder) object(n *yaml.Node, v *value, depth int) {
	v.form = object
	v.keys = make([]key, 0, len(n.Content)/2)
	v.elements = make([]*value, 0, len(n.Content)/2)
	var merged []*yaml.Node
	written := names{v: v}
	for i := 0; i+1 < len(n.Content); i += 2 {
		kn, vn := n.Content[i], n.Content[i+1]
		k := key{line: b.before + kn.Line, column: kn.Column}
		if kn.Kind == yaml.AliasNode && kn.Alias != nil {
			kn = kn.Alias
		}
		if kn.Kind == yaml.ScalarNode && kn.Tag == "!!merge" {
			merged = append(merged, vn)
			continue
		}
		name, problem := keyName(kn)
		k.name = name
		if problem == "" {
			if first := written.find(name); first >= 0 {
				problem = fmt.Sprintf("the key %q is already on line %d", clip(name), v.keys[first].line)
			}
		}
		if problem != "" {
			v.flaws = append(v.flaws, flaw{k, problem})
			continue
		}
		written.add(k, b.value(vn, depth+1))
	}
	for _, m := range merged {
		b.merge(m, v, &written, depth)
	}
}

func (b *builder) merge(n *yaml.Node, into *value, written *names, depth int) {
	source := b.value(n, depth+1)
	sources := []*value{source}
	if source.form == list {
		sources = source.elements
	}
	for _, s := range sources {
		if s.form != object {
			k := key{name: "<<", line: b.before + n.Line, column: n.Column}
			problem := "a merge key needs a map or a list of maps, not " + s.String()
			if s.form == invalid {
				problem = s.scalar
			}
			into.flaws = append(into.flaws, flaw{k, problem})
			continue
		}
		into.flaws = append(into.flaws, s.flaws...)
		for i, k := range s.keys {
			if written.find(k.name) < 0 {
				written.add(k, s.elements[i])
			}
		}
	}
}

// keyName returns the text of a key. Kubernetes would convert other keys to
// strings; this is allowed only if the text does not change.
func keyName(n *yaml.Node) (name, problem string) {
	if n.Kind != yaml.ScalarNode {
		return "", "a key must be a string"
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 || tagged(n) && n.Tag == "!!str" {
		return n.Value, ""
	}
	canonical := n.Value
	f := plainForm(n.Value)
	switch f {
	case null:
		return n.Value, "a key must be a string, not null"
	case boolean:
		canonical = strconv.FormatBool(truth(n.Value))
	case number:
		if num, ok := parseNumber(n.Value); ok && num.integer {
			canonical = strconv.FormatUint(num.magnitude, 10)
			if num.negative {
				canonical = "-" + canonical
			}
		}
	}
	if canonical != n.Value {
		return n.Value, fmt.Sprintf("the key %s is %v unless it is quoted", n.Value, f)
	}
	return n.Value, ""
}

// names finds the keys of a map that is being built.
type names struct {
	v     *value
	index map[string]int
}

func (s *names) find(name string) int {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range s.v.keys {
		if s.v.keys[i].name == name {
			return i
		}
	}
	return -1
}

func (s *names) add(k key, e *value) {
	const few = 16
	s.v.keys = append(s.v.keys, k)
	s.v.elements = append(s.v.elements, e)
	s.v.size += e.size
	switch {
	case s.index != nil:
		s.index[k.name] = len(s.v.keys) - 1
	case len(s.v.keys) > few:
		s.index = make(map[string]int, 2*few)
		for i := range s.v.keys {
			s.index[s.v.keys[i].name] = i
		}
	}
}
