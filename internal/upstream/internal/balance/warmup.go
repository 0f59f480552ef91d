package balance

import (
	"math"
	"time"
)

// A Warmup lets the share of a host grow after it joins (Envoy's slow start;
// Istio's warmup). A host that returns from an ejection is not new.
type Warmup struct {
	// Duration is how long a host is new.
	Duration time.Duration
	// MinimumPercent is the percentage of its weight that a new host gets
	// immediately. Zero is none; DefaultWarmupMinimumPercent is the value if
	// nothing is configured.
	MinimumPercent float64
	// Aggression shapes the growth: 1 is linear, and a greater number gives a
	// host more early. Zero is 1.
	Aggression float64
}

// factor returns the fraction of its weight that a host of the given age gets.
func (w *Warmup) factor(age time.Duration) float64 {
	if age >= w.Duration {
		return 1
	}
	grown := float64(max(age, time.Millisecond)) / float64(w.Duration)
	if w.Aggression > 0 && w.Aggression != 1 {
		grown = math.Pow(grown, 1/w.Aggression)
	}
	return min(1, max(grown, w.MinimumPercent/100))
}
