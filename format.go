package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A format is a header value with Envoy's command operators, parsed: texts and
// operators in turn. A missing value is an empty text.
type format []formatPart

type formatPart struct {
	text  string
	value func(*formatContext) string
}

// A formatContext is what operators look at.
type formatContext struct {
	x subject
	// request is the request's headers as they stand.
	request http.Header
	// rewritten says that :path and :authority are those sent upstream.
	rewritten bool
	// response is nil in request operations.
	response http.Header
	status   int
}

// A subject is the exchange whose headers are changed, as operators see it.
type subject interface {
	// incoming is the request as it came, sent as the destination gets it.
	incoming() *http.Request
	sent() *http.Request
	edgeOf() *edge
	// edgeFirst reports whether the edge's headers are written before the
	// operations. alone reports whether there is no edge.
	edgeFirst() bool
	alone() bool
	scheme() string
	// path is normalized, without query.
	path() string
	pathAndQuery() string
	routeName() string
	// forwarded reports whether there is a destination.
	forwarded() bool
	// cluster is Istio's name of the destination, "" if there is none.
	cluster() string
	// upstream is the address and the protocol of the endpoint that answers, ""
	// for a backend in this process.
	upstream() (address, protocol string)
	// started is when the request was taken.
	started() time.Time
	// one returns a slice of one value.
	one(string) []string
}

// text returns the format with every operator's value put in.
func (f format) text(c *formatContext) string {
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
func (f format) constant() (string, bool) {
	switch {
	case len(f) == 0:
		return "", true
	case len(f) == 1 && f[0].value == nil:
		return f[0].text, true
	}
	return "", false
}

// A formatError says what is wrong with a header value.
type formatError struct {
	problem, suggestion string
}

func (e *formatError) Error() string { return e.problem }

// parseFormat parses a header value. "%%" is a percent sign.
func parseFormat(value string) (format, *formatError) {
	var f format
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
			return nil, &formatError{problem: fmt.Sprintf("the value %q holds a control character", value)}
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
func cutOperator(s string) (operator, int, *formatError) {
	unbalanced := &formatError{problem: fmt.Sprintf("the %% in %q begins no operator; a percent sign is written %%%%", s)}
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
