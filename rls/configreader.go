package rls

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway/internal/descriptor"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

const (
	// deepest is deeper than any real configuration.
	deepest = 100
	// Aliases may expand a file to ten times its size, and small files to ten
	// thousand entries of maps.
	expansion     = 10
	freeExpansion = 10_000
)

// The keys of each level.
var (
	rootKeys       = []string{"domain", "descriptors"}
	descriptorKeys = []string{"key", "value", "rate_limit", "descriptors", "shadow_mode", "detailed_metric", "value_to_metric", "share_threshold", "quota_mode", "metadata"}
	limitKeys      = []string{"unit", "requests_per_unit", "unlimited", "name", "replaces"}
	replacesKeys   = []string{"name"}
)

// A configReader reads one file, and keeps its problems.
type configReader struct {
	file     string
	problems []error
	// said is the set of problems without their fields. An alias repeats them.
	said map[spec.Finding]bool
	// left is how many entries of maps may still be read.
	left int
	// tooMany means that there were more.
	tooMany bool
}

// read returns the domain of a file, and its places. The places are nil if the
// file has no map.
func (r *configReader) read(text []byte) (descriptor.Domain, *domainPlace) {
	top := r.parse(text)
	if top == nil {
		return descriptor.Domain{}, nil
	}
	r.left = freeExpansion + expansion*nodes(top)
	p := &domainPlace{file: r.file, descriptorPlace: newDescriptorPlace(placeOf(top, ""))}
	var d descriptor.Domain
	before := len(r.problems)
	fields, ok := r.fields(top, "", rootKeys, 0)
	misspelled := len(r.problems) > before
	if !ok {
		return d, nil
	}
	for _, f := range fields {
		switch f.name {
		case "domain":
			d.Name, ok = r.text(f)
			p.fields[descriptor.FieldDomain] = f.place(!ok)
		case "descriptors":
			d.Descriptors, p.below = r.descriptors(f, 1)
		}
	}
	if _, ok := p.fields[descriptor.FieldDomain]; !ok {
		if !misspelled {
			r.report(spec.CodeMissing, p.self, "the domain is missing", "")
		}
		p.fields[descriptor.FieldDomain] = place{reported: true}
	}
	return d, p
}

func (r *configReader) report(code spec.Code, at place, problem, suggestion string) {
	f := spec.Finding{File: r.file, Line: at.line, Column: at.column, Code: code, Problem: problem, Suggestion: suggestion}
	if r.said[f] {
		return
	}
	if r.said == nil {
		r.said = make(map[spec.Finding]bool)
	}
	r.said[f] = true
	f.Field = at.path
	r.problems = append(r.problems, &spec.Error{Finding: f})
}

// descriptors reads a list of descriptors. Every element of the list has an
// element in both results.
func (r *configReader) descriptors(f field, depth int) ([]descriptor.Descriptor, []descriptorPlace) {
	elements, ok := r.list(f)
	if !ok {
		return nil, nil
	}
	descriptors, places := make([]descriptor.Descriptor, len(elements)), make([]descriptorPlace, len(elements))
	for i, e := range elements {
		descriptors[i], places[i] = r.descriptor(e, depth)
	}
	return descriptors, places
}

func (r *configReader) descriptor(e field, depth int) (descriptor.Descriptor, descriptorPlace) {
	p := newDescriptorPlace(e.place(false))
	var d descriptor.Descriptor
	before := len(r.problems)
	fields, ok := r.fields(e.value, e.path, descriptorKeys, depth)
	misspelled := len(r.problems) > before
	if !ok {
		p.self.reported = true
		return d, p
	}
	shadow := false
	for _, f := range fields {
		switch f.name {
		case "key":
			d.Key, ok = r.text(f)
			p.fields[descriptor.FieldKey] = f.place(!ok)
		case "value":
			d.Value, ok = r.text(f)
			p.fields[descriptor.FieldValue] = f.place(!ok)
		case "rate_limit":
			d.Limit = r.limit(f, &p, depth+1)
		case "descriptors":
			d.Descriptors, p.below = r.descriptors(f, depth+1)
		case "shadow_mode":
			shadow = r.boolean(f)
		case "share_threshold":
			d.ShareThreshold = r.boolean(f)
			p.fields[descriptor.FieldShareThreshold] = f.place(false)
		case "detailed_metric", "value_to_metric":
			r.boolean(f)
		case "quota_mode":
			if r.boolean(f) {
				r.report(spec.CodeUnsupported, f.place(false), "the quota mode is not supported", "")
			}
		case "metadata":
			if !isNull(f.value) {
				r.report(spec.CodeUnsupported, f.place(false), "metadata in answers is not supported", "")
			}
		}
	}
	if _, ok := p.fields[descriptor.FieldKey]; !ok {
		if !misspelled {
			r.report(spec.CodeMissing, p.self, "the key is missing", "")
		}
		p.fields[descriptor.FieldKey] = place{reported: true}
	}
	if d.Limit != nil {
		d.Limit.Shadow = shadow
	}
	return d, p
}

// limit returns nil if there is none.
func (r *configReader) limit(f field, p *descriptorPlace, depth int) *descriptor.Limit {
	if isNull(f.value) {
		return nil
	}
	before := len(r.problems)
	fields, ok := r.fields(f.value, f.path, limitKeys, depth)
	if !ok {
		return nil
	}
	misspelled := len(r.problems) > before
	p.fields[descriptor.FieldUnit] = f.place(misspelled)
	l := new(descriptor.Limit)
	counted := false
	for _, f := range fields {
		switch f.name {
		case "unit":
			l.Unit, ok = r.unit(f)
			p.fields[descriptor.FieldUnit] = f.place(!ok)
		case "requests_per_unit":
			counted = true
			l.Requests = r.number(f)
		case "unlimited":
			l.Unlimited = r.boolean(f)
		case "name":
			l.Name, _ = r.text(f)
		case "replaces":
			p.fields[descriptor.FieldReplaces] = f.place(false)
			l.Replaces = r.replaces(f, p, depth+1)
		}
	}
	if !counted && !l.Unlimited && !misspelled {
		r.report(spec.CodeMissing, f.place(false), "requests_per_unit is missing; 0 allows nothing", "")
	}
	return l
}

func (r *configReader) replaces(f field, p *descriptorPlace, depth int) []string {
	elements, _ := r.list(f)
	var names []string
	for _, e := range elements {
		fields, ok := r.fields(e.value, e.path, replacesKeys, depth)
		if !ok {
			continue
		}
		name := ""
		for _, f := range fields {
			name, ok = r.text(f)
		}
		if ok {
			names = append(names, name)
		}
	}
	return names
}

func (r *configReader) unit(f field) (descriptor.Unit, bool) {
	name, ok := r.text(f)
	if !ok || name == "" {
		return 0, ok
	}
	u := descriptor.ParseUnit(name)
	if u == 0 {
		units := descriptor.Units()
		r.report(spec.CodeInvalid, f.place(false), fmt.Sprintf("the unit %s is unknown; %s or %s is expected",
			quote(name), strings.Join(units[:len(units)-1], ", "), units[len(units)-1]), suggest.Closest(name, units))
		return 0, false
	}
	return u, true
}

// text reads a string. As in Envoy's service, a number or a boolean without quotes
// means its text, and null means the empty string.
func (r *configReader) text(f field) (string, bool) {
	if isNull(f.value) {
		return "", true
	}
	if f.value.Kind != yaml.ScalarNode || f.value.Tag == "!!binary" {
		r.wrong(f, "a string")
		return "", false
	}
	return f.value.Value, true
}

// booleans are the words of YAML 1.1, which Envoy's service reads.
var booleans = map[string]bool{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true, "true": true, "True": true, "TRUE": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false, "false": false, "False": false, "FALSE": false,
}

func (r *configReader) boolean(f field) bool {
	if isNull(f.value) {
		return false
	}
	b, ok := booleans[f.value.Value]
	if !ok || !isPlain(f.value) {
		r.wrong(f, "true or false")
	}
	return b
}

func (r *configReader) number(f field) uint32 {
	if isNull(f.value) {
		r.wrong(f, "a number")
		return 0
	}
	if isPlain(f.value) {
		digits := strings.TrimPrefix(strings.ReplaceAll(f.value.Value, "_", ""), "+")
		if n, err := strconv.ParseUint(digits, 0, 32); err == nil {
			return uint32(n)
		}
	}
	r.wrong(f, "a whole number from 0 to 4294967295")
	return 0
}

func (r *configReader) list(f field) ([]field, bool) {
	if isNull(f.value) {
		return nil, true
	}
	if f.value.Kind != yaml.SequenceNode {
		r.wrong(f, "a list")
		return nil, false
	}
	elements := make([]field, len(f.value.Content))
	for i, n := range f.value.Content {
		n = resolve(n)
		elements[i] = field{value: n, path: fmt.Sprintf("%s[%d]", f.path, i)}
	}
	return elements, true
}

func (r *configReader) wrong(f field, expected string) {
	r.report(spec.CodeInvalid, f.place(false), describe(f.value)+" is here, and "+expected+" is expected", "")
}

// A field is an entry of a map, or an element of a list.
type field struct {
	name  string
	value *yaml.Node
	path  string
}

func (f field) place(reported bool) place {
	p := placeOf(f.value, f.path)
	p.reported = reported
	return p
}

func placeOf(n *yaml.Node, path string) place {
	return place{line: n.Line, column: n.Column, path: path}
}

// fields returns the known entries of a map, each name once. It reports all
// others.
func (r *configReader) fields(n *yaml.Node, path string, known []string, depth int) ([]field, bool) {
	if n.Kind != yaml.MappingNode {
		r.report(spec.CodeInvalid, placeOf(n, path), describe(n)+" is here, and a map is expected", "")
		return nil, false
	}
	r.left -= 1 + len(n.Content)/2
	switch {
	case r.tooMany:
		return nil, false
	case r.left < 0:
		r.tooMany = true
		r.report(spec.CodeInvalid, placeOf(n, path), "the aliases expand to too many values", "")
		return nil, false
	case depth > deepest:
		r.report(spec.CodeInvalid, placeOf(n, path), fmt.Sprintf("it is nested deeper than %d levels", deepest), "")
		return nil, false
	}
	var fields []field
	var merged []*yaml.Node
	lines := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		at := placeOf(n.Content[i], path)
		switch {
		case key.Kind != yaml.ScalarNode:
			r.report(spec.CodeInvalid, at, "a key must be a string", "")
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case lines[key.Value] > 0:
			r.report(spec.CodeDuplicate, at, fmt.Sprintf("the key %s is already on line %d", quote(key.Value), lines[key.Value]), "")
		case !slices.Contains(known, key.Value):
			lines[key.Value] = at.line
			r.unknown(key.Value, at, known)
		default:
			lines[key.Value] = at.line
			fields = append(fields, field{name: key.Value, value: value, path: within(path, key.Value)})
		}
	}
	for _, m := range merged {
		fields = r.merge(fields, m, path, known, depth)
	}
	return fields, true
}

// merge adds the fields of a merge key that are not there yet.
func (r *configReader) merge(fields []field, n *yaml.Node, path string, known []string, depth int) []field {
	sources := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		sources = n.Content
	}
	for _, s := range sources {
		more, _ := r.fields(resolve(s), path, known, depth+1)
		for _, f := range more {
			if !slices.ContainsFunc(fields, func(had field) bool { return had.name == f.name }) {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

func within(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// unknown reports a key that is not known on its level.
func (r *configReader) unknown(name string, at place, known []string) {
	for _, level := range []struct {
		keys []string
		name string
	}{{limitKeys, "in rate_limit"}, {descriptorKeys, "in a descriptor"}, {rootKeys, "at the top"}} {
		if slices.Contains(level.keys, name) {
			r.report(spec.CodeUnknownField, at, fmt.Sprintf("the key %s must be %s", quote(name), level.name), "")
			return
		}
	}
	r.report(spec.CodeUnknownField, at, fmt.Sprintf("the key %s is unknown", quote(name)), suggest.Closest(name, known))
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

func isPlain(n *yaml.Node) bool {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle | yaml.TaggedStyle
	return n.Kind == yaml.ScalarNode && n.Style&quoted == 0
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func nodes(n *yaml.Node) int {
	total := 1
	for _, child := range n.Content {
		total += nodes(child)
	}
	return total
}

// describe describes a value for a message.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	if isNull(n) {
		return "null"
	}
	return quote(n.Value)
}

// quote quotes a text, and shortens it.
func quote(s string) string {
	const longest = 60
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + "…"
	}
	return strconv.Quote(s)
}

// parse returns the top node of a file with one document, or nil.
func (r *configReader) parse(text []byte) *yaml.Node {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	first, second, err := decode(text)
	switch {
	case err != nil:
		r.report(spec.CodeSyntax, syntaxPlace(text, err), "not readable as YAML: "+syntaxProblem(err), "")
	case first == nil || isNull(first):
		r.report(spec.CodeMissing, place{line: 1, column: 1}, "the file is empty; a domain is expected", "")
	case second != nil && !isNull(second):
		r.report(spec.CodeInvalid, placeOf(second, ""), "a second document begins here; each domain needs a file of its own", "")
	default:
		return first
	}
	return nil
}
