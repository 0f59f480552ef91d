//go:build race

package validate

// raceAllocations is what the race detector adds to a valid route.
const raceAllocations = 1
