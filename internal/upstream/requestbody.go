package upstream

import (
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
)

// A requestBody is the body of a client's request as net/http's Transport reads
// it. Closing it does not close the client's body.
type requestBody struct {
	r       *http.Request
	trailer http.Header
	closed  atomic.Bool
	// read means that the client has sent the whole body; count is how much it
	// has sent.
	read  atomic.Bool
	count int64
	// begun means that reading the body has begun. If the client waits for a
	// 100, that makes net/http's server send one. continuing orders that 100
	// and the backend's.
	continuing sync.Mutex
	begun      bool
	// failure is set if the body could not be read.
	failure atomic.Pointer[error]
}

// newRequestBody returns the body of r, or nil.
func newRequestBody(r *http.Request) *requestBody {
	if !hasBody(r) {
		return nil
	}
	b := &requestBody{r: r, trailer: make(http.Header, len(r.Trailer))}
	for key := range r.Trailer {
		b.trailer[key] = nil
	}
	return b
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.continuing.Lock()
	b.begun = true
	b.continuing.Unlock()
	n, err := b.r.Body.Read(p)
	b.count += int64(n)
	if err == io.EOF && b.count < b.r.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF || b.count == b.r.ContentLength {
		b.read.Store(true)
	}
	switch {
	case err == io.EOF:
		maps.Copy(b.trailer, b.r.Trailer)
	case err != nil:
		err = &clientError{err}
		b.failure.Store(&err)
	}
	return n, err
}

func (b *requestBody) Close() error {
	b.closed.Store(true)
	return nil
}
