package bucket

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// A model is a token bucket in exact arithmetic.
type model struct {
	rate, burst, tokens *big.Rat
	last                int64
}

// take takes a token at a time in nanoseconds. It also returns the tokens that were
// there.
func (m *model) take(now int64) (bool, *big.Rat) {
	gained := new(big.Rat).Mul(m.rate, new(big.Rat).SetInt64(now-m.last))
	m.last = now
	m.tokens.Add(m.tokens, gained)
	if m.tokens.Cmp(m.burst) > 0 {
		m.tokens.Set(m.burst)
	}
	had := new(big.Rat).Set(m.tokens)
	one := big.NewRat(1, 1)
	if m.tokens.Cmp(one) < 0 {
		return false, had
	}
	m.tokens.Sub(m.tokens, one)
	return true, had
}

// A bucket answers like the model, unless the model has a token but for a tiny part.
func TestPaceLikeTheModel(t *testing.T) {
	traces := 500
	if reduced() {
		traces = 40
	}
	for seed := range uint64(traces) {
		random := rand.New(rand.NewPCG(seed, 3))
		unit := []time.Duration{time.Second, 3 * time.Second, time.Minute, time.Hour, 24 * time.Hour}[random.IntN(5)]
		l := spec.RateLimit{Requests: 1 + int(math.Pow(2, 16*random.Float64())), Unit: unit}
		burst := int64(l.Requests)
		if random.IntN(2) == 0 {
			l.Burst = 1 + random.IntN(3*l.Requests)
			burst = int64(l.Burst)
		}
		p := newPace(&l)
		m := model{rate: big.NewRat(int64(l.Requests), int64(unit)), burst: big.NewRat(burst, 1), tokens: big.NewRat(burst, 1)}
		var state, now int64
		token := float64(unit) / float64(l.Requests)
		for range 2000 {
			switch random.IntN(20) {
			case 0:
				now += int64(random.Float64() * token * float64(burst))
			default:
				now += int64(random.Float64() * token * 1.5)
			}
			next, v := p.take(state, p.at(p.base.Add(time.Duration(now))), p.token)
			allowed, had := m.take(now)
			if v.Allowed != allowed {
				near, _ := had.Float64()
				require.InDelta(t, 1, near, 1e-3, "seed %d: %d per %v", seed, l.Requests, unit)
				// From here on they differ by a token.
				break
			}
			state = next
		}
	}
}

// Limits that people write are nearly exact. Any other is within a thousandth, up to four
// million a second.
func TestPaceIsExact(t *testing.T) {
	for _, unit := range []time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour} {
		for _, requests := range []int{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 100, 120, 200, 250, 300, 500, 600, 1000, 10_000, 100_000, 1_000_000} {
			p := newPace(&spec.RateLimit{Requests: requests, Unit: unit})
			require.LessOrEqual(t, p.token*int64(requests), int64(unit)*p.steps)
			if requests <= 100 || unit > time.Second && requests <= 6000 {
				require.EqualValues(t, 1, p.steps, "%d per %v", requests, unit)
			}
			require.InEpsilon(t, float64(unit), float64(p.token)*float64(requests)/float64(p.steps), 1e-6)
		}
	}
	random := rand.New(rand.NewPCG(4, 4))
	for range 10_000 {
		l := spec.RateLimit{Requests: 1 + random.IntN(4_000_000), Unit: time.Second}
		p := newPace(&l)
		require.InEpsilon(t, float64(time.Second)/float64(l.Requests), float64(p.token)/float64(p.steps), 0.001)
	}
}

// Nothing overflows, whatever the limit.
func TestPaceAtTheEdges(t *testing.T) {
	for _, requests := range []int{1, 2, 1000, math.MaxInt32} {
		for _, unit := range []time.Duration{1, time.Second, 24 * time.Hour, math.MaxInt64} {
			for _, burst := range []int{0, 1, 2, math.MaxInt32} {
				p := newPace(&spec.RateLimit{Requests: requests, Unit: unit, Burst: burst})
				require.Positive(t, p.token)
				require.GreaterOrEqual(t, p.burst, p.token)
				for _, now := range []time.Time{p.base, {}, p.base.AddDate(300, 0, 0), p.base.Add(-time.Hour), p.base.AddDate(3, 0, 0)} {
					at := p.at(now)
					require.Positive(t, at)
					state, v := p.take(0, at, p.token)
					require.True(t, v.Allowed)
					require.Positive(t, state)
					require.GreaterOrEqual(t, v.Remaining(), 0)
					require.GreaterOrEqual(t, v.Reset(), time.Duration(0))
					for range 3 {
						state, _ = p.take(state, at, p.token)
						require.Positive(t, state)
					}
				}
			}
		}
	}
}
