package admin

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A splitView compares the destinations of a split, for a person who watches a new
// version.
type splitView struct {
	routeView
	// Verdict says in words how the smallest destination compares with the
	// largest.
	Verdict string
	// Worse means that it is worse, as far as the numbers tell.
	Worse bool
}

// splitOf compares the destinations of a route that has had requests.
func splitOf(r *routeView) (splitView, bool) {
	s := splitView{routeView: *r}
	if len(r.Destinations) < 2 || r.Own.Requests == 0 {
		return s, false
	}
	order := slices.Clone(r.Destinations)
	slices.SortStableFunc(order, func(a, b destinationView) int { return b.Weight - a.Weight })
	stable, fresh := &order[0], &order[len(order)-1]
	s.Verdict, s.Worse = verdict(stable, fresh)
	return s, true
}

// verdict compares the share of failures of two destinations: by a test of two
// proportions, at 95 % and 99 % confidence.
func verdict(stable, fresh *destinationView) (text string, worse bool) {
	name := label(fresh)
	if few := min(fresh.Requests, stable.Requests); few < 30 {
		if stable.Requests < fresh.Requests {
			name = label(stable)
		}
		return fmt.Sprintf("Too few requests to compare: %s has had %d.", name, few), false
	}
	a, b := float64(stable.Failures)/float64(stable.Requests), float64(fresh.Failures)/float64(fresh.Requests)
	pooled := float64(stable.Failures+fresh.Failures) / float64(stable.Requests+fresh.Requests)
	deviation := math.Sqrt(pooled * (1 - pooled) * (1/float64(stable.Requests) + 1/float64(fresh.Requests)))
	if pooled == 1 {
		return "Both fail every request.", true
	}
	if deviation == 0 {
		return "Both do equally well: no request has failed.", false
	}
	switch z := (b - a) / deviation; {
	case z > 2.58:
		return fmt.Sprintf("%s fails more often than %s: %s against %s (99 %% sure).", name, label(stable), percent(b), percent(a)), true
	case z > 1.96:
		return fmt.Sprintf("%s probably fails more often than %s: %s against %s (95 %% sure).", name, label(stable), percent(b), percent(a)), true
	case z < -1.96:
		return fmt.Sprintf("%s fails less often than %s: %s against %s.", name, label(stable), percent(b), percent(a)), false
	}
	return "No difference in failures that could not be chance.", false
}

// label is a short name of a destination.
func label(d *destinationView) string {
	name, _, _ := strings.Cut(d.Host, ".")
	if d.Subset != "" {
		name += "/" + d.Subset
	}
	return name
}
