package grammar

import "bytes"

// Lines finds the empty line at the end of a message's head or trailer, in text that
// arrives in parts. The zero Lines is ready.
type Lines struct {
	// scanned is the length that was examined, and line is where the last line in
	// it begins.
	scanned, line int
}

// Find examines p, which begins with the text that was examined before. It returns
// the length of the lines before the empty one, or -1 if that has not arrived. It is
// not ok if a line does not end in CRLF.
func (l *Lines) Find(p []byte) (length int, ok bool) {
	for {
		i := bytes.IndexByte(p[l.scanned:], '\n')
		if i < 0 {
			l.scanned = len(p)
			return -1, true
		}
		end := l.scanned + i
		if end == 0 || p[end-1] != '\r' {
			return -1, false
		}
		if end-l.line == 1 {
			return l.line, true
		}
		l.scanned, l.line = end+1, end+1
	}
}
