package region

import (
	"strings"
	"unicode/utf8"
)

// literalBeginning returns a text with which everything begins that an expression of
// package regex matches, as far as that shows without parsing it.
func literalBeginning(expression string) string {
	inner, ok := strings.CutPrefix(expression, `\A(?:`)
	if !ok {
		return ""
	}
	if inner, ok = strings.CutSuffix(inner, `)\z`); !ok || hasAlternatives(inner) {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(inner); {
		r, size := utf8.DecodeRuneInString(inner[i:])
		switch {
		case r == utf8.RuneError, strings.ContainsRune(`.+*?()|[]{}^$`, r):
			return b.String()
		case r == '\\':
			if i+1 == len(inner) || isWord(inner[i+1]) {
				return b.String()
			}
			i++
			r, size = utf8.DecodeRuneInString(inner[i:])
		}
		i += size
		if i < len(inner) && strings.IndexByte("*?{", inner[i]) >= 0 {
			return b.String() // it may be missing
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

// hasAlternatives reports whether a | may stand outside of all parentheses.
func hasAlternatives(expression string) bool {
	depth := 0
	for i := 0; i < len(expression); i++ {
		switch expression[i] {
		case '\\':
			if i++; i < len(expression) && expression[i] == 'Q' {
				return true
			}
		case '[':
			// The first ] of a class is a character.
			if i++; i < len(expression) && expression[i] == '^' {
				i++
			}
			for i++; i < len(expression) && expression[i] != ']'; i++ {
				if expression[i] == '[' {
					return true // a class in a class
				}
				if expression[i] == '\\' {
					i++
				}
			}
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}
