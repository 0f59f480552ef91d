// Package regex compiles RE2 expressions with Istio's limits. The main type is
// Cache, so that validation and compilation compile each expression once.
package regex

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// MaxLength is Istio's limit for the length of an expression, in bytes.
const MaxLength = 1024

// A Cache holds compiled expressions by their text, so that each is compiled once
// for validation and compilation. It is not safe for concurrent use.
type Cache map[string]*regexp.Regexp

// Compile returns a matcher of whole values for an RE2 expression. The error text
// describes the expression: "is not a valid RE2 expression: …".
func (c Cache) Compile(expression string) (*regexp.Regexp, error) {
	if re, ok := c[expression]; ok {
		return re, nil
	}
	if err := checkRegex(expression); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(wholeValue(expression))
	if err != nil {
		return nil, regexError(err)
	}
	c[expression] = re
	return re, nil
}

// CompilePart is like Compile, for an expression that may match anywhere in a
// value.
func (c Cache) CompilePart(expression string) (*regexp.Regexp, error) {
	// The open group keeps the key different from all valid expressions.
	key := "(?:" + expression
	if re, ok := c[key]; ok {
		return re, nil
	}
	if err := checkRegex(expression); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, regexError(err)
	}
	c[key] = re
	return re, nil
}

func checkRegex(expression string) error {
	switch {
	case expression == "":
		return errors.New("is an empty expression")
	case len(expression) > MaxLength:
		return fmt.Errorf("is an expression of %d bytes, at most %d are allowed", len(expression), MaxLength)
	}
	// Parsed alone, because a group around it can make an invalid expression
	// valid: "a)(b".
	if _, err := syntax.Parse(expression, syntax.Perl); err != nil {
		return regexError(err)
	}
	return nil
}

// wholeValue anchors a valid expression at both ends.
func wholeValue(expression string) string {
	// An open \Q would quote the closing anchor as well.
	if strings.LastIndex(expression, `\Q`) > strings.LastIndex(expression, `\E`) {
		if parsed, err := syntax.Parse(expression, syntax.Perl); err == nil {
			expression = parsed.String()
		}
	}
	return `\A(?:` + expression + `)\z`
}

func regexError(err error) error {
	var invalid *syntax.Error
	if errors.As(err, &invalid) {
		return fmt.Errorf("is not a valid RE2 expression: %s: %q", invalid.Code, invalid.Expr)
	}
	return fmt.Errorf("is not a valid RE2 expression: %w", err)
}
