package descriptor

import (
	"fmt"
	"slices"

	"github.com/lateengo/gateway/ratelimit"
)

// A Problem is what is wrong with a domain or a descriptor.
type Problem struct {
	// Path is the index of the domain, and of the descriptor on each level.
	Path  []int
	Field Field
	Text  string
}

// A Field is where a problem is.
type Field uint8

// The fields.
const (
	FieldDomain Field = iota
	FieldKey
	FieldValue
	FieldUnit
	FieldReplaces
	FieldShareThreshold
)

// A builder builds levels, and collects problems.
type builder struct {
	path     []int
	problems []Problem
}

func (b *builder) report(f Field, format string, args ...any) {
	b.problems = append(b.problems, Problem{Path: slices.Clone(b.path), Field: f, Text: fmt.Sprintf(format, args...)})
}

// level returns the level of some descriptors. The values are shared by the levels
// above.
func (b *builder) level(descriptors []Descriptor, shared []string) *level {
	if len(descriptors) == 0 && len(b.path) > 1 {
		return nil
	}
	l := &level{pairs: make(map[ratelimit.Entry]*node), names: make(map[string]*node)}
	b.path = append(b.path, 0)
	for i := range descriptors {
		d := &descriptors[i]
		b.path[len(b.path)-1] = i
		if d.Key == "" {
			b.report(FieldKey, "the key is empty")
			continue
		}
		n := l.add(d.Key, d.Value)
		if n == nil {
			field := FieldKey
			if d.Value != "" {
				field = FieldValue
			}
			b.report(field, "the key and the value of another descriptor on this level are the same, joined with an underscore")
			n = new(node)
		}
		values := append(slices.Clip(shared), "")
		if d.ShareThreshold {
			if hasAsterisk(d) {
				values[len(values)-1] = sharedValue(d)
			} else {
				b.report(FieldShareThreshold, "only a value with an asterisk can be shared")
			}
		}
		if d.Limit != nil {
			b.limit(d.Limit)
			n.match.Limit = d.Limit
			if slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
				n.match.Shared = values
			}
		}
		n.below = b.level(d.Descriptors, values)
	}
	b.path = b.path[:len(b.path)-1]
	return l
}

func (b *builder) limit(l *Limit) {
	switch {
	case l.Unlimited && l.Unit != 0:
		b.report(FieldUnit, "an unlimited limit has no unit")
	case !l.Unlimited && l.Unit.Duration() == 0:
		b.report(FieldUnit, "the unit is missing")
	}
	for _, name := range l.Replaces {
		switch name {
		case "":
			b.report(FieldReplaces, "the name is empty")
		case l.Name:
			b.report(FieldReplaces, "a limit cannot replace itself")
		}
	}
}
