package istio

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

func quote(s string) string { return strconv.Quote(clip(s)) }

// nearest returns the known word that was probably meant, or "". It finds typing
// errors, and words that are too short or too long, such as cors for corsPolicy.
func nearest(word string, known []string) string {
	if found := suggest.Closest(word, known); found != "" {
		return found
	}
	const telling = 4
	lower := strings.ToLower(word)
	for _, k := range known {
		short, long := lower, strings.ToLower(k)
		if len(short) > len(long) {
			short, long = long, short
		}
		if len(short) >= telling && strings.HasPrefix(long, short) {
			return k
		}
	}
	return ""
}

// A step is one part of a field's path.
type step struct {
	name  string
	index int
	form  stepForm
}

type stepForm uint8

const (
	fieldStep stepForm = iota
	indexStep
	keyStep
)

func (s step) append(b []byte) []byte {
	switch s.form {
	case indexStep:
		b = append(b, '[')
		b = strconv.AppendInt(b, int64(s.index), 10)
		return append(b, ']')
	case keyStep:
		b = append(b, '[')
		b = append(b, s.name...)
		return append(b, ']')
	}
	if len(b) > 0 {
		b = append(b, '.')
	}
	return append(b, s.name...)
}

// A reader reads one resource and keeps its findings.
type reader struct {
	origin spec.Origin
	// loader reads the files that the resource names. It keeps what the resources of
	// several documents say together.
	loader *loader
	// envoy means that fields may be written as in the protocol buffers of Envoy.
	envoy bool
	// snake means that fields are written with underscores.
	snake bool
	// labels are the labels in the resource's metadata.
	labels map[string]string
	path   []step
	// messages are the current messages, the innermost last.
	messages []openMessage
	errors   []*spec.Error
	warnings []spec.Warning
	// broken are the paths with gaps.
	broken []string
	// said is the set of earlier findings, with the last names of fields.
	said map[spec.Finding]bool
}

func (r *reader) enter(name string)      { r.path = append(r.path, step{name: name}) }
func (r *reader) enterIndex(i int)       { r.path = append(r.path, step{index: i, form: indexStep}) }
func (r *reader) enterKey(name string)   { r.path = append(r.path, step{name: name, form: keyStep}) }
func (r *reader) leave()                 { r.path = r.path[:len(r.path)-1] }
func (r *reader) isBroken() bool         { return len(r.broken) > 0 }
func (r *reader) brokenSince(n int) bool { return len(r.broken) > n }

// field returns the path of the reader's position.
func (r *reader) field() string { return pathOf(r.path) }

func pathOf(steps []step) string {
	var b []byte
	for _, s := range steps {
		b = s.append(b)
	}
	return string(b)
}

func (r *reader) finding(code spec.Code, line, column int, problem, suggestion string) spec.Finding {
	return spec.Finding{
		File: r.origin.File, Line: line, Column: column,
		Kind: r.origin.Kind, Namespace: r.origin.Namespace, Name: r.origin.Name,
		Field: r.field(), Code: code, Problem: problem, Suggestion: suggestion,
	}
}

// repeats reports whether the same finding was recorded at the same place before,
// as with an alias that is used several times.
func (r *reader) repeats(f spec.Finding) bool {
	f.Field = f.Field[strings.LastIndexByte(f.Field, '.')+1:]
	f.Field, _, _ = strings.Cut(f.Field, "[")
	if r.said[f] {
		return true
	}
	if r.said == nil {
		r.said = make(map[spec.Finding]bool)
	}
	r.said[f] = true
	return false
}

func (r *reader) add(f spec.Finding) {
	if !r.repeats(f) {
		r.errors = append(r.errors, &spec.Error{Finding: f})
	}
}

func (r *reader) addWarning(f spec.Finding) {
	if !r.repeats(f) {
		r.warnings = append(r.warnings, spec.Warning{Finding: f})
	}
}

// fail records an error that leaves a gap in the declaration.
func (r *reader) fail(code spec.Code, line, column int, problem, suggestion string) {
	f := r.finding(code, line, column, problem, suggestion)
	r.broken = append(r.broken, f.Field)
	r.add(f)
}

// failf is like fail, at a value.
func (r *reader) failf(code spec.Code, v *value, format string, args ...any) {
	r.fail(code, v.line, v.column, fmt.Sprintf(format, args...), "")
}

// refuse records that a known field is not executed.
func (r *reader) refuse(line, column int, reason string) {
	r.add(r.finding(spec.CodeUnsupported, line, column, "is not executed by Lateen: "+reason, ""))
}

// warn records a warning with the code of Istio's analyzer, or "".
func (r *reader) warn(line, column int, code spec.Code, problem string) {
	r.addWarning(r.finding(code, line, column, problem, ""))
}

// errorAt records an error about readable fields, at a path from the resource's
// root.
func (r *reader) errorAt(code spec.Code, path, problem string) {
	r.add(r.at(code, path, problem))
}

// warnAt records a warning about readable fields, at a path from the resource's
// root.
func (r *reader) warnAt(path string, code spec.Code, problem string) {
	r.addWarning(r.at(code, path, problem))
}

func (r *reader) at(code spec.Code, path, problem string) spec.Finding {
	o := r.origin
	o.Path = ""
	f := o.At(path, problem)
	f.Code = code
	return f
}
