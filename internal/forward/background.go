package forward

import (
	"context"
	"sync"
	"sync/atomic"
)

// MaxMirrors is the maximum number of active copies. Further copies are not sent.
const MaxMirrors = 1024

// Background is the work that continues after a response is sent: mirrors. It
// ends with the Gateway's Close.
type Background struct {
	ctx    context.Context
	cancel context.CancelFunc
	count  atomic.Int64
	// Lag is the number of body bytes that the copies hold.
	Lag atomic.Int64

	mu    sync.Mutex
	ended bool
	wait  sync.WaitGroup
}

// NewBackground returns a Background without work.
func NewBackground() *Background {
	b := new(Background)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Begin admits one piece of work under parent. The caller must call done at its
// end.
func (b *Background) Begin(parent context.Context) (ctx context.Context, done func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.count.Load() >= MaxMirrors {
		return nil, nil, false
	}
	b.count.Add(1)
	b.wait.Add(1)
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(b.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
		b.count.Add(-1)
		b.wait.Done()
	}, true
}

// End cancels all work and waits for it.
func (b *Background) End() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.cancel()
	b.wait.Wait()
}
