package limits

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clocked returns a clock, and a function that moves it.
func clocked() (now func() time.Time, pass func(time.Duration)) {
	var elapsed atomic.Int64
	began := time.Now()
	return func() time.Time { return began.Add(time.Duration(elapsed.Load())) }, func(d time.Duration) { elapsed.Add(int64(d)) }
}

// An event counts for an interval, and until the end of the tenth in which it
// happened.
func TestWindow(t *testing.T) {
	for _, row := range []struct {
		name  string
		after time.Duration // the beginning
		age   time.Duration
		want  int64
	}{
		{"now", 0, 0, 1},
		{"an interval ago", 0, 10 * time.Second, 1},
		{"its tenth is not over", 0, 11*time.Second - 1, 1},
		{"its tenth is over", 0, 11 * time.Second, 0},
		{"late in its tenth", time.Second - 1, 10 * time.Second, 1},
		{"late in its tenth, which is over", time.Second - 1, 10*time.Second + 1, 0},
		{"much later", 500 * time.Millisecond, 21 * time.Second, 0},
		{"a long time later", 100 * time.Hour, time.Second, 1},
	} {
		now, pass := clocked()
		w := newWindow(10*time.Second, now)
		pass(row.after)
		w.add()
		pass(row.age)
		require.Equal(t, row.want, w.count(), row.name)
	}
}

func TestWindowMovesOn(t *testing.T) {
	now, pass := clocked()
	w := newWindow(10*time.Second, now)
	for range 100 {
		w.add()
		w.add()
		pass(time.Second)
	}
	require.EqualValues(t, 20, w.count())
	w.add()
	require.EqualValues(t, 21, w.count())
	pass(10 * time.Second)
	require.EqualValues(t, 1, w.count())
}

func TestShortWindow(t *testing.T) {
	now, pass := clocked()
	w := newWindow(1, now)
	w.add()
	require.EqualValues(t, 1, w.count())
	pass(11)
	require.Zero(t, w.count())
}

func TestWindowAtTheSameTime(t *testing.T) {
	now, pass := clocked()
	w := newWindow(time.Second, now)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 1000 {
				w.add()
			}
		})
	}
	done.Go(func() {
		for range 9 {
			pass(100 * time.Millisecond)
			require.LessOrEqual(t, w.count(), int64(8000))
		}
	})
	done.Wait()
	require.EqualValues(t, 8000, w.count())
}
