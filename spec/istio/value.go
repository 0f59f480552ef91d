package istio

import "fmt"

// A form is the kind of a value in the data model of JSON.
type form uint8

const (
	null form = iota
	boolean
	number
	text
	list
	object
	// invalid is an unreadable value; scalar is the reason.
	invalid
)

var formNames = [...]string{null: "null", boolean: "a boolean", number: "a number", text: "a string", list: "a list", object: "a map", invalid: "an unreadable value"}

func (f form) String() string { return formNames[f] }

// A value is one node of a document, after resolving aliases, merge keys and
// scalars. Aliased values are shared: values form a graph without cycles, and must
// not change after they are made.
type value struct {
	form form
	// scalar is the value of a string, and the original text of every other scalar.
	scalar string
	// line and column count from 1, in the file.
	line, column int
	// elements are the elements of a list, or the values of a map in the order of
	// keys.
	elements []*value
	keys     []key
	// size is the number of values including this one, shared ones each time.
	size int
	// flaws are the problems with the keys of a map.
	flaws []flaw
}

// A flaw is an invalid key.
type flaw struct {
	key
	problem string
}

// A key is one key of a map.
type key struct {
	name         string
	line, column int
}

// field returns the value and the key of a map's entry, or nil.
func (v *value) field(name string) (*value, *key) {
	if v == nil || v.form != object {
		return nil, nil
	}
	for i := range v.keys {
		if v.keys[i].name == name {
			return v.elements[i], &v.keys[i]
		}
	}
	return nil, nil
}

// textOf returns the scalar of the entry name, if it is a string.
func (v *value) textOf(name string) string {
	if e, _ := v.field(name); e != nil && e.form == text {
		return e.scalar
	}
	return ""
}

// String describes a value for a message: "the number 80".
func (v *value) String() string {
	switch v.form {
	case null:
		return "null"
	case boolean:
		return "the boolean " + v.scalar
	case number:
		return "the number " + v.scalar
	case text:
		return fmt.Sprintf("the string %q", clip(v.scalar))
	}
	return v.form.String()
}

// clip shortens a quoted text for a message.
func clip(s string) string {
	const longest = 60
	runes := []rune(s)
	if len(runes) <= longest {
		return s
	}
	return string(runes[:longest]) + "…"
}
