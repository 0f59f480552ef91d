package pace

import (
	"io"
	"math"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCredit(t *testing.T) {
	rate := Rate{BytesPerSecond: 100, Grace: 5 * time.Second}
	for _, tt := range []struct {
		name   string
		waited time.Duration
		bytes  int64
		left   time.Duration
	}{
		{"nothing", 0, 0, 5 * time.Second},
		{"a wait", 2 * time.Second, 0, 3 * time.Second},
		{"a wait for enough", 2 * time.Second, 200, 5 * time.Second},
		{"a wait for more", 2 * time.Second, 300, 6 * time.Second},
		{"a part of a second", 0, 50, 5500 * time.Millisecond},
		{"very much", 0, math.MaxInt64, 20 * time.Second},
		{"too long", 6 * time.Second, 0, -time.Second},
	} {
		c := NewCredit(rate)
		c.Spend(tt.waited, tt.bytes)
		require.Equal(t, tt.left, c.Left, tt.name)
	}
}

// TestWatchForgets keeps no timer and no operation that is over.
func TestWatchForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w Watch
		client, below := net.Pipe()
		closed, expired := 0, 0
		conn := NewConn(below, &w, Rate{BytesPerSecond: 1, Grace: time.Second}, func() { expired++ })
		conn.AtClose(func() { closed++ })
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.CopyN(io.Discard, client, 10)
		}()
		for range 10 {
			_, err := conn.Write([]byte("x"))
			require.NoError(t, err)
			time.Sleep(time.Hour)
		}
		<-read
		synctest.Wait()
		require.Empty(t, w.ops)
		require.False(t, w.ticking)
		require.Zero(t, expired)

		_, err := conn.Write([]byte("nobody reads"))
		require.ErrorIs(t, err, ErrNotTaken)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, expired)
		require.Empty(t, w.ops)
		_ = conn.Close()
		require.Equal(t, 1, closed)
	})
}
