package gatewaytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// MarshalJSON writes the coverage with its counts.
func (c *Coverage) MarshalJSON() ([]byte, error) {
	type count struct {
		Met   int `json:"met"`
		Total int `json:"total"`
	}
	type counts struct {
		Routes     count `json:"routes"`
		Conditions count `json:"conditions"`
		Shares     count `json:"shares"`
	}
	routes, conditions, shares := c.Count()
	return json.Marshal(struct {
		Share  float64         `json:"share"`
		Counts counts          `json:"counts"`
		Routes []RouteCoverage `json:"routes"`
	}{c.Share(), counts{count(routes), count(conditions), count(shares)}, c.Routes})
}

// LCOV returns the coverage in the format of LCOV's trace files, which CI systems and
// editors show beside the lines of the configuration. A line has the count of its part
// that is met least. Parts whose place is unknown are left out.
func (c *Coverage) LCOV() string {
	files := map[string]map[int]int{}
	note := func(place string, count int) {
		file, line, ok := splitPlace(place)
		if !ok {
			return
		}
		if files[file] == nil {
			files[file] = map[int]int{}
		}
		if before, found := files[file][line]; !found || count < before {
			files[file][line] = count
		}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		note(r.Place, r.Cases)
		for j := range r.Conditions {
			note(r.Conditions[j].Place, r.Conditions[j].Failed)
		}
		for j := range r.Shares {
			note(r.Place, r.Shares[j].Cases)
		}
	}
	var b strings.Builder
	for _, file := range slices.Sorted(maps.Keys(files)) {
		lines := files[file]
		fmt.Fprintf(&b, "TN:\nSF:%s\n", file)
		hit := 0
		for _, line := range slices.Sorted(maps.Keys(lines)) {
			fmt.Fprintf(&b, "DA:%d,%d\n", line, lines[line])
			if lines[line] > 0 {
				hit++
			}
		}
		fmt.Fprintf(&b, "LF:%d\nLH:%d\nend_of_record\n", len(lines), hit)
	}
	return b.String()
}

// splitPlace splits "file:line:col". A file's name can have colons.
func splitPlace(place string) (file string, line int, ok bool) {
	rest, last, found := cutLast(place, ":")
	if !found {
		return "", 0, false
	}
	if file, before, found := cutLast(rest, ":"); found {
		if n, err := strconv.Atoi(before); err == nil {
			return file, n, true
		}
	}
	n, err := strconv.Atoi(last)
	return rest, n, err == nil
}
