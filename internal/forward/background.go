package forward

import (
	"context"
	"sync"
	"sync/atomic"
)

// MaxMirrors is how many copies may be on their way at once. Further ones are
// not sent.
const MaxMirrors = 1024

// Background is the work that goes on when a response is out: mirrors. It ends
// with the Gateway's Close.
type Background struct {
	ctx    context.Context
	cancel context.CancelFunc
	count  atomic.Int64
	// lag is how many bytes of bodies the copies hold.
	Lag atomic.Int64

	mu    sync.Mutex
	ended bool
	wait  sync.WaitGroup
}

func NewBackground() *Background {
	b := new(Background)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Begin admits one piece of work under parent. done must be called at its end.
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
