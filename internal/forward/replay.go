package forward

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/field"
)

// ReplayLimit is how many bytes of a request body are kept for another try. A
// longer body is sent only once.
const ReplayLimit = 64 << 10

// ReadSize is the maximum number of bytes read from a body at once.
const ReadSize = 8 << 10

// ContinueWait is how long a client that waits for "100 Continue" must wait if no
// destination asks for the body.
const ContinueWait = time.Second

// A replayBody is a request body that keeps its beginning, so that it can be sent
// again. If timeouts need to know when the whole request has arrived, it reads up
// to ReplayLimit ahead of the destination.
//
// Each try reads it through its own replayReader. At most one goroutine reads the
// source at a time, and it may outlive the exchange. A reader of net/http cannot
// be woken so that the connection stays usable for another request. So an HTTP/1
// response before the end of the body closes the connection (see unread), and the
// server wakes the reader after the handler has returned.
//
// A nil replayBody means a request without body.
type replayBody struct {
	source io.ReadCloser
	// arrived is closed at the source's end.
	arrived chan struct{}
	// ahead means that a goroutine reads ahead.
	ahead bool

	mu   sync.Mutex
	more sync.Cond
	// kept is the body from offset start, as far as it was read. If start is 0,
	// the body can be sent again.
	kept  []byte
	start int64
	// err is the error that ended the source.
	err error
	// reading means that a goroutine reads the source. It does not hold mu.
	reading bool
	// wanted means that the client may be asked for the body.
	wanted bool
	asking *time.Timer
	// Reader belongs to the current try. It is nil after the exchange.
	Reader *replayReader
}

// NewReplayBody returns the body of r, or nil if it has none.
func NewReplayBody(r *http.Request, ahead bool) *replayBody {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	b := &replayBody{source: r.Body, arrived: make(chan struct{}), ahead: ahead, wanted: true}
	b.more.L = &b.mu
	b.Reader = &replayReader{body: b}
	if ahead {
		if field.HasToken(r.Header["Expect"], "100-continue") {
			// A read asks the client to continue.
			b.wanted = false
			b.asking = time.AfterFunc(ContinueWait, b.want)
		}
		go b.readAhead()
	}
	return b
}

// want lets the body be read although no reader has asked for it.
func (b *replayBody) want() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted = true
	b.more.Broadcast()
}

// Replayable reports whether the next try can send the body from its beginning.
func (b *replayBody) Replayable() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.start == 0 && len(b.kept) <= ReplayLimit
}

// unread reports whether the client may still be sending the body.
func (b *replayBody) unread() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err == nil
}

// Again ends the reader of the current try and makes one for the next try.
func (b *replayBody) Again() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Reader = &replayReader{body: b}
	b.more.Broadcast()
}

// Finish ends the reading when the exchange is over.
func (b *replayBody) Finish() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Reader = nil
	if b.asking != nil {
		b.asking.Stop()
	}
	b.more.Broadcast()
}

var readBuffers = sync.Pool{New: func() any { return new([ReadSize]byte) }}

func (b *replayBody) readAhead() {
	buffer := readBuffers.Get().(*[ReadSize]byte)
	defer readBuffers.Put(buffer)
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.err == nil && b.Reader != nil {
		room := ReplayLimit - (b.start + int64(len(b.kept)) - b.Reader.next)
		if room <= 0 || !b.wanted {
			b.more.Wait()
			continue
		}
		b.fill(buffer[:min(room, ReadSize)])
	}
}

// fill reads the source once, through p. The caller holds mu, which is released
// during the read.
func (b *replayBody) fill(p []byte) {
	b.reading = true
	n, err := func() (int, error) {
		b.mu.Unlock()
		defer b.mu.Lock()
		return b.source.Read(p)
	}()
	b.reading = false
	b.kept = append(b.kept, p[:n]...)
	if err != nil {
		b.err = err
		close(b.arrived)
	}
	b.more.Broadcast()
}

// A replayReader reads a request body for one try. Closing it leaves the body to
// the next try.
type replayReader struct {
	body *replayBody
	// next is the offset of what is read next; body.mu guards it.
	next int64
}

func (r *replayReader) Read(p []byte) (int, error) {
	b := r.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.wanted {
		b.wanted = true
		b.more.Broadcast()
	}
	for {
		if b.Reader != r {
			return 0, http.ErrBodyReadAfterClose
		}
		if n := copy(p, b.kept[r.next-b.start:]); n > 0 || len(p) == 0 {
			r.next += int64(n)
			b.forget(r.next)
			if b.ahead {
				b.more.Broadcast()
			}
			return n, nil
		}
		switch {
		case b.err != nil:
			return 0, b.err
		case b.ahead || b.reading:
			b.more.Wait()
		default:
			b.fill(p[:min(len(p), 4*ReadSize)])
		}
	}
}

func (r *replayReader) Close() error { return nil }

// forget drops the data before next, which the reader has already read. It does
// so if the data is too long to send again and little remaining data must be
// moved.
func (b *replayBody) forget(next int64) {
	had := next - b.start
	if next > ReplayLimit && (had == int64(len(b.kept)) || had >= ReplayLimit/2) {
		b.kept = append(b.kept[:0], b.kept[had:]...)
		b.start = next
	}
}
