package text

import (
	"fmt"
	"strings"
	"time"
)

// A Phrase is a line that is built from words.
type Phrase []string

func (w *Phrase) String() string { return strings.Join(*w, " ") }

// Add adds a formatted word.
func (w *Phrase) Add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

// Count adds a number that is not zero.
func (w *Phrase) Count(name string, n int) {
	if n != 0 {
		w.Add("%s %d", name, n)
	}
}

// Duration adds a duration that is not zero.
func (w *Phrase) Duration(name string, d time.Duration) {
	if d != 0 {
		w.Add("%s %v", name, d)
	}
}

// Text adds a text that is not empty, quoted.
func (w *Phrase) Text(name, s string) {
	if s != "" {
		w.Add("%s %q", name, s)
	}
}

// Version adds a version that is not the usual one.
func (w *Phrase) Version(name, version, usual string) {
	if version != "" && version != "TLS_AUTO" && version != usual {
		w.Add("%s %s", name, version)
	}
}

// Texts adds a list that is not empty, quoted.
func (w *Phrase) Texts(name string, list []string) {
	if len(list) > 0 {
		w.Add("%s %q", name, list)
	}
}
