// Package operator cuts texts with Envoy's operators, such as
// "user %REQ(x-user):8%", into their parts. What the operators mean is up to the
// caller. The main function is Parse.
package operator

import (
	"fmt"
	"strconv"
	"strings"
)

// An Operator is %NAME(argument):limit%, cut into its parts.
type Operator struct {
	Name, Argument string
	// HasArgument means that there are parentheses, perhaps empty ones.
	HasArgument bool
	// Limit is the number of bytes after the colon, or -1.
	Limit int
}

// Parse calls text for each text between operators, and operator for each operator,
// in order. "%%" is a percent sign. The error is that of operator, or says which
// percent sign begins no operator.
func Parse(format string, text func(string), operator func(Operator) error) error {
	var between strings.Builder
	flush := func() {
		if between.Len() > 0 {
			text(between.String())
			between.Reset()
		}
	}
	for i := 0; i < len(format); {
		if format[i] != '%' {
			between.WriteByte(format[i])
			i++
			continue
		}
		if strings.HasPrefix(format[i:], "%%") {
			between.WriteByte('%')
			i += 2
			continue
		}
		op, n, ok := cut(format[i:])
		if !ok {
			return fmt.Errorf("the %% in %q begins no operator; a percent sign is written %%%%", format[i:])
		}
		flush()
		if err := operator(op); err != nil {
			return err
		}
		i += n
	}
	flush()
	return nil
}

// cut cuts the operator at the beginning of s and returns its length.
func cut(s string) (op Operator, n int, ok bool) {
	op.Limit = -1
	i := 1
	for i < len(s) && ('A' <= s[i] && s[i] <= 'Z' || '0' <= s[i] && s[i] <= '9' || s[i] == '_') {
		i++
	}
	op.Name = s[1:i]
	if op.Name == "" {
		return op, 0, false
	}
	if i < len(s) && s[i] == '(' {
		end := strings.IndexByte(s[i:], ')')
		if end < 0 {
			return op, 0, false
		}
		op.Argument, op.HasArgument = s[i+1:i+end], true
		i += end + 1
	}
	if i < len(s) && s[i] == ':' {
		j := i + 1
		for j < len(s) && '0' <= s[j] && s[j] <= '9' {
			j++
		}
		limit, err := strconv.Atoi(s[i+1 : j])
		if err != nil {
			return op, 0, false
		}
		op.Limit, i = limit, j
	}
	if i >= len(s) || s[i] != '%' {
		return op, 0, false
	}
	return op, i + 1, true
}
