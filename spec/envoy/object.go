package envoy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An object is a message of Envoy in JSON. Envoy writes the names of fields as in
// "route_config", and istioctl as in "routeConfig".
type object struct {
	fields map[string]any
	// read are the fields that were asked for.
	read map[string]bool
}

func objectOf(v any) *object {
	fields, _ := v.(map[string]any)
	return &object{fields, map[string]bool{}}
}

// camel returns "routeConfig" for "route_config".
func camel(name string) string {
	var b strings.Builder
	upper := false
	for _, c := range name {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && 'a' <= c && c <= 'z':
			c += 'A' - 'a'
		}
		upper = false
		b.WriteRune(c)
	}
	return b.String()
}

// get returns a field by its name with underscores, or nil.
func (o *object) get(name string) any {
	for _, key := range []string{name, camel(name)} {
		if v, ok := o.fields[key]; ok {
			o.read[key] = true
			return v
		}
	}
	return nil
}

// has reports whether there is a field. That does not count as reading it.
func (o *object) has(name string) bool {
	_, snake := o.fields[name]
	_, lower := o.fields[camel(name)]
	return snake || lower
}

// ignore marks fields that do not matter.
func (o *object) ignore(names ...string) {
	for _, name := range names {
		o.get(name)
	}
}

// rest returns the names of the fields that nobody asked for.
func (o *object) rest() []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(o.fields)) {
		if !o.read[key] && key != "@type" {
			out = append(out, key)
		}
	}
	return out
}

func (o *object) object(name string) *object { return objectOf(o.get(name)) }

func (o *object) text(name string) string {
	s, _ := o.get(name).(string)
	return s
}

func (o *object) list(name string) []any {
	l, _ := o.get(name).([]any)
	return l
}

func (o *object) objects(name string) (out []*object) {
	for _, v := range o.list(name) {
		out = append(out, objectOf(v))
	}
	return out
}

func (o *object) texts(name string) (out []string) {
	for _, v := range o.list(name) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// boolean returns a field that may be a wrapped boolean. other is the value without it.
func (o *object) boolean(name string, other bool) bool {
	if b, ok := unwrapped(o.get(name)).(bool); ok {
		return b
	}
	return other
}

// number returns a field that may be a wrapped number, or a text as protobuf writes long
// ones. other is the value without it.
func (o *object) number(name string, other int) int {
	switch v := unwrapped(o.get(name)).(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return other
}

// unwrapped returns the value of a wrapper message.
func unwrapped(v any) any {
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		if value, ok := m["value"]; ok {
			return value
		}
	}
	return v
}

// duration returns a field such as "1.500s". known is false if it is not there.
func (o *object) duration(name string) (d time.Duration, known bool, err error) {
	v := o.get(name)
	if v == nil {
		return 0, false, nil
	}
	text, ok := v.(string)
	if ok && strings.HasSuffix(text, "s") {
		if d, err = time.ParseDuration(text); err == nil {
			return d, true, nil
		}
	}
	return 0, true, fmt.Errorf("%s is %v, a duration such as \"1.5s\" is expected", name, v)
}

// denominators are Envoy's names of them, without one meaning a hundred.
var denominators = map[string]float64{"": 100, "HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}

// percent returns a FractionalPercent in percent.
func (o *object) percent() (float64, error) {
	of := o.text("denominator")
	d, ok := denominators[of]
	if !ok {
		return 0, fmt.Errorf("denominator is %q", of)
	}
	return float64(o.number("numerator", 0)) * 100 / d, nil
}
