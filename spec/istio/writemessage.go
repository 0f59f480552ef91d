package istio

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// explicitModes are the messages whose field mode is written even if it is the default:
// without it, a reader would have to know that.
var explicitModes = []protoreflect.FullName{"istio.networking.v1alpha3.ClientTLSSettings"}

// messageValue returns a message of Istio as a value that is written. The fields are in
// the order in which Istio declares them, and keys of maps in alphabetical order.
func messageValue(m proto.Message) *value { return reflectedValue(m.ProtoReflect()) }

func reflectedValue(m protoreflect.Message) *value {
	v := objectValue()
	d := m.Descriptor()
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if !m.Has(f) && (f.Name() != "mode" || !slices.Contains(explicitModes, d.FullName())) {
			continue
		}
		switch content := m.Get(f); {
		case f.IsMap():
			v.set(f.JSONName(), mapValue(content.Map(), f))
		case f.IsList():
			elements := &value{form: list}
			for j := range content.List().Len() {
				elements.elements = append(elements.elements, singleValue(content.List().Get(j), f))
			}
			v.set(f.JSONName(), elements)
		default:
			v.set(f.JSONName(), singleValue(content, f))
		}
	}
	return v
}

func mapValue(m protoreflect.Map, f protoreflect.FieldDescriptor) *value {
	v := objectValue()
	m.Range(func(k protoreflect.MapKey, content protoreflect.Value) bool {
		v.set(k.String(), singleValue(content, f.MapValue()))
		return true
	})
	sortKeys(v)
	return v
}

// sortKeys sorts the fields of a map by name.
func sortKeys(v *value) {
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v.keys[a].name, v.keys[b].name) })
	keys, elements := v.keys, v.elements
	v.keys, v.elements = make([]key, len(keys)), make([]*value, len(keys))
	for i, at := range order {
		v.keys[i], v.elements[i] = keys[at], elements[at]
	}
}

// singleValue returns one value of a field's type, also if it is zero.
func singleValue(content protoreflect.Value, f protoreflect.FieldDescriptor) *value {
	switch f.Kind() {
	case protoreflect.MessageKind:
		switch m := content.Message().Interface().(type) {
		case *durationpb.Duration:
			return &value{form: text, scalar: durationText(m.AsDuration())}
		case *wrapperspb.BoolValue:
			return &value{form: boolean, scalar: strconv.FormatBool(m.Value)}
		case *wrapperspb.UInt32Value:
			return &value{form: number, scalar: strconv.FormatUint(uint64(m.Value), 10)}
		case *wrapperspb.DoubleValue:
			return floatValue(m.Value)
		default:
			return reflectedValue(content.Message())
		}
	case protoreflect.BoolKind:
		return &value{form: boolean, scalar: strconv.FormatBool(content.Bool())}
	case protoreflect.DoubleKind:
		return floatValue(content.Float())
	case protoreflect.BytesKind:
		return &value{form: text, scalar: base64.StdEncoding.EncodeToString(content.Bytes())}
	case protoreflect.EnumKind:
		e := f.Enum().Values().ByNumber(content.Enum())
		return &value{form: text, scalar: string(e.Name())}
	case protoreflect.StringKind:
		return &value{form: text, scalar: content.String()}
	}
	return &value{form: number, scalar: content.String()}
}

func floatValue(x float64) *value {
	format := byte('f')
	if a := math.Abs(x); x != 0 && (a < 1e-9 || a >= 1e15) {
		format = 'e'
	}
	return &value{form: number, scalar: strconv.FormatFloat(x, format, -1, 64)}
}

// durationText returns a duration in the largest unit that has a whole number of it.
func durationText(d time.Duration) string {
	if d != 0 {
		for _, unit := range []struct {
			of   time.Duration
			name string
		}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
			if d%unit.of == 0 {
				return strconv.FormatInt(int64(d/unit.of), 10) + unit.name
			}
		}
		return d.String()
	}
	return "0s"
}

// secondsText returns a duration as JSON of protocol buffers writes it, which Envoy needs.
func secondsText(d time.Duration) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(float64(d/time.Second), 'f', 0, 64)+fmt.Sprintf(".%09d", (d%time.Second).Abs()), "0"), ".") + "s"
}
