package server

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// A watch follows the HTTP/1 requests that net/http reads from a connection, and ends what
// it reads at the first byte that others could read differently. It never holds back a
// byte of what is correct, except behind an upgrade.
type watch struct {
	state watchState
	// part is the beginning of the line so far, and tail its last bytes. n is its length.
	part [watchedLine]byte
	tail [8]byte
	n    int
	// left is what remains of a body or chunk, length a Content-Length.
	left, length int64
	// old means HTTP/1.0. sized, coded and asks mean that the head has a Content-Length, a
	// Transfer-Encoding, and an Upgrade or CONNECT.
	old, sized, coded, asks bool
	// http2 means that the server speaks HTTP/2 without TLS, and first that nothing was
	// read before.
	http2, later bool
}

// watchedLine is the length of the examined part of a line.
const watchedLine = 64

type watchState uint8

const (
	watchRequestLine watchState = iota
	watchHead
	watchBody
	watchChunkSize
	watchExtension
	watchChunk
	watchChunkEnd
	watchTrailer
	watchPreface
	// watchNothing is behind the preface of HTTP/2.
	watchNothing
	// watchBroken is behind something that was refused.
	watchBroken
)

var preface = []byte("PRI * HTTP/2.0")

const prefaceRest = "\r\nSM\r\n\r\n"

// The texts that net/http refuses with 400, in the middle and at the beginning of a line.
const (
	refusedInLine   = "\r\n?\r\n\r\n"
	refusedLine     = "?\r\n\r\n"
	maxWatchedChunk = 4 << 10
)

// scan examines data. It returns how much of it may be read, what must be read behind it,
// and whether what remains must wait, because it may not be HTTP.
func (w *watch) scan(p []byte) (good int, instead string, wait bool) {
	if w.undecided() {
		w.asks = false // net/http reads another request
	}
	for i := 0; i < len(p); {
		switch w.state {
		case watchNothing:
			return len(p), "", false
		case watchBroken:
			return i, "", false
		case watchBody, watchChunk:
			k := int(min(w.left, int64(len(p)-i)))
			i += k
			if w.left -= int64(k); w.left == 0 {
				if w.state == watchChunk {
					w.begin(watchChunkEnd)
				} else {
					w.begin(watchRequestLine)
				}
			}
			continue
		case watchPreface:
			if p[i] != prefaceRest[w.n] {
				return i, w.refuse(refusedLine), false
			}
			i++
			if w.n++; w.n == len(prefaceRest) {
				w.state = watchNothing
			}
			continue
		case watchRequestLine, watchHead:
			end := bytes.IndexByte(p[i:], '\n')
			if end < 0 {
				end = len(p) - i
			}
			if w.state == watchHead && w.n == 0 && (p[i] == ' ' || p[i] == '\t') {
				return i, w.refuse(refusedLine), false
			}
			w.note(p[i : i+end])
			if i += end; i == len(p) {
				return i, "", false
			}
			switch {
			case w.n == 0:
				return i, w.refuse(refusedLine), false
			case w.tail[7] != '\r':
				return i, w.refuse(refusedInLine), false
			}
			i++
			if !w.line() {
				return i, w.refuse(refusedLine), false
			}
			if w.undecided() && i < len(p) {
				return i, "", true
			}
			continue
		}
		if !w.framing(p[i]) {
			w.state = watchBroken
			return i, "", false
		}
		i++
	}
	return len(p), "", false
}

// undecided reports whether what follows may not be HTTP: a handler may hijack the connection.
func (w *watch) undecided() bool { return w.asks && w.state == watchRequestLine && w.n == 0 }

func (w *watch) refuse(with string) string {
	w.state = watchBroken
	return with
}

func (w *watch) begin(state watchState) { w.state, w.n = state, 0 }

// note takes down a part of a line.
func (w *watch) note(p []byte) {
	if w.n < watchedLine {
		copy(w.part[w.n:], p)
	}
	w.n += len(p)
	if len(p) >= len(w.tail) {
		copy(w.tail[:], p[len(p)-len(w.tail):])
		return
	}
	copy(w.tail[:], w.tail[len(p):])
	copy(w.tail[len(w.tail)-len(p):], p)
}

var (
	watchedLength  = []byte("content-length:")
	watchedCoding  = []byte("transfer-encoding:")
	watchedUpgrade = []byte("upgrade:")
	watchedConnect = []byte("CONNECT ")
	watchedHTTP10  = []byte("HTTP/1.0\r")
)

// line examines a complete line, which ends in CR, and reports whether it can be read in
// one way.
func (w *watch) line() bool {
	n := w.n - 1
	line := w.part[:min(n, watchedLine)]
	whole := n <= watchedLine
	w.n = 0
	if w.state == watchRequestLine {
		if n == 0 {
			return true // as RFC 9112, 2.2 recommends
		}
		if line[0] == '\r' {
			return false // net/http skips it behind a POST
		}
		if bytes.Equal(line, preface) {
			if w.later || !w.http2 {
				return false
			}
			w.begin(watchPreface)
			return true
		}
		w.later = true
		w.state, w.length, w.sized, w.coded = watchHead, 0, false, false
		w.old = bytes.Equal(w.tail[:], watchedHTTP10[1:])
		w.asks = bytes.HasPrefix(line, watchedConnect)
		return true
	}
	if n == 0 {
		return w.endHead()
	}
	switch line[0] | 0x20 {
	case 'c':
		if value, ok := cutPrefixFold(line, watchedLength); ok {
			length, valid := grammar.ParseLength(grammar.Trim(string(value)))
			if !valid || !whole || w.sized {
				return false
			}
			w.length, w.sized = length, true
		}
	case 't':
		if _, ok := cutPrefixFold(line, watchedCoding); ok {
			if w.old {
				return false
			}
			w.coded = true
		}
	case 'u':
		if _, ok := cutPrefixFold(line, watchedUpgrade); ok {
			w.asks = true
		}
	}
	return !(w.sized && w.coded)
}

func (w *watch) endHead() bool {
	switch {
	case w.coded:
		w.begin(watchChunkSize)
	case w.length > 0:
		w.state, w.left = watchBody, w.length
	default:
		w.begin(watchRequestLine)
	}
	return true
}

// framing examines a byte between chunks or behind them, and reports whether everybody reads
// it alike.
func (w *watch) framing(c byte) bool {
	w.n++
	switch w.state {
	case watchChunkSize:
		switch {
		case isHexDigit(c):
			if w.n > 15 {
				return false
			}
			w.part[w.n-1] = c
			return true
		case w.n == 1 || c != ';' && c != ' ' && c != '\t' && c != '\r':
			return false
		}
		w.left, _ = grammar.ParseChunkSize(w.part[:w.n-1])
		w.begin(watchExtension)
		w.n++
		w.tail[7], w.tail[6] = c, c
		return true
	case watchExtension:
		// Spaces alone may only be before the end of the line.
		before, first := w.tail[7], w.tail[6]
		w.tail[7] = c
		switch {
		case c == '\n':
			if before != '\r' {
				return false
			}
			switch {
			case w.left == 0:
				w.begin(watchTrailer)
				w.part[0] = 0
			default:
				w.state = watchChunk
			}
			return true
		case before == '\r', c < ' ' && c != '\t' && c != '\r', c == 0x7f, w.n > maxWatchedChunk:
			return false
		case first != ';' && c != ' ' && c != '\t' && c != '\r':
			return false
		}
		return true
	case watchChunkEnd:
		if c != "\r\n"[w.n-1] {
			return false
		}
		if w.n == 2 {
			w.begin(watchChunkSize)
		}
		return true
	}
	return w.trailer(c)
}

// trailer examines a byte of the trailer. part[0] is what was seen of the line: nothing (0),
// its name (1), its colon (2).
func (w *watch) trailer(c byte) bool {
	before := w.tail[7]
	w.tail[7] = c
	switch {
	case c == '\n':
		if w.n < 2 || before != '\r' || w.n > 2 && w.part[0] != 2 {
			return false
		}
		if w.n == 2 {
			w.begin(watchRequestLine)
			return true
		}
		w.n, w.part[0] = 0, 0
		return true
	case w.n > 1 && before == '\r':
		return false
	case c == '\r':
		return true
	case w.part[0] == 2:
		return c >= ' ' && c != 0x7f || c == '\t'
	case c == ':':
		w.part[0] = 2
		return w.n > 1
	}
	w.part[0] = 1
	return grammar.IsToken(string([]byte{c}))
}

func isHexDigit(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// A watchedReader is what net/http's server reads of a connection, through a watch.
type watchedReader struct {
	from  io.Reader
	watch watch
	// held is what was received and not read, and instead what net/http reads before.
	held    []byte
	instead string
	// lent are bytes that net/http read to see whether the client is there, and that may
	// not be HTTP. There is at most one.
	lent []byte
	// released means that the connection now carries something else.
	released atomic.Bool
}

func (c *watchedReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.from.Read(p)
	}
	if c.instead != "" {
		n := copy(p, c.instead)
		c.instead = c.instead[n:]
		return n, nil
	}
	n, err := 0, error(nil)
	if len(c.held) > 0 {
		n = copy(p, c.held)
		if c.held = c.held[n:]; len(c.held) == 0 {
			c.held = nil
		}
	} else if c.watch.state == watchBroken && !c.released.Load() {
		return 0, io.EOF
	} else {
		n, err = c.from.Read(p)
	}
	if n == 0 || c.released.Load() {
		return n, err
	}
	if len(p) == 1 && len(c.lent) == 0 && c.watch.undecided() {
		c.lent = bytes.Clone(p)
		return n, err
	}
	if len(c.lent) > 0 {
		lent := c.lent
		c.lent = nil
		if _, c.instead, _ = c.watch.scan(lent); c.watch.state == watchBroken {
			c.held = nil
			return c.Read(p)
		}
	}
	good, instead, wait := c.watch.scan(p[:n])
	if wait {
		c.held = append(bytes.Clone(p[good:n]), c.held...)
		return good, nil
	}
	if c.watch.state != watchBroken {
		return good, err
	}
	c.held = nil
	k := copy(p[good:], instead)
	c.instead = instead[k:]
	if good+k == 0 {
		return 0, io.EOF
	}
	return good + k, nil
}

// withinBody reports whether a body has begun that has not ended.
func (w *watch) withinBody() bool { return w.state >= watchBody && w.state <= watchTrailer }

// A watchedConn is a connection that net/http's server reads through a watch.
type watchedConn struct {
	net.Conn
	reader watchedReader
}

func newWatchedConn(conn net.Conn, http2 bool) *watchedConn {
	c := &watchedConn{Conn: conn}
	c.reader.from, c.reader.watch.http2 = conn, http2
	return c
}

func (c *watchedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

// release gives the connection to a handler for another use.
func (c *watchedConn) release() { c.reader.released.Store(true) }

// NetConn returns the connection below.
func (c *watchedConn) NetConn() net.Conn { return c.Conn }

// ReadFrom lets the connection below copy without a buffer if it can.
func (c *watchedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite lets net/http end a response that the client may not have read yet.
func (c *watchedConn) CloseWrite() error {
	if below, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return below.CloseWrite()
	}
	return nil
}

// cutPrefixFold is like bytes.CutPrefix, but ignores letter case. The prefix is in lower case.
func cutPrefixFold(line, prefix []byte) ([]byte, bool) {
	if len(line) < len(prefix) || !bytes.EqualFold(line[:len(prefix)], prefix) {
		return nil, false
	}
	return line[len(prefix):], true
}
