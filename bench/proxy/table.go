//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A series holds the measurements of one property: for each contestant, a value
// in each turn.
type series [][]float64

func (s *series) add(i int, value float64) {
	for len(*s) < len(contestants) {
		*s = append(*s, nil)
	}
	(*s)[i] = append((*s)[i], value)
}

// ratio returns the median, over all turns, of contestant i's value divided by
// contestant k's in the same turn.
func (s series) ratio(i, k int) float64 {
	var ratios []float64
	for turn := range min(len(s[i]), len(s[k])) {
		ratios = append(ratios, s[i][turn]/s[k][turn])
	}
	return median(ratios)
}

// slowest returns the lowest of the medians.
func (s series) slowest() float64 {
	least := median(s[0])
	for _, values := range s {
		if len(values) > 0 {
			least = min(least, median(values))
		}
	}
	return least
}

// median returns the median of values, or 0 without values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// A table is what is printed: a row for each property.
type table struct {
	rows  []string
	notes []string
	// capacity is how many requests per second the slowest contestant serves,
	// or 0 if unknown.
	capacity float64
	// compared is the contestant to which the others are compared.
	compared int
}

func newTable() *table {
	return &table{compared: slices.IndexFunc(contestants, func(c contestant) bool { return c.name == reference })}
}

// compareOwn records what the gateway costs with ReverseProxy's client,
// relative to ReverseProxy: its own overhead.
func (t *table) compareOwn(about string, costs series) {
	if len(costs) < len(contestants) {
		return
	}
	at := func(name string) int {
		return slices.IndexFunc(contestants, func(c contestant) bool { return c.name == name })
	}
	t.notes = append(t.notes, fmt.Sprintf("%s: processor time of %q in times of %q: %.2f.", about, gatewayNetHTTP, pooled,
		costs.ratio(at(gatewayNetHTTP), at(pooled))))
}

// at describes a fixed rate of requests.
func (t *table) at(rate float64) string { return fmt.Sprintf("%.0f requests per second", rate) }

// add adds a row: medians, and in parentheses the ratio to the reference.
func (t *table) add(about, format string, s series) {
	if len(s) < len(contestants) {
		return
	}
	var row strings.Builder
	fmt.Fprintf(&row, "| %s |", about)
	for i := range s {
		if len(s[i]) == 0 {
			row.WriteString(" |")
			continue
		}
		fmt.Fprintf(&row, " "+format+" (%.2f) |", median(s[i]), s.ratio(i, t.compared))
	}
	t.rows = append(t.rows, row.String())
}

func (t *table) print(out io.Writer) {
	fmt.Fprint(out, "| |")
	for _, c := range contestants {
		fmt.Fprintf(out, " %s |", c.name)
	}
	fmt.Fprint(out, "\n|---|", strings.Repeat("---:|", len(contestants)), "\n")
	for _, row := range t.rows {
		fmt.Fprintln(out, row)
	}
	for _, note := range t.notes {
		fmt.Fprintf(out, "\n%s\n", note)
	}
}
