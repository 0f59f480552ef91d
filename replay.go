package gateway

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// replayLimit is how much of a request's body is kept for another try. A longer
// body is sent once.
const replayLimit = 64 << 10

// A replayBody is a request's body that can be sent again while it is short.
// Where the route's timeout needs to know when the whole request has arrived, it
// reads ahead of the backend by up to replayLimit, as Envoy does.
//
// A nil replayBody is that of a request without body.
type replayBody struct {
	source io.ReadCloser

	mu   sync.Mutex
	more sync.Cond
	// kept is what was read so far, until it grows too long.
	kept []byte
	// dropped counts the bytes that were kept and are no longer.
	dropped int
	// next is how much of it the backend has.
	next int
	// err is what the source ended with.
	err     error
	ahead   bool
	reading bool
	closed  bool
	arrived func()
}

func newReplayBody(source io.ReadCloser, ahead bool) *replayBody {
	if source == nil || source == http.NoBody {
		return nil
	}
	b := &replayBody{source: source, ahead: ahead}
	b.more.L = &b.mu
	if ahead {
		b.reading = true
		go b.readAhead()
	}
	return b
}

// whenArrived calls f once the whole body has arrived, or at once if it has.
func (b *replayBody) whenArrived(f func()) {
	if b == nil {
		f()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		f()
		return
	}
	b.arrived = f
}

// replayable reports whether the next try can send the body from its beginning.
func (b *replayBody) replayable() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dropped == 0
}

// rewind makes the next try read from the beginning.
func (b *replayBody) rewind() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = 0
}

func (b *replayBody) readAhead() {
	buffer := make([]byte, 8<<10)
	for {
		b.mu.Lock()
		for len(b.kept)-b.next >= replayLimit && !b.closed {
			b.more.Wait()
		}
		closed := b.closed
		b.mu.Unlock()
		if closed {
			break
		}
		n, err := b.source.Read(buffer)
		b.mu.Lock()
		b.keep(buffer[:n], err)
		b.mu.Unlock()
		if err != nil {
			break
		}
	}
	b.mu.Lock()
	b.reading = false
	b.more.Broadcast()
	b.mu.Unlock()
}

// keep takes over what was read. The caller holds mu.
func (b *replayBody) keep(p []byte, err error) {
	b.kept = append(b.kept, p...)
	if err != nil {
		b.err = err
		if b.arrived != nil {
			b.arrived()
			b.arrived = nil
		}
	}
	b.more.Broadcast()
}

// Read reads for the backend.
func (b *replayBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.next == len(b.kept) {
		switch {
		case b.err != nil:
			return 0, b.err
		case b.closed:
			return 0, http.ErrBodyReadAfterClose
		case b.ahead:
			b.more.Wait()
			continue
		}
		b.mu.Unlock()
		n, err := b.source.Read(p)
		b.mu.Lock()
		b.keep(p[:n], err)
	}
	n := copy(p, b.kept[b.next:])
	b.next += n
	if b.dropped+b.next > replayLimit {
		b.dropped += b.next
		b.kept = append(b.kept[:0], b.kept[b.next:]...)
		b.next = 0
		b.more.Broadcast()
	}
	return n, nil
}

// Close does nothing: a try that ends leaves the body to the next.
func (b *replayBody) Close() error { return nil }

// finish ends the reading when the exchange is over.
func (b *replayBody) finish(w http.ResponseWriter) {
	b.mu.Lock()
	b.closed = true
	waiting := b.reading && b.err == nil
	b.more.Broadcast()
	b.mu.Unlock()
	if !waiting {
		return
	}
	// Only a deadline wakes a reader that waits for the client. The connection
	// cannot be used again, nor could it be with a body half read.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now())
}
