package istio

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// reachable returns the messages that the read kinds can contain.
func reachable() []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	var visit func(protoreflect.MessageDescriptor)
	visit = func(m protoreflect.MessageDescriptor) {
		if m.ParentFile().Package() == "google.protobuf" || slices.Contains(all, m) {
			return
		}
		if !m.IsMapEntry() {
			all = append(all, m)
		}
		for i := range m.Fields().Len() {
			if f := m.Fields().Get(i); f.Message() != nil {
				visit(f.Message())
			}
		}
	}
	for _, k := range kinds {
		if k.spec != nil {
			visit(k.spec().ProtoReflect().Descriptor())
		}
	}
	return all
}

// Every field of Istio's is either executed or refused with a reason. A new release
// of its API cannot add one unnoticed.
func TestEveryFieldHasATreatment(t *testing.T) {
	known := make(map[string]bool)
	for _, m := range reachable() {
		set := fieldSets()[messageName(m)]
		require.NotNil(t, set, "%s is missing in the table of fields", m.FullName())
		for i := range m.Fields().Len() {
			name := m.Fields().Get(i).JSONName()
			require.Contains(t, set.entries, name, "%s.%s is neither executed nor refused", m.FullName(), name)
			known[messageName(m)+"."+name] = true
		}
	}
	for _, g := range fieldTable {
		require.Equal(t, g.treatment == executed, g.reason == "", "%s %v: a reason is for what is not executed", g.message, g.fields)
		for _, name := range g.fields {
			if !strings.HasPrefix(g.message, "RateLimitConfig") {
				require.Contains(t, known, g.message+"."+name, "Istio has no such field")
			}
		}
	}
}

func TestNoFieldIsInTheTableTwice(t *testing.T) {
	for message, set := range fieldSets() {
		require.Len(t, set.names, len(set.entries), "%s: %v", message, set.names)
	}
}

// Every executed field is in some good document, and removing it there changes the
// declarations.
func TestEveryExecutedFieldMatters(t *testing.T) {
	mattered := make(map[string]bool)
	for _, file := range goodFiles(t) {
		for _, in := range readFiles([]string{file}, false)[0].inputs {
			text, problem, _, _ := readable(in.data)
			require.Empty(t, problem)
			for _, d := range split(in.name, text) {
				root, err := d.parse()
				require.NoError(t, err)
				if root == nil || root.form != object {
					continue
				}
				entry, _, _, _ := identify(root.textOf("apiVersion"), root.textOf("kind"))
				if entry == nil || entry.verdict != read {
					continue
				}
				whole := declaredBy(d, root)
				content, _ := root.field("spec")
				eachField(content, entry, func(field string, at []int) {
					if !mattered[field] && !reflect.DeepEqual(whole, declaredBy(d, root.without(append([]int{indexOf(root, "spec")}, at...)))) {
						mattered[field] = true
					}
				})
			}
		}
	}
	for _, g := range fieldTable {
		for _, name := range g.fields {
			// The group is only checked, because there is only one.
			if g.treatment == executed && g.message+"."+name != "RateLimitConfig.TargetRef.group" {
				require.Contains(t, mattered, g.message+"."+name, "no good document shows what the field does")
			}
		}
	}
}

func indexOf(v *value, name string) int {
	return slices.IndexFunc(v.keys, func(k key) bool { return k.name == name })
}

// declaredBy returns the declarations of one resource, without warnings and
// origins.
func declaredBy(d *document, v *value) spec.Declarations {
	l := loader{namespace: DefaultNamespace, seen: make(map[identity]place)}
	l.resource(d, v, -1)
	l.declared.Warnings = nil
	return withoutOrigins(l.declared)
}

// without returns a copy of v without the part at a path of indexes.
func (v *value) without(at []int) *value {
	c := *v
	if len(at) == 1 {
		c.elements = slices.Delete(slices.Clone(v.elements), at[0], at[0]+1)
		if v.form == object {
			c.keys = slices.Delete(slices.Clone(v.keys), at[0], at[0]+1)
		}
		return &c
	}
	c.elements = slices.Clone(v.elements)
	c.elements[at[0]] = v.elements[at[0]].without(at[1:])
	return &c
}

// eachField calls visit for the fields below v that are in the table, with their
// path of indexes.
func eachField(v *value, entry *kindEntry, visit func(field string, at []int)) {
	if entry.spec == nil {
		eachPart(v, "RateLimitConfig", nil, visit)
		return
	}
	eachMessageField(v, entry.spec().ProtoReflect().Descriptor(), nil, visit)
}

func eachMessageField(v *value, m protoreflect.MessageDescriptor, at []int, visit func(string, []int)) {
	s := schemas()[m]
	if s == nil || v.form != object {
		return
	}
	for i, k := range v.keys {
		at, e, f := append(slices.Clone(at), i), v.elements[i], s.fields[k.name]
		visit(messageName(m)+"."+k.name, at)
		switch {
		case f == nil || e.form != object && e.form != list:
		case f.IsMap() || f.IsList():
			element := f.Message()
			if f.IsMap() {
				element = f.MapValue().Message()
			}
			for j, each := range e.elements {
				if element != nil {
					eachMessageField(each, element, append(slices.Clone(at), j), visit)
				}
			}
		default:
			eachMessageField(e, f.Message(), at, visit)
		}
	}
}

// eachPart is like eachMessageField, for parts without a message.
func eachPart(v *value, message string, at []int, visit func(string, []int)) {
	below := map[string]string{
		"targetRefs": "RateLimitConfig.TargetRef", "limits": "RateLimitConfig.Limit", "per": "RateLimitConfig.LimitKey",
		"response": "RateLimitConfig.Response", "headers": "RateLimitConfig.Response.Headers",
	}
	for i, k := range v.keys {
		at := append(slices.Clone(at), i)
		visit(message+"."+k.name, at)
		if v.elements[i].form == object {
			if below[k.name] != "" {
				eachPart(v.elements[i], below[k.name], at, visit)
			}
			continue
		}
		for j, e := range v.elements[i].elements {
			if below[k.name] != "" {
				eachPart(e, below[k.name], append(slices.Clone(at), j), visit)
			}
		}
	}
}
