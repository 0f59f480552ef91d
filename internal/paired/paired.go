// Package paired compares the cost of functions on a machine that has other
// work too: it runs them in turns and compares only turns that are next to each
// other.
package paired

import (
	"slices"
	"time"
)

// A Contestant is measured by calls of Run.
type Contestant struct {
	Name string
	// Run does the job n times.
	Run func(n int)
}

// A Result is what a contestant costs.
type Result struct {
	Name string
	// Nanoseconds is the median time for one run of the job.
	Nanoseconds float64
	// Ratio is the median, over all turns, of the contestant's time divided by
	// the first contestant's in the same turn. Load on the machine hardly moves
	// it.
	Ratio float64
}

// Compare lets the contestants run in turns. The first turn of each takes at
// least length, and the others do as many jobs.
func Compare(turns int, length time.Duration, contestants ...Contestant) []Result {
	jobs := make([]int, len(contestants))
	for i, c := range contestants {
		jobs[i] = 1
		for elapsed := time.Duration(0); elapsed < length; {
			jobs[i] *= 2
			start := time.Now()
			c.Run(jobs[i])
			elapsed = time.Since(start)
		}
	}
	times := make([][]float64, len(contestants))
	for turn := range turns {
		for k := range contestants {
			// The order alternates, so that nobody always follows the same one.
			i := k
			if turn%2 == 1 {
				i = len(contestants) - 1 - k
			}
			start := time.Now()
			contestants[i].Run(jobs[i])
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/float64(jobs[i]))
		}
	}
	results := make([]Result, len(contestants))
	for i, c := range contestants {
		ratios := make([]float64, turns)
		for turn := range turns {
			ratios[turn] = times[i][turn] / times[0][turn]
		}
		results[i] = Result{Name: c.Name, Ratio: median(ratios)}
	}
	for i := range results {
		results[i].Nanoseconds = median(times[i])
	}
	return results
}

// median sorts values, of which there is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
