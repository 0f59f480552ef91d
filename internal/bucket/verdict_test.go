package bucket

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestVerdict(t *testing.T) {
	for _, per := range [][]spec.LimitKey{nil, perAddress} {
		l := spec.RateLimit{Requests: 10, Unit: time.Second, Burst: 3, Per: per}
		b := NewBuckets(&l, nil)
		now := time.Now()
		for _, row := range []struct {
			after     time.Duration
			allowed   bool
			remaining int
			retry     time.Duration
			reset     time.Duration
		}{
			{0, true, 2, 0, 100 * time.Millisecond},
			{0, true, 1, 0, 200 * time.Millisecond},
			{0, true, 0, 100 * time.Millisecond, 300 * time.Millisecond},
			{0, false, 0, 100 * time.Millisecond, 300 * time.Millisecond},
			{99 * time.Millisecond, false, 0, time.Millisecond, 201 * time.Millisecond},
			{time.Millisecond, true, 0, 100 * time.Millisecond, 300 * time.Millisecond},
			{time.Hour, true, 2, 0, 100 * time.Millisecond},
		} {
			now = now.Add(row.after)
			v := b.TakeAt(keyOf(b, 1), now)
			require.Equal(t, row.allowed, v.Allowed)
			require.Equal(t, row.remaining, v.Remaining())
			require.Equal(t, row.retry, v.RetryAfter())
			require.Equal(t, row.reset, v.Reset())
			require.Equal(t, row.retry, b.Wait(keyOf(b, 1), now, 1))
		}
	}
}
