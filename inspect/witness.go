package inspect

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// String returns the request as the arguments of lateen decide.
func (w *Witness) String() string {
	var b strings.Builder
	b.WriteString(cmp.Or(w.Method, http.MethodGet))
	b.WriteString(" " + shellQuote(w.URL))
	for _, h := range w.lines() {
		b.WriteString(" -H " + shellQuote(h))
	}
	return b.String()
}

// lines returns the headers, one line each.
func (w *Witness) lines() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.Header)) {
		for _, value := range w.Header[name] {
			out = append(out, strings.ToLower(name)+": "+value)
		}
	}
	return out
}

// shellQuote returns a word as a POSIX shell reads it.
func shellQuote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/:@%+=,") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
