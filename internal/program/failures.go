package program

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// Failures logs what goes wrong with destinations, and when it is over: an endpoint
// gives no response, outlier detection ejects it or returns it, or its name cannot be
// looked up. Of each kind and destination it logs the first event at once, and then
// one line at most every 10 s, with the number of events. Nil logs nothing.
type Failures struct {
	log *slog.Logger

	mu sync.Mutex
	// kinds are the events that happened lately. Their number is bounded by that
	// of the destinations.
	kinds map[failureKind]*failing
}

// A failureKind is a kind of event of a destination.
type failureKind struct{ cluster, message string }

// failing is what happened since the last line of a kind.
type failing struct {
	// unsaid counts the events since then, and last has the attributes of the last
	// one.
	unsaid int
	level  slog.Level
	last   []slog.Attr
}

// failureInterval is the time between two lines of a kind.
const failureInterval = 10 * time.Second

// NewFailures returns a log of failures, or nil if nothing is logged.
func NewFailures(log *slog.Logger) *Failures {
	if log == nil || !log.Enabled(context.Background(), slog.LevelWarn) {
		return nil
	}
	return &Failures{log: log, kinds: map[failureKind]*failing{}}
}

// To reports whether the failures are logged to log.
func (f *Failures) To(log *slog.Logger) bool { return f != nil && f.log == log }

// Report reports that a destination gave no response. What a client or a time limit
// ends is no failure to reach it.
func (f *Failures) Report(d *Destination, failure *upstream.Failure) {
	if f == nil || failure.Flag == upstream.FlagDownstream || failure.Flag == upstream.FlagStreamIdle || failure.Flag == "" {
		return
	}
	f.add(failureKind{d.Cluster(), "destination gives no response"}, slog.LevelWarn, failure.Err,
		slog.String("endpoint", failure.Host.Address), slog.String("flag", failure.Flag))
}

// eventMessages are the messages of events, and their levels.
var eventMessages = [...]struct {
	text  string
	level slog.Level
}{
	upstream.EventEjected:         {"endpoint ejected by outlier detection", slog.LevelWarn},
	upstream.EventReturned:        {"endpoint returned after its ejection", slog.LevelInfo},
	upstream.EventLookupFailed:    {"lookup of a destination's name failed", slog.LevelWarn},
	upstream.EventLookupRecovered: {"lookup of a destination's name works again", slog.LevelInfo},
}

// Of returns what reports the events of a destination, or nil if nothing is logged.
func (f *Failures) Of(cluster string) func(upstream.Event) {
	if f == nil {
		return nil
	}
	return func(e upstream.Event) {
		m := eventMessages[e.Kind]
		f.add(failureKind{cluster, m.text}, m.level, e.Err, slog.String("endpoint", e.Endpoint))
	}
}

// add logs an event, now or with others of its kind.
func (f *Failures) add(kind failureKind, level slog.Level, err error, attrs ...slog.Attr) {
	f.mu.Lock()
	if of := f.kinds[kind]; of != nil {
		// The line comes at the end of the interval.
		of.unsaid++
		if err != nil {
			attrs = append(attrs, slog.String("error", err.Error()))
		}
		of.level, of.last = level, attrs
		f.mu.Unlock()
		return
	}
	f.kinds[kind] = &failing{}
	f.mu.Unlock()
	time.AfterFunc(failureInterval, func() { f.flush(kind) })
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	f.write(kind, level, 1, attrs)
}

// flush logs the events of the last interval, if there are any.
func (f *Failures) flush(kind failureKind) {
	f.mu.Lock()
	of := f.kinds[kind]
	if of.unsaid == 0 {
		delete(f.kinds, kind)
		f.mu.Unlock()
		return
	}
	said := *of
	of.unsaid, of.last = 0, nil
	f.mu.Unlock()
	time.AfterFunc(failureInterval, func() { f.flush(kind) })
	f.write(kind, said.level, said.unsaid, said.last)
}

func (f *Failures) write(kind failureKind, level slog.Level, count int, attrs []slog.Attr) {
	attrs = slices.Concat([]slog.Attr{slog.String("destination", kind.cluster)}, attrs, []slog.Attr{slog.Int("times", count)})
	f.log.LogAttrs(context.Background(), level, kind.message, attrs...)
}
