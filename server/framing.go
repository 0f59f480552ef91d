package server

import (
	"bytes"
	"sync/atomic"
)

// A framing follows the HTTP/1 requests of a connection and detects a request
// with both Content-Length and Transfer-Encoding. Readers that use one of the two
// see a different request than readers of the other. Envoy refuses such a
// request, and net/http removes the Content-Length before a handler could see it.
//
// It decides nothing else about a request. If it cannot follow, it reports such a
// request.
type framing struct {
	state framingState
	// part is the beginning of a line whose end has not arrived.
	part [framingLine]byte
	n    int
	// left counts the remaining bytes of a body or chunk.
	left uint64
	// length, sized and coded are the values in the header so far.
	length       uint64
	sized, coded bool
	// ambiguous is never reset.
	ambiguous atomic.Bool
}

// framingLine is the length of the examined part of a line.
const framingLine = 64

type framingState uint8

const (
	atRequestLine framingState = iota
	inHead
	inBody
	atChunkSize
	inChunk
	afterChunk
	inTrailer
	// lost means that it no longer follows: in HTTP/2, and where net/http also
	// stops.
	lost
)

// withinBody reports whether a body has begun that has not ended.
func (f *framing) withinBody() bool { return f.state >= inBody && f.state <= inTrailer }

// scan examines data that was read.
func (f *framing) scan(p []byte) {
	for len(p) > 0 && f.state != lost {
		if f.state == inBody || f.state == inChunk {
			k := min(f.left, uint64(len(p)))
			p = p[k:]
			f.left -= k
			switch {
			case f.left > 0:
			case f.state == inChunk:
				f.state = afterChunk
			default:
				f.state = atRequestLine
			}
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			f.n += copy(f.part[f.n:], p)
			return
		}
		line := p[:end]
		if f.n > 0 {
			f.n += copy(f.part[f.n:], line)
			line = f.part[:f.n]
			f.n = 0
		}
		p = p[end+1:]
		f.line(bytes.TrimSuffix(line, []byte("\r")))
	}
}

// line examines a line, which may be cut at framingLine.
func (f *framing) line(line []byte) {
	switch f.state {
	case atRequestLine:
		f.requestLine(line)
	case inHead:
		f.field(line)
	case atChunkSize:
		size, ok := chunkSize(line)
		switch {
		case !ok:
			f.lose()
		case size == 0:
			f.state = inTrailer
		default:
			f.left, f.state = size, inChunk
		}
	case afterChunk:
		if f.state = atChunkSize; len(line) > 0 {
			f.lose()
		}
	case inTrailer:
		if len(line) == 0 {
			f.state = atRequestLine
		}
	}
}

var preface = []byte("PRI * HTTP/2.0")

func (f *framing) requestLine(line []byte) {
	switch {
	case len(line) == 0:
		// net/http also ignores these.
	case bytes.Equal(line, preface):
		f.state = lost
	default:
		f.state, f.length, f.sized, f.coded = inHead, 0, false, false
	}
}

var (
	contentLength    = []byte("content-length:")
	transferEncoding = []byte("transfer-encoding:")
)

// field examines a header line.
func (f *framing) field(line []byte) {
	if len(line) == 0 {
		f.endOfHead()
		return
	}
	switch line[0] | 0x20 {
	case 'c':
		if value, ok := cutPrefixFold(line, contentLength); ok {
			f.sized = true
			for _, c := range bytes.TrimSpace(value) {
				if c < '0' || c > '9' || f.length > 1<<59 {
					f.lose()
					return
				}
				f.length = f.length*10 + uint64(c-'0')
			}
		}
	case 't':
		if _, ok := cutPrefixFold(line, transferEncoding); ok {
			f.coded = true
		}
	}
}

func (f *framing) endOfHead() {
	switch {
	case f.coded && f.sized:
		f.lose()
	case f.coded:
		f.state = atChunkSize
	case f.length > 0:
		f.left, f.state = f.length, inBody
	default:
		f.state = atRequestLine
	}
}

// lose stops following.
func (f *framing) lose() {
	f.state = lost
	f.ambiguous.Store(true)
}

// chunkSize reads the line before a chunk.
func chunkSize(line []byte) (size uint64, ok bool) {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t")
	if len(line) == 0 || len(line) > 15 {
		return 0, false
	}
	for _, c := range line {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		size = size<<4 | uint64(c)
	}
	return size, true
}

// cutPrefixFold is like bytes.CutPrefix, but ignores letter case. The prefix is
// in lower case.
func cutPrefixFold(line, prefix []byte) ([]byte, bool) {
	if len(line) < len(prefix) || !bytes.EqualFold(line[:len(prefix)], prefix) {
		return nil, false
	}
	return line[len(prefix):], true
}
