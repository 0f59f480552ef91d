package http1

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/http1/grammar"
	"github.com/lateengo/gateway/internal/pace"
)

// A body is the body of a request. It is safe for concurrent use. A handler may keep
// it: after the end of its request it no longer reads the connection.
type body struct {
	c *conn
	x *exchange
	// ended is set when the whole body has been read.
	ended atomic.Bool

	mu   sync.Mutex
	kind bodyKind
	// left is what remains of the body, or of the chunk.
	left int64
	// excess is how much more the framing of chunks takes than is usual.
	excess int64
	closed bool
	// failure is why the body cannot be read to its end.
	failure error
	pace    Pace
}

type bodyKind uint8

const (
	fixed     bodyKind = iota
	chunkSize          // a line with a chunk's size comes next
	inChunk            // the rest of a chunk comes next
	chunkEnd           // the line end after a chunk comes next
	complete
)

func newBody(x *exchange) *body {
	b := &body{c: x.conn, x: x, kind: chunkSize}
	if !x.chunked {
		b.kind, b.left = fixed, x.length
	}
	if r := x.conn.server.BodyRate; r.Demands() {
		b.pace.Begin(r)
		x.conn.in.pace = &b.pace
	}
	return b
}

// Read reads the body. If the client waits for a 100, the first call sends it.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	b.x.response.sendContinue()
	return b.read(p)
}

// Close ends the reading. The server reads the rest, if that is short.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// stop ends the use of the connection, after which it may be read for the next
// request. It interrupts a goroutine that the handler has left behind.
func (b *body) stop() {
	if !b.mu.TryLock() {
		d := &b.c.in.deadline
		d.Interrupt()
		b.mu.Lock()
		d.Resume()
	}
	b.closed = true
	b.c.in.pace = nil
	b.mu.Unlock()
}

// discard reads the rest of the body up to a limit, and reports whether that was all.
// The lock is held.
func (b *body) discard(limit int64) bool {
	if b.kind == fixed && b.left > limit {
		return false
	}
	box := boxFor(smallest)
	defer put(box)
	for limit > 0 {
		n, err := b.read((*box)[:min(limit, smallest)])
		limit -= int64(n)
		if err != nil {
			return err == io.EOF
		}
	}
	return b.kind == complete
}

// read is Read. The lock is held.
func (b *body) read(p []byte) (int, error) {
	if b.failure != nil {
		return 0, b.failure
	}
	n, err := b.next(p)
	switch {
	case err == nil && b.kind == complete:
		err = io.EOF
		fallthrough
	case err == io.EOF:
		if !b.ended.Load() {
			b.ended.Store(true)
			b.c.in.pace = nil
			b.x.ctx.bodyEnded()
		}
	case err == pace.ErrSlowBody:
		b.failure = err // the client is there, and gets an answer
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		b.failure = err
		b.x.ctx.leave()
	}
	return n, err
}

func (b *body) next(p []byte) (int, error) {
	n := 0
	for {
		switch b.kind {
		case complete:
			return n, nil
		case fixed, inChunk:
			if len(p) == n {
				return n, nil
			}
			m, err := b.c.in.read(p[n:min(int64(len(p)), int64(n)+b.left)])
			n += m
			switch b.left -= int64(m); {
			case b.left > 0:
				return n, unexpected(err)
			case b.kind == fixed:
				b.kind = complete
			default:
				b.kind = chunkEnd
			}
		default:
			// What has arrived need not wait for the next chunk.
			if n > 0 && !b.hasLine() {
				return n, nil
			}
			if err := b.readFraming(); err != nil {
				return n, err
			}
		}
	}
}

// hasLine reports whether reading the end of a chunk and the next size needs no wait.
func (b *body) hasLine() bool {
	unread := b.c.in.unread()
	if b.kind == chunkEnd {
		if len(unread) < 2 {
			return false
		}
		unread = unread[2:]
	}
	return bytes.IndexByte(unread, '\n') >= 0
}

var (
	errChunkEnd  = errors.New("malformed chunked encoding")
	errChunkSize = errors.New("invalid byte in chunk length")
	errExcess    = errors.New("chunked encoding contains too much non-data")
	errTrailer   = errors.New("http: invalid trailer")
	errTooLong   = errors.New("http: trailer too large")
)

// readFraming reads what comes before the next chunk, or after the last one.
func (b *body) readFraming() error {
	in := &b.c.in
	if b.kind == chunkEnd {
		if err := in.need(2); err != nil {
			return err
		}
		if end := in.unread(); end[0] != '\r' || end[1] != '\n' {
			return errChunkEnd
		}
		in.r += 2
		b.kind = chunkSize
	}
	line, err := in.line()
	if err != nil {
		return err
	}
	size, ok := grammar.ParseChunkSize(grammar.TrimRight(line))
	if i := bytes.IndexByte(line, ';'); !ok || i > 0 && len(grammar.TrimRight(line[:i])) < i {
		return errChunkSize // net/http allows white space only at the end
	}
	// As in net/http: extensions and tiny chunks are allowed, but not only these.
	b.excess = max(b.excess+int64(len(line))+2-16-2*size, 0)
	if b.excess > 16<<10 {
		return errExcess
	}
	if size > 0 {
		b.kind, b.left = inChunk, size
		return nil
	}
	if err := b.readTrailer(); err != nil {
		return err
	}
	b.kind = complete
	return nil
}

// maxChunkLine limits a chunk's size and its extensions.
const maxChunkLine = 4 << 10

// line reads a line, and returns it without its end.
func (in *input) line() ([]byte, error) {
	scanned := 0
	for {
		unread := in.unread()
		if i := bytes.IndexByte(unread[scanned:], '\n'); i >= 0 {
			end := scanned + i
			if end == 0 || unread[end-1] != '\r' || end > maxChunkLine {
				return nil, errChunkSize
			}
			in.r += end + 1
			return unread[:end-1], nil
		}
		if scanned = len(unread); scanned > maxChunkLine {
			return nil, errChunkSize
		}
		if err := in.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
}

// readTrailer reads the lines after the last chunk into the request's Trailer.
func (b *body) readTrailer() error {
	in := &b.c.in
	var lines grammar.Lines
	for {
		n, ok := lines.Find(in.unread())
		switch {
		case !ok:
			return errTrailer
		case n > b.c.server.maxHead() || n < 0 && len(in.unread()) > b.c.server.maxHead():
			return errTooLong
		case n == 0:
			in.r += 2
			return nil
		case n > 0:
			text := string(in.unread()[:n])
			in.r += n + 2
			return b.addTrailer(text)
		}
		if err := in.fill(); err != nil {
			return unexpected(err)
		}
	}
}

func (b *body) addTrailer(text string) error {
	if strings.Count(text, "\n") > MaxLines {
		return errTooLong
	}
	trailer := make(http.Header)
	for text != "" {
		end := strings.IndexByte(text, '\n')
		f, problem := grammar.ParseField(text[:end-1])
		if problem != "" {
			return errTrailer
		}
		text = text[end+1:]
		trailer[f.Key] = append(trailer[f.Key], f.Value)
	}
	if b.x.request.Trailer == nil {
		b.x.request.Trailer = trailer
	} else {
		maps.Copy(b.x.request.Trailer, trailer)
	}
	return nil
}
