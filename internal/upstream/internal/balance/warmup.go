package balance

import (
	"math"
	"time"
)

// A Warmup lets the share of a host grow after it joined (Envoy's slow start;
// Istio's warmup). A host that returns from an ejection is not new.
type Warmup struct {
	// Duration is how long a host is new.
	Duration time.Duration
	// MinimumPercent is how much of its weight a host gets at once. Zero is
	// nothing; DefaultWarmupMinimumPercent is for where nothing is configured.
	MinimumPercent float64
	// Aggression bends the growth: it is linear with 1, and the more a host gets
	// early the greater the number is. Zero is 1.
	Aggression float64
}

// factor returns the part of its weight that a host of the given age gets.
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
