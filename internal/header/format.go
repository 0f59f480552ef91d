// Package header changes the headers of requests and responses. The main types
// are Operations, a compiled spec.HeaderOperations, and Format, a header value
// with Envoy's command operators. Subject is the exchange that the operators
// read.
package header

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
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
	var f Format
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			f = append(f, formatPart{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(value); {
		c := value[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			return nil, &FormatError{Problem: fmt.Sprintf("the value %q holds a control character", value)}
		}
		if c != '%' {
			text.WriteByte(c)
			i++
			continue
		}
		if strings.HasPrefix(value[i:], "%%") {
			text.WriteByte('%')
			i += 2
			continue
		}
		op, n, err := cutOperator(value[i:])
		if err != nil {
			return nil, err
		}
		v, err := op.compile()
		if err != nil {
			return nil, err
		}
		flush()
		f = append(f, formatPart{value: v})
		i += n
	}
	flush()
	return f, nil
}

// An operator is %NAME(argument):limit%, cut into its parts.
type operator struct {
	name, argument string
	hasArgument    bool
	limit          int // -1: none
}

// cutOperator cuts the operator at the beginning of s and returns its length.
func cutOperator(s string) (operator, int, *FormatError) {
	unbalanced := &FormatError{Problem: fmt.Sprintf("the %% in %q begins no operator; a percent sign is written %%%%", s)}
	op := operator{limit: -1}
	i := 1
	for i < len(s) && ('A' <= s[i] && s[i] <= 'Z' || '0' <= s[i] && s[i] <= '9' || s[i] == '_') {
		i++
	}
	op.name = s[1:i]
	if op.name == "" {
		return op, 0, unbalanced
	}
	if i < len(s) && s[i] == '(' {
		end := strings.IndexByte(s[i:], ')')
		if end < 0 {
			return op, 0, unbalanced
		}
		op.argument, op.hasArgument = s[i+1:i+end], true
		i += end + 1
	}
	if i < len(s) && s[i] == ':' {
		j := i + 1
		for j < len(s) && '0' <= s[j] && s[j] <= '9' {
			j++
		}
		limit, err := strconv.Atoi(s[i+1 : j])
		if err != nil {
			return op, 0, unbalanced
		}
		op.limit, i = limit, j
	}
	if i >= len(s) || s[i] != '%' {
		return op, 0, unbalanced
	}
	return op, i + 1, nil
}
