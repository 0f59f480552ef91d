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

// writeFigures writes the figures of a list in the text format of Prometheus, with one
// label, whose value is the name of each element.
func writeFigures[T any](w io.Writer, figures []Figure[T], list []T, label string, name func(*T) string) error {
	out := bufio.NewWriter(w)
	for _, f := range figures {
		kind := "gauge"
		if f.Counter {
			kind = "counter"
		}
		header(out, f.Name, kind, f.Help)
		for i := range list {
			if n, ok := f.Of(&list[i]); ok {
				fmt.Fprintf(out, "%s{%s=%s} %g\n", f.Name, label, quote(name(&list[i])), n)
			}
		}
	}
	return out.Flush()
}
