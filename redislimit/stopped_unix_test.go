//go:build unix

package redislimit

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireDeadline fails if a call to a server that hangs ends with anything but
// the deadline.
func requireDeadline(t *testing.T, l *Limiter) {
	t.Helper()
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, err := l.Limit(ctx, perMinute)
		cancel()
		// The connection notices the deadline, or the context does.
		require.True(t, errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded), "%v", err)
	}
}

func TestServerStops(t *testing.T) {
	s := startServer(t)
	l := New(newClient(t, s.address), Options{})
	requireRecovery(t, l)
	for range 2 {
		s.signal(syscall.SIGSTOP)
		requireDeadline(t, l)
		// A new client must connect first.
		requireDeadline(t, New(newClient(t, s.address), Options{}))
		s.signal(syscall.SIGCONT)
		requireRecovery(t, l)
	}
}

func TestServerStopsWhileTheClientHasNoDeadline(t *testing.T) {
	s := startServer(t)
	l := New(newClient(t, s.address), Options{})
	requireRecovery(t, l)
	s.signal(syscall.SIGSTOP)
	defer s.signal(syscall.SIGCONT)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := l.Limit(ctx, perMinute)
		done <- err
	}()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}
