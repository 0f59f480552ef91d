package text

import (
	"fmt"
	"strings"
)

// A Lines is indented lines.
type Lines struct {
	strings.Builder
	indent int
}

func (t *Lines) Line(format string, args ...any) {
	t.WriteString(strings.Repeat("  ", t.indent))
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

// In prints what f prints one level deeper.
func (t *Lines) In(f func()) {
	t.indent++
	f()
	t.indent--
}
