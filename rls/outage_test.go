package rls

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lateengo/gateway/ratelimit"
)

// hung answers when the caller has gone.
var hung = service(func(ctx context.Context, _ *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
})

// dial returns a Limiter with a connection from Dial.
func dial(t testing.TB, address string, options Options) *Limiter {
	t.Helper()
	conn, err := Dial(address, DialOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return New(conn, options)
}

// shopRequest is about a descriptor without a limit in shopLimits.
var shopRequest = one("shop", ratelimit.Descriptor{Entries: []ratelimit.Entry{{Key: "probe"}}, Requests: 1, Unit: time.Minute})

// requireDeadline fails if calls end with anything but the deadline.
func requireDeadline(t *testing.T, l *Limiter) {
	t.Helper()
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		_, err := l.Limit(ctx, shopRequest)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

// requireRecovery fails if the service does not answer again.
func requireRecovery(t *testing.T, l *Limiter) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := l.Limit(ctx, shopRequest)
		return err == nil
	}, 30*time.Second, time.Millisecond)
}

func TestHungService(t *testing.T) {
	conn := connect(t, hung)
	l := New(conn, Options{})
	requireDeadline(t, l)
	before := goleak.IgnoreCurrent()
	requireDeadline(t, l)

	ctx, cancel := context.WithCancelCause(context.Background())
	gone := errors.New("the client is gone")
	done := make(chan error)
	go func() {
		_, err := l.Limit(ctx, shopRequest)
		done <- err
	}()
	cancel(gone)
	require.ErrorIs(t, <-done, gone)
	// The connection is still there, and nothing that waits for its answers.
	goleak.VerifyNone(t, before)
}

func TestManyCallsOfAHungService(t *testing.T) {
	l := New(connect(t, hung), Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := l.Limit(ctx, shopRequest); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// The connection is cut while calls wait for their answers.
func TestCutConnection(t *testing.T) {
	arrived := make(chan struct{})
	address, stop := serve(t, "127.0.0.1:0", service(func(ctx context.Context, _ *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
		arrived <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	l := dial(t, address, Options{})
	errs := make(chan error)
	const calls = 8
	for range calls {
		go func() {
			_, err := l.Limit(context.Background(), shopRequest)
			errs <- err
		}()
	}
	for range calls {
		<-arrived
	}
	stop()
	for range calls {
		require.Equal(t, codes.Unavailable, status.Code(errors.Unwrap(<-errs)))
	}
}

func TestServiceRestarts(t *testing.T) {
	address, stop := serve(t, "127.0.0.1:0", allow)
	l := dial(t, address, Options{})
	requireRecovery(t, l)
	for range 2 {
		stop()
		for range 5 {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			_, err := l.Limit(ctx, shopRequest)
			cancel()
			require.Error(t, err)
		}
		_, stop = serve(t, address, allow)
		requireRecovery(t, l)
	}
}

// A service that is not there yet is found when it comes.
func TestServiceComesLater(t *testing.T) {
	address, stop := serve(t, "127.0.0.1:0", allow)
	stop()
	l := dial(t, address, Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := l.Limit(ctx, shopRequest)
	require.Error(t, err)
	serve(t, address, allow)
	requireRecovery(t, l)
}
