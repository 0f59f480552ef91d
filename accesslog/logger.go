// Package accesslog writes a line for each request of a Gateway, in Envoy's formats.
// A Logger is an observe.Observer: register it with Builder.Observe, and close it
// after the Gateway.
package accesslog

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/observe"
)

const (
	// maxBuffered is how much text waits for a slow writer. Lines beyond it are
	// dropped, and counted.
	maxBuffered = 1 << 20
	// flushAt is how much text is written at once, before flushAfter is over.
	flushAt    = 64 << 10
	flushAfter = 100 * time.Millisecond
)

// A Logger writes lines in a goroutine of its own, so that no request waits for a
// slow disk: if the writer is behind by 1 MiB, lines are dropped. Its methods are safe
// for concurrent use.
type Logger struct {
	format  Format
	dropped atomic.Uint64

	mu sync.Mutex
	// waiting is the text that is not written yet.
	waiting []byte
	// more is signaled when waiting has text, and full when it has much.
	more, full chan struct{}

	// out is used by the writing goroutine, and by Reopen.
	outMu sync.Mutex
	out   io.Writer
	// path is that of a file that was opened here.
	path string
	err  error

	closing   chan struct{}
	closed    chan struct{}
	closeOnce sync.Once
}

// New returns a Logger that writes to w. The zero Format is Default. Close it to stop
// its goroutine.
func New(w io.Writer, f Format) *Logger {
	if f.parts == nil {
		f, _ = Text(Default)
	}
	l := &Logger{
		format: f, out: w, more: make(chan struct{}, 1), full: make(chan struct{}, 1),
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go l.run()
	return l
}

// Open returns a Logger that appends to the file at path, and creates it if needed.
func Open(path string, f Format) (*Logger, error) {
	file, err := open(path)
	if err != nil {
		return nil, err
	}
	l := New(file, f)
	l.path = path
	return l, nil
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

// Headers returns the headers that the format reads.
func (l *Logger) Headers() (request, response []string) { return l.format.request, l.format.response }

// lines are buffers for single lines.
var lines = sync.Pool{New: func() any { return new([512]byte) }}

// Observe adds the line of a request. It never waits for the writer. Requests of
// mirrors have no line.
func (l *Logger) Observe(o *observe.Outcome) {
	if o.Mirror {
		return
	}
	buffer := lines.Get().(*[512]byte)
	defer lines.Put(buffer)
	line := l.format.append(buffer[:0], o)
	l.mu.Lock()
	if len(l.waiting)+len(line) > maxBuffered {
		l.mu.Unlock()
		l.dropped.Add(1)
		return
	}
	first := len(l.waiting) == 0
	l.waiting = append(l.waiting, line...)
	much := len(l.waiting) >= flushAt
	l.mu.Unlock()
	if first {
		signal(l.more)
	}
	if much {
		signal(l.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Dropped returns how many lines were dropped so far, because the writer was too
// slow or failed.
func (l *Logger) Dropped() uint64 { return l.dropped.Load() }

// run writes what is waiting, at most flushAfter after it came.
func (l *Logger) run() {
	defer close(l.closed)
	var spare []byte
	for {
		select {
		case <-l.more:
		case <-l.closing:
			l.write(l.take(nil))
			return
		}
		timer := time.NewTimer(flushAfter)
		select {
		case <-timer.C:
		case <-l.full:
		case <-l.closing:
		}
		timer.Stop()
		text := l.take(spare)
		l.write(text)
		spare = text[:0]
	}
}

// take returns the waiting text, and leaves an empty buffer in its place.
func (l *Logger) take(spare []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.waiting
	l.waiting = spare
	return text
}

func (l *Logger) write(text []byte) {
	l.outMu.Lock()
	defer l.outMu.Unlock()
	if len(text) == 0 {
		return
	}
	if _, err := l.out.Write(text); err != nil {
		l.err = err
		for _, c := range text {
			if c == '\n' {
				l.dropped.Add(1)
			}
		}
	}
}

// Flush writes what is waiting now.
func (l *Logger) Flush() { l.write(l.take(nil)) }

// Reopen opens the file of Open again, as after a rotation has renamed it. If that
// fails, lines go to the old file. It does nothing for a Logger of New.
func (l *Logger) Reopen() error {
	if l.path == "" {
		return nil
	}
	l.Flush()
	file, err := open(l.path)
	if err != nil {
		return err
	}
	l.outMu.Lock()
	old := l.out
	l.out = file
	l.outMu.Unlock()
	return old.(io.Closer).Close()
}

// Close writes what is waiting, and stops the goroutine. It closes the file of Open.
// It returns the last error of writing, if there was one.
func (l *Logger) Close() error {
	l.closeOnce.Do(func() { close(l.closing) })
	<-l.closed
	l.outMu.Lock()
	defer l.outMu.Unlock()
	if c, ok := l.out.(io.Closer); ok && l.path != "" {
		return errors.Join(l.err, c.Close())
	}
	return l.err
}
