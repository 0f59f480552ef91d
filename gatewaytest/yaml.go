package gatewaytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// A caseFile is a file with cases that is being read.
type caseFile struct {
	name   string
	errors []error
}

func (f *caseFile) fail(e spec.Finding) {
	e.File = f.name
	f.errors = append(f.errors, &spec.Error{Finding: e})
}

// documents returns the top nodes of the YAML or JSON documents of a text.
func (f *caseFile) documents(data []byte) (tops []node) {
	if json.Valid(data) {
		// JSON may be indented with tabs, and YAML may not.
		data = bytes.ReplaceAll(data, []byte("\t"), []byte(" "))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return tops
		}
		if err != nil {
			f.fail(syntaxFinding(err))
			return tops
		}
		if len(document.Content) > 0 && document.Content[0].Tag != "!!null" {
			tops = append(tops, node{Node: document.Content[0], file: f})
		}
	}
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func syntaxFinding(err error) spec.Finding {
	message := err.Error()
	found := yamlLine.FindStringSubmatch(message)
	e := spec.Finding{Code: spec.CodeSyntax, Problem: "not readable as YAML: " + message}
	if found != nil {
		e.Line, _ = strconv.Atoi(found[1])
		e.Problem = "not readable as YAML: " + message[len(found[0]):]
	}
	return e
}

// A node is a value in a caseFile.
type node struct {
	*yaml.Node
	file *caseFile
	path string
}

// at returns the value that an alias means.
func (n node) at() *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n.Node
}

func (n node) failf(code spec.Code, format string, args ...any) {
	n.file.fail(spec.Finding{Line: n.Line, Column: n.Column, Field: n.path, Code: code, Problem: fmt.Sprintf(format, args...)})
}

func (n node) expected(what string) {
	n.failf(spec.CodeInvalid, "expected %s, found %s", what, n.found())
}

// found describes the value.
func (n node) found() string {
	v := n.at()
	switch v.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	}
	switch v.Tag {
	case "!!null":
		return "nothing"
	case "!!str":
		return strconv.Quote(v.Value)
	case "!!int", "!!float":
		return "the number " + v.Value
	case "!!bool":
		return "the boolean " + v.Value
	}
	return strconv.Quote(v.Value)
}

func (n node) child(name string, v *yaml.Node) node {
	path := name
	if n.path != "" {
		path = n.path + "." + name
	}
	return node{v, n.file, path}
}

// A pair is a key of a map with its value.
type pair struct {
	name string
	key  node
	node node
}

// pairs returns the keys of a map, those that "<<" merges too. Repeated keys are errors.
func (n node) pairs() (all []pair, ok bool) { return n.pairsWithin(0) }

// deepest bounds how deep maps are merged into each other, and copied: an alias can be
// inside of what it means.
const deepest = 20

func (n node) pairsWithin(depth int) (all []pair, ok bool) {
	v := n.at()
	if depth > deepest {
		n.failf(spec.CodeInvalid, "maps are merged into each other too deeply")
		return nil, false
	}
	if v.Kind != yaml.MappingNode {
		n.expected("a map")
		return nil, false
	}
	seen := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(v.Content); i += 2 {
		key, value := v.Content[i], v.Content[i+1]
		if key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		k := n.child(key.Value, key)
		if key.Kind != yaml.ScalarNode {
			k.expected("a key that is a text")
			continue
		}
		if seen[key.Value] {
			k.failf(spec.CodeDuplicate, "the key is given twice")
			continue
		}
		seen[key.Value] = true
		all = append(all, pair{key.Value, k, n.child(key.Value, value)})
	}
	for _, m := range merged {
		list := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			list = m.Content
		}
		for _, from := range list {
			more, ok := node{from, n.file, n.path}.pairsWithin(depth + 1)
			if !ok {
				return all, false
			}
			for _, p := range more {
				if !seen[p.name] {
					seen[p.name] = true
					all = append(all, p)
				}
			}
		}
	}
	return all, true
}

// fields are the keys that a map may have, each with what reads its value.
type fields map[string]func(node)

// reserved are keys that people may expect, with the reason why there are none.
var reserved = map[string]string{
	"auth":           "the gateway has no authentication policies yet, so none can be tested",
	"authentication": "the gateway has no authentication policies yet, so none can be tested",
	"authorization":  "the gateway has no authorization policies yet, so none can be tested",
}

// object reads a map with these keys.
func (n node) object(known fields) bool {
	all, ok := n.pairs()
	for _, p := range all {
		read, found := known[p.name]
		if !found {
			problem := spec.Finding{Line: p.key.Line, Column: p.key.Column, Field: p.key.path, Code: spec.CodeUnknownField, Problem: "unknown field"}
			if reason, ok := reserved[p.name]; ok {
				problem.Code, problem.Problem = spec.CodeUnsupported, reason
			} else {
				problem.Suggestion = suggest.Closest(p.name, slices.Sorted(maps.Keys(known)))
			}
			n.file.fail(problem)
			continue
		}
		read(p.node)
	}
	return ok
}

// each reads the items of a list.
func (n node) each(read func(i int, item node)) bool {
	v := n.at()
	if v.Kind != yaml.SequenceNode {
		n.expected("a list")
		return false
	}
	for i, item := range v.Content {
		read(i, node{item, n.file, fmt.Sprintf("%s[%d]", n.path, i)})
	}
	return true
}

// str reads a text.
func (n node) str() (string, bool) {
	v := n.at()
	if v.Kind == yaml.ScalarNode && v.Tag == "!!str" {
		return v.Value, true
	}
	if v.Kind == yaml.ScalarNode && v.Tag != "!!null" {
		n.file.fail(spec.Finding{Line: n.Line, Column: n.Column, Field: n.path, Code: spec.CodeInvalid,
			Problem: "expected a text, found " + n.found() + ": quote it"})
		return "", false
	}
	n.expected("a text")
	return "", false
}

func text(to *string) func(node) { return func(n node) { *to, _ = n.str() } }

func boolean(to *bool) func(node) {
	return func(n node) {
		v := n.at()
		if v.Kind != yaml.ScalarNode || v.Tag != "!!bool" || v.Decode(to) != nil {
			n.expected("true or false")
		}
	}
}

func integer(to *int) func(node) {
	return func(n node) {
		v := n.at()
		i, err := strconv.Atoi(v.Value)
		if v.Kind != yaml.ScalarNode || v.Tag != "!!int" || err != nil {
			n.expected("a number")
			return
		}
		*to = i
	}
}

func float(to *float64) func(node) {
	return func(n node) {
		v := n.at()
		f, err := strconv.ParseFloat(v.Value, 64)
		if v.Kind != yaml.ScalarNode || v.Tag != "!!int" && v.Tag != "!!float" || err != nil {
			n.expected("a number")
			return
		}
		*to = f
	}
}

// length reads a duration.
func length(to *time.Duration) func(node) {
	return func(n node) {
		v := n.at()
		d, err := time.ParseDuration(v.Value)
		if v.Kind != yaml.ScalarNode || err != nil || d < 0 {
			e := spec.Finding{Line: n.Line, Column: n.Column, Field: n.path, Code: spec.CodeInvalid,
				Problem: "expected a duration, such as 1.5s, found " + n.found()}
			if v.Tag == "!!int" && v.Value != "0" {
				e.Suggestion = v.Value + "s"
			}
			n.file.fail(e)
			return
		}
		*to = d
	}
}

// texts reads a list of texts, or one.
func texts(to *[]string) func(node) {
	return func(n node) {
		if n.at().Kind == yaml.ScalarNode {
			if s, ok := n.str(); ok {
				*to = []string{s}
			}
			return
		}
		*to = []string{}
		n.each(func(_ int, item node) {
			if s, ok := item.str(); ok {
				*to = append(*to, s)
			}
		})
	}
}

// isNone reports whether the value is the word none.
func (n node) isNone() bool { return n.at().Kind == yaml.ScalarNode && n.at().Value == "none" }

// names lists the keys of a map.
func (n node) names() []string {
	var names []string
	if v := n.at(); v.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(v.Content); i += 2 {
			names = append(names, v.Content[i].Value)
		}
	}
	return names
}

func (n node) has(name string) bool { return slices.Contains(n.names(), name) }

// resolved returns a copy of a value without aliases, or nil if it is too large.
func resolved(v *yaml.Node, depth int, left *int) *yaml.Node {
	if v.Kind == yaml.AliasNode {
		v = v.Alias
	}
	if *left--; depth > deepest || *left < 0 {
		return nil
	}
	out := *v
	out.Anchor, out.Content = "", nil
	for _, c := range v.Content {
		inner := resolved(c, depth+1, left)
		if inner == nil {
			return nil
		}
		out.Content = append(out.Content, inner)
	}
	return &out
}

// clip shortens a text for a message.
func clip(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 60 {
		return text[:57] + "..."
	}
	return text
}
