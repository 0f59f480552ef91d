// Package header changes the headers of requests and responses. The main types
// are Operations, a compiled spec.HeaderOperations, and Format, a header value
// with Envoy's command operators. Subject is the exchange that the operators
// read.
package header

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/operator"
)

// A Format is a parsed header value with Envoy's command operators: texts and
// operators in turn. A missing value is an empty text.
type Format []formatPart

type formatPart struct {
	text  string
	value func(*Context) string
}

// A Context has the values that operators read.
type Context struct {
	X Subject
	// Request has the current headers of the request.
	Request http.Header
	// Rewritten means that :path and :authority are the values sent upstream.
	Rewritten bool
	// Response has the headers of the response. It is nil in request operations.
	Response http.Header
	Status   int
}

// text returns the format with the values of all operators.
func (f Format) text(c *Context) string {
	if len(f) == 1 {
		if f[0].value != nil {
			return f[0].value(c)
		}
		return f[0].text
	}
	var b strings.Builder
	for _, p := range f {
		if p.value != nil {
			b.WriteString(p.value(c))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// constant returns the text of a format without operators.
func (f Format) constant() (string, bool) {
	switch {
	case len(f) == 0:
		return "", true
	case len(f) == 1 && f[0].value == nil:
		return f[0].text, true
	}
	return "", false
}

// A FormatError describes an error in a header value.
type FormatError struct {
	Problem, Suggestion string
}

func (e *FormatError) Error() string { return e.Problem }

// ParseFormat parses a header value. "%%" is a percent sign.
func ParseFormat(value string) (Format, *FormatError) {
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return nil, &FormatError{Problem: fmt.Sprintf("the value %q holds a control character", value)}
	}
	var f Format
	err := operator.Parse(value, func(text string) { f = append(f, formatPart{text: text}) }, func(op operator.Operator) error {
		v, err := compileOperator(op)
		if err != nil {
			return err
		}
		f = append(f, formatPart{value: v})
		return nil
	})
	if err == nil {
		return f, nil
	}
	if problem, ok := err.(*FormatError); ok {
		return nil, problem
	}
	return nil, &FormatError{Problem: err.Error()}
}
