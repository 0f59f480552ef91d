package upstream

import (
	"io"
	"net/http"
	"sync"
)

// copyBufferSize is also httputil.ReverseProxy's.
const copyBufferSize = 32 << 10

var copyBuffers = sync.Pool{New: func() any {
	b := make([]byte, copyBufferSize)
	return &b
}}

// relay copies body to x's writer and forwards every part immediately. length
// is the remaining length of the body, or -1. more, if not nil, reports whether
// the next read will not have to wait, so that flushing can wait. relay panics
// if it cannot copy the whole body.
func (x *exchange) relay(body io.Reader, length int64, more func() bool) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := body.Read(*buf)
		if n > 0 {
			if _, err := x.w.Write((*buf)[:n]); err != nil {
				abort()
			}
			if length >= 0 {
				length -= int64(n)
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			x.cut()
		}
		if n > 0 && length != 0 && (more == nil || !more()) {
			x.flush()
		}
	}
}

// flush sends the data written so far to the client.
func (x *exchange) flush() {
	if f, ok := x.w.(http.Flusher); ok {
		f.Flush()
		return
	}
	// A writer that cannot flush sends its data at the end.
	_ = http.NewResponseController(x.w).Flush()
}

// noSniff keeps net/http's server from guessing a content type if the backend
// sent none.
func noSniff(h http.Header) {
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil
	}
}

// announce declares trailers that the response's head names.
func announce(h http.Header, trailer http.Header) {
	for key := range trailer {
		h["Trailer"] = append(h["Trailer"], key)
	}
}

// addTrailers sends trailers: as they are if the head announced them, and
// otherwise with net/http's prefix for unannounced trailers.
func (x *exchange) addTrailers(trailer http.Header, announced func(key string) bool) {
	if len(trailer) == 0 {
		return
	}
	// Once a part of the body has been sent, net/http must use chunks, which
	// can have trailers, and cannot add a Content-Length.
	x.flush()
	h := x.w.Header()
	for key, values := range trailer {
		if hopByHop(key) || indispensable(key) {
			continue
		}
		if !announced(key) {
			key = http.TrailerPrefix + key
		}
		h[key] = values
	}
}
