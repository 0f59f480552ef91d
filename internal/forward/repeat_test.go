package forward

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRepeatBudget(t *testing.T) {
	b := NewBudget()
	for range FirstRepeats {
		require.True(t, b.Spend())
	}
	require.False(t, b.Spend())
	require.False(t, b.Spend())

	// An eighth of the requests may be repeated, whatever their times are.
	start := time.Unix(0, 12345)
	for i := range 1600 {
		b.Earn(start.Add(time.Duration(i*7919) * time.Nanosecond))
	}
	spent := 0
	for b.Spend() {
		spent++
	}
	require.InDelta(t, 200, spent, 10)

	for i := range 100_000 {
		b.Earn(start.Add(time.Duration(i*7919) * time.Nanosecond))
	}
	spent = 0
	for b.Spend() {
		spent++
	}
	require.Equal(t, mostRepeats, spent)
}
