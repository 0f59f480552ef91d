package metrics

import (
	"bufio"
	"fmt"
	"io"
)

// A Figure is one number that a gateway knows of each T, such as of each cluster.
type Figure[T any] struct {
	// Name is the name of the metric. Help says what it is, in a sentence.
	Name, Help string
	// Counter means that the figure only grows. Others are gauges.
	Counter bool
	// Of returns the figure of a T. It is false for a T without it.
	Of func(*T) (float64, bool)
}

// writeFigures writes the figures of a list in the text format of Prometheus, with labels
// whose values each element has.
func writeFigures[T any](w io.Writer, figures []Figure[T], list []T, labels []string, values func(*T) []string) error {
	out := bufio.NewWriter(w)
	for _, f := range figures {
		kind := "gauge"
		if f.Counter {
			kind = "counter"
		}
		header(out, f.Name, kind, f.Help)
		for i := range list {
			if n, ok := f.Of(&list[i]); ok {
				fmt.Fprintf(out, "%s%s %g\n", f.Name, labelsOf(labels, values(&list[i])), n)
			}
		}
	}
	return out.Flush()
}

// always is a figure that each T has.
func always[T any, N int64 | uint64](of func(*T) N) func(*T) (float64, bool) {
	return func(t *T) (float64, bool) { return float64(of(t)), true }
}

// named returns the value of the only label.
func named[T any](name func(*T) string) func(*T) []string {
	return func(t *T) []string { return []string{name(t)} }
}

// labelsOf returns labels with their values in braces, or nothing.
func labelsOf(names, values []string) string {
	if len(names) == 0 {
		return ""
	}
	return "{" + labelled(names, values) + "}"
}
