package istio

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/lateengo/gateway/internal/yield"
	"github.com/lateengo/gateway/spec"
)

const nullIsNothing = "null is the same as omitting the field"

// message fills m with the fields of v.
func (r *reader) message(v *value, m protoreflect.Message) {
	if !r.is(v, object) {
		return
	}
	s := schemas()[m.Descriptor()]
	r.messages = append(r.messages, openMessage{m.Descriptor(), len(r.path)})
	defer func() { r.messages = r.messages[:len(r.messages)-1] }()
	var oneofs map[protoreflect.OneofDescriptor]string
	r.fields(v, s.set, func(name string, k key, e *value) {
		f := s.fields[name]
		if o := f.ContainingOneof(); o != nil && e.form != null {
			if first, ok := oneofs[o]; ok {
				r.fail(spec.CodeConflict, k.line, k.column, fmt.Sprintf("cannot be combined with %s, which is also set", first), "")
				return
			}
			if oneofs == nil {
				oneofs = make(map[protoreflect.OneofDescriptor]string)
			}
			oneofs[o] = name
		}
		if e.form == null {
			r.warn(k.line, k.column, "", nullIsNothing)
			return
		}
		r.messageField(e, m, f)
	})
	r.present(v, s, m)
}

// present makes the idle messages in v empty messages of m: a parent with nothing
// else is not empty in Istio either.
func (r *reader) present(v *value, s *schema, m protoreflect.Message) {
	for i, k := range v.keys {
		f := s.fields[k.name]
		if f == nil || f.Message() == nil || f.IsMap() || f.IsList() || s.set.entries[k.name].treatment != idle || v.elements[i].form != object {
			continue
		}
		if o := f.ContainingOneof(); o != nil && m.WhichOneof(o) != nil {
			r.enter(k.name)
			r.fail(spec.CodeConflict, k.line, k.column, fmt.Sprintf("cannot be combined with %s, which is also set", m.WhichOneof(o).JSONName()), "")
			r.leave()
			continue
		}
		m.Mutable(f)
	}
}

// fields calls read for each executed or silent field of a map, with the reader at
// the field. It reports all others.
func (r *reader) fields(v *value, set *fieldSet, read func(name string, k key, e *value)) {
	r.flaws(v, r.enter)
	for i, k := range v.keys {
		r.enter(k.name)
		entry, ok := set.entries[k.name]
		switch {
		case !ok:
			r.unknownField(v, i, set)
		case entry.treatment == unexecuted && set.own && isDefault(v.elements[i]):
			// Without its value, the field says nothing.
		case entry.treatment == unexecuted:
			r.refuse(k.line, k.column, entry.reason)
		case entry.treatment == unserved:
			r.warn(k.line, k.column, "", "is not served: "+entry.reason)
		case entry.treatment == idle:
			r.warn(k.line, k.column, "", "has no effect: "+entry.reason)
		default:
			read(k.name, k, v.elements[i])
		}
		r.leave()
	}
}

// isDefault reports whether a field with the value means the same as without it.
func isDefault(v *value) bool {
	switch v.form {
	case boolean:
		return !truth(v.scalar)
	case number:
		n := v.numeral()
		return n.integer && n.magnitude == 0
	case text:
		return v.scalar == ""
	case list:
		return len(v.elements) == 0
	}
	return v.form == null
}

func (r *reader) messageField(v *value, m protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case f.IsMap():
		if v.form == list {
			example := "a: b"
			switch m := f.MapValue().Message(); {
			case m == nil:
			case m.Name() == "CustomTag":
				example = "team: {literal: {value: a}}"
			default:
				example = "x-user: {exact: jason}"
			}
			r.failf(spec.CodeInvalid, v, "expected a map, found a list; a name is a key here, as in %s", example)
			return
		}
		if !r.is(v, object) {
			return
		}
		if len(v.keys) == 0 {
			// An empty map is nil, so that it equals the zero value in Go.
			r.flaws(v, r.enterKey)
			return
		}
		entries := m.Mutable(f).Map()
		r.entries(v, func(name string, e *value) {
			if content, ok := r.single(e, f.MapValue(), entries.NewValue); ok {
				entries.Set(protoreflect.ValueOfString(name).MapKey(), content)
			}
		})
	case f.IsList():
		if v.form == object && len(v.keys) > 0 {
			r.failf(spec.CodeInvalid, v, "expected a list, found a map; begin it with a hyphen")
			return
		}
		if !r.is(v, list) {
			return
		}
		// An unreadable element becomes an empty one, so that the others keep their
		// index.
		elements := m.Mutable(f).List()
		r.elements(v, func(_ int, e *value) {
			if e.form == null {
				r.fail(spec.CodeInvalid, e.line, e.column, "cannot be null", "")
				elements.Append(elements.NewElement())
				return
			}
			content, ok := r.single(e, f, elements.NewElement)
			if !ok {
				content = elements.NewElement()
			}
			elements.Append(content)
		})
	default:
		if content, ok := r.single(v, f, func() protoreflect.Value { return m.NewField(f) }); ok {
			m.Set(f, content)
		}
	}
}

// flaws reports the invalid keys of a map.
func (r *reader) flaws(v *value, enter func(string)) {
	for _, f := range v.flaws {
		if f.name != "" {
			enter(f.name)
		}
		r.fail(spec.CodeInvalid, f.line, f.column, f.problem, "")
		if f.name != "" {
			r.leave()
		}
	}
}

// entries calls read for each entry of a map with arbitrary keys, with the reader
// at the entry.
func (r *reader) entries(v *value, read func(name string, e *value)) {
	r.flaws(v, r.enterKey)
	for i, k := range v.keys {
		r.enterKey(k.name)
		if e := v.elements[i]; e.form == null {
			r.fail(spec.CodeInvalid, e.line, e.column, "cannot be null", "")
		} else {
			read(k.name, e)
		}
		r.leave()
	}
}

// elements calls read for each element of a list, with the reader at the element.
func (r *reader) elements(v *value, read func(i int, e *value)) {
	for i, e := range v.elements {
		yield.Each(i)
		r.enterIndex(i)
		read(i, e)
		r.leave()
	}
}

// single reads one value of a field's type: the field's own, an element's, or a map
// entry's. make creates an empty message of that type.
func (r *reader) single(v *value, f protoreflect.FieldDescriptor, make func() protoreflect.Value) (content protoreflect.Value, ok bool) {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return r.singleMessage(v, f.Message(), make)
	case protoreflect.StringKind:
		s, ok := r.text(v)
		return protoreflect.ValueOfString(s), ok
	case protoreflect.BytesKind:
		s, ok := r.text(v)
		if !ok {
			return content, false
		}
		data, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(s))
		if err != nil {
			r.failf(spec.CodeInvalid, v, "expected base64, found %v", v)
			return content, false
		}
		return protoreflect.ValueOfBytes(data), true
	case protoreflect.BoolKind:
		b, ok := r.boolean(v)
		return protoreflect.ValueOfBool(b), ok
	case protoreflect.Int32Kind:
		i, ok := r.integer(v, math.MinInt32, math.MaxInt32)
		return protoreflect.ValueOfInt32(int32(i)), ok
	case protoreflect.Uint32Kind:
		i, ok := r.integer(v, 0, math.MaxUint32)
		return protoreflect.ValueOfUint32(uint32(i)), ok
	case protoreflect.Uint64Kind:
		i, ok := r.integer(v, 0, math.MaxUint64)
		return protoreflect.ValueOfUint64(uint64(i)), ok
	case protoreflect.DoubleKind:
		x, ok := r.float(v)
		return protoreflect.ValueOfFloat64(x), ok
	case protoreflect.EnumKind:
		return r.enum(v, f.Enum())
	}
	r.failf(spec.CodeInvalid, v, "cannot be read: fields of type %v are not known", f.Kind())
	return content, false
}

func (r *reader) singleMessage(v *value, d protoreflect.MessageDescriptor, make func() protoreflect.Value) (content protoreflect.Value, ok bool) {
	switch d.FullName() {
	case "google.protobuf.Duration":
		t, ok := r.duration(v)
		return protoreflect.ValueOfMessage(durationpb.New(t).ProtoReflect()), ok
	case "google.protobuf.BoolValue", "google.protobuf.UInt32Value", "google.protobuf.DoubleValue":
		content = make()
		f := d.Fields().ByNumber(1)
		inner, ok := r.single(v, f, nil)
		if ok {
			content.Message().Set(f, inner)
		}
		return content, ok
	case "istio.networking.v1alpha3.PortSelector":
		if v.form == number {
			r.fail(spec.CodeInvalid, v.line, v.column, "expected a map, found "+v.String(), "{number: "+v.scalar+"}")
			return content, false
		}
	}
	content = make()
	before := len(r.broken)
	r.message(v, content.Message())
	// A value with gaps is kept: the gaps are recorded, and the rest can be
	// checked. A port without a number would cause more errors.
	return content, d.Name() != "PortSelector" || !r.brokenSince(before)
}

// is reports whether v has a form, and records an error if not.
func (r *reader) is(v *value, wanted form) bool {
	if v.form != wanted {
		r.mismatch(v, wanted.String())
	}
	return v.form == wanted
}

// mismatch records that v is not the expected value, or why it is nothing.
func (r *reader) mismatch(v *value, expected string) {
	switch {
	case v.form == invalid:
		r.fail(spec.CodeInvalid, v.line, v.column, v.scalar, "")
	case v.form == text && templateIn(v) != "":
		r.failf(spec.CodeInvalid, v, "expected %s, found %v, %s", expected, v, templateIn(v))
	case templateIn(v) != "":
		r.failf(spec.CodeInvalid, v, "expected %s, found %s", expected, templateIn(v))
	default:
		r.failf(spec.CodeInvalid, v, "expected %s, found %v", expected, v)
	}
}

func (r *reader) text(v *value) (string, bool) {
	if v.form == number || v.form == boolean {
		r.failf(spec.CodeInvalid, v, "expected a string, found %v; quote it", v)
		return "", false
	}
	return v.scalar, r.is(v, text)
}

func (r *reader) boolean(v *value) (bool, bool) {
	if v.form == text && plainForm(v.scalar) == boolean {
		r.failf(spec.CodeInvalid, v, "expected a boolean, found %v; remove the quotes", v)
		return false, false
	}
	return r.is(v, boolean) && truth(v.scalar), v.form == boolean
}

// integer reads an integer between least and most.
func (r *reader) integer(v *value, least int64, most uint64) (int64, bool) {
	switch {
	case v.form == text && plainForm(v.scalar) == number:
		r.failf(spec.CodeInvalid, v, "expected an integer, found %v; remove the quotes", v)
		return 0, false
	case v.form != number:
		r.mismatch(v, "an integer")
		return 0, false
	}
	n := v.numeral()
	switch {
	case !n.integer:
		r.failf(spec.CodeInvalid, v, "expected an integer, found %v", v)
	case n.negative && (least >= 0 || n.magnitude > uint64(-least)), !n.negative && (n.magnitude > most || least > 0 && n.magnitude < uint64(least)):
		r.failf(spec.CodeInvalid, v, "must be between %d and %d, not %s", least, most, v.scalar)
	case n.negative:
		return -int64(n.magnitude), true
	default:
		return int64(n.magnitude), true
	}
	return 0, false
}

func (r *reader) float(v *value) (float64, bool) {
	if v.form == text && plainForm(v.scalar) == number {
		r.failf(spec.CodeInvalid, v, "expected a number, found %v; remove the quotes", v)
		return 0, false
	}
	if !r.is(v, number) {
		return 0, false
	}
	x := v.numeral().float
	if math.IsNaN(x) || math.IsInf(x, 0) {
		r.failf(spec.CodeInvalid, v, "expected a finite number, found %s", v.scalar)
		return 0, false
	}
	return x, true
}

func (r *reader) duration(v *value) (time.Duration, bool) {
	if v.form == number {
		r.fail(spec.CodeInvalid, v.line, v.column, "expected a duration, found "+v.String()+" without a unit", v.scalar+"s")
		return 0, false
	}
	t, err := time.ParseDuration(v.scalar)
	if v.form != text || err != nil {
		r.mismatch(v, "a duration such as 1m30s or 250ms")
		return 0, false
	}
	return t, true
}

func (r *reader) enum(v *value, d protoreflect.EnumDescriptor) (content protoreflect.Value, ok bool) {
	names := enumNames(d)
	if v.form != text {
		r.mismatch(v, "one of "+strings.Join(names, ", "))
		return content, false
	}
	e := d.Values().ByName(protoreflect.Name(v.scalar))
	if e == nil && templateIn(v) != "" {
		r.mismatch(v, "one of "+strings.Join(names, ", "))
		return content, false
	}
	if e == nil {
		r.fail(spec.CodeInvalid, v.line, v.column, fmt.Sprintf("expected one of %s, found %q", strings.Join(names, ", "), clip(v.scalar)), nearest(v.scalar, names))
		return content, false
	}
	return protoreflect.ValueOfEnum(e.Number()), true
}

func enumNames(d protoreflect.EnumDescriptor) []string {
	names := make([]string, d.Values().Len())
	for i := range names {
		names[i] = string(d.Values().Get(i).Name())
	}
	return names
}
