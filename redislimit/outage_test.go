package redislimit

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func TestServerRestarts(t *testing.T) {
	s := startServer(t)
	l := New(newClient(t, s.address), Options{})
	rare := ratelimit.Descriptor{Entries: bob(), Requests: 10, Unit: 50 * 365 * 24 * time.Hour}
	for i := range 4 {
		// Each of these has its own connection.
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				if _, err := l.Limit(context.Background(), perMinute); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Equal(t, 9, limitOne(t, l, 1, rare).Remaining, "the server keeps nothing")
		s.kill()
		if i%2 == 0 {
			for range 5 {
				_, err := l.Limit(context.Background(), perMinute)
				require.Error(t, err)
			}
		}
		// No call uses a connection to the server before.
		s.start()
	}
}

// Requests in flight end when the server is killed.
func TestServerIsKilledUnderLoad(t *testing.T) {
	s := startServer(t)
	l := New(newClient(t, s.address), Options{})
	requireRecovery(t, l)
	errs := make(chan error)
	for range 16 {
		go func() {
			for {
				if _, err := l.Limit(context.Background(), perMinute); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	s.kill()
	for range 16 {
		require.Error(t, <-errs)
	}
}
