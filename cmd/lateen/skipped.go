package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// printFindings prints warnings and what was skipped.
func (c *configuration) printFindings(w io.Writer, warnings []spec.Warning) {
	printWarnings(w, warnings)
	c.printSkipped(w)
}

// printSkipped sums up the objects that were skipped in one line. With --verbose it
// prints each of them first.
func (c *configuration) printSkipped(w io.Writer) {
	if c.verbose {
		for i := range c.declared.Skipped {
			s := &c.declared.Skipped[i]
			what := "it is not a resource"
			if s.Kind != "" || s.APIVersion != "" {
				what = fmt.Sprintf("kind %s of %s is not read", s.Kind, s.APIVersion)
			}
			fmt.Fprintln(w, "skipped:", oneLine(s.Origin.At("", what).String()))
		}
	}
	if text := skippedText(c.declared.Skipped); text != "" {
		fmt.Fprintln(w, text)
	}
}

// namedKinds is how many kinds the summary names.
const namedKinds = 6

// skippedText is the summary of what was skipped, the most frequent kinds first.
func skippedText(skipped []spec.Skipped) string {
	objects, counts := 0, map[string]int{}
	for i := range skipped {
		if kind := kindText(&skipped[i]); kind != "" {
			objects++
			counts[kind]++
		}
	}
	var parts []string
	if objects > 0 {
		kinds := make([]string, 0, len(counts))
		for kind := range counts {
			kinds = append(kinds, kind)
		}
		slices.SortFunc(kinds, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
		var b strings.Builder
		fmt.Fprintf(&b, "%s of %s:", countOf(objects, "object"), countOf(len(kinds), "kind"))
		for i, kind := range kinds[:min(namedKinds, len(kinds))] {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, " %s %s", kind, thousands(counts[kind]))
		}
		if more := len(kinds) - namedKinds; more > 0 {
			fmt.Fprintf(&b, " and %s", strings.Replace(countOf(more, "kind"), " ", " more ", 1))
		}
		parts = append(parts, b.String())
	}
	if others := len(skipped) - objects; others > 0 {
		are := "that are not resources"
		if others == 1 {
			are = "that is not a resource"
		}
		parts = append(parts, countOf(others, "document")+" "+are)
	}
	if len(parts) == 0 {
		return ""
	}
	return "skipped " + strings.Join(parts, "; ")
}

// kindText is the kind of an object as the summary names it. A kind of another
// group that has the name of one that is read is named with its group.
func kindText(s *spec.Skipped) string {
	switch s.Kind {
	case "Gateway", "VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry", "RateLimitConfig", "Telemetry", "Service":
		if group, _, ok := strings.Cut(s.APIVersion, "/"); ok {
			return s.Kind + "." + group
		}
	}
	return s.Kind
}

// countOf is count with separators in large numbers.
func countOf(n int, what string) string {
	return strings.Replace(count(n, what), strconv.Itoa(n), thousands(n), 1)
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
