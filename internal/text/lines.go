// Package text builds the text of a printed program. The main types are Lines,
// which indents lines, and Phrase, which builds one line from words.
package text

import (
	"fmt"
	"strings"
)

// Lines are indented lines of text.
type Lines struct {
	strings.Builder
	indent int
}

// Line prints one line.
func (t *Lines) Line(format string, args ...any) {
	t.WriteString(strings.Repeat("  ", t.indent))
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

// In indents everything that f prints by one level.
func (t *Lines) In(f func()) {
	t.indent++
	f()
	t.indent--
}
