package program

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// Failures logs that destinations cannot be reached: the first failure at once, and
// then a count at most every 10 s. Nil logs nothing.
type Failures struct {
	log *slog.Logger
	// now is the clock.
	now func() time.Time

	mu sync.Mutex
	// byCluster are the failures of each destination. Their number is that of the
	// destinations.
	byCluster map[string]*failing
}

// failing is a destination that failed lately.
type failing struct {
	since, logged time.Time
	// unsaid counts the failures since logged.
	unsaid int
}

// failureInterval is the time between two lines about one destination.
const failureInterval = 10 * time.Second

// NewFailures returns a log of failures, or nil if nothing is logged.
func NewFailures(log *slog.Logger) *Failures {
	if log == nil || !log.Enabled(context.Background(), slog.LevelWarn) {
		return nil
	}
	return &Failures{log: log, now: time.Now, byCluster: map[string]*failing{}}
}

// Report reports that a destination gave no response. What a client or a time limit
// ends is no failure to reach it.
func (f *Failures) Report(d *Destination, failure *upstream.Failure) {
	if f == nil || failure.Flag == upstream.FlagDownstream || failure.Flag == "" {
		return
	}
	now, cluster := f.now(), d.Cluster()
	f.mu.Lock()
	of := f.byCluster[cluster]
	switch {
	case of == nil:
		of = &failing{since: now}
		f.byCluster[cluster] = of
	case now.Sub(of.logged) < failureInterval:
		of.unsaid++
		f.mu.Unlock()
		return
	}
	count := of.unsaid + 1
	of.logged, of.unsaid = now, 0
	f.mu.Unlock()
	attrs := []slog.Attr{
		slog.String("destination", cluster), slog.String("endpoint", failure.Host.Address), slog.String("flag", failure.Flag),
		slog.Int("requests", count),
	}
	if failure.Err != nil {
		attrs = append(attrs, slog.String("error", failure.Err.Error()))
	}
	f.log.LogAttrs(context.Background(), slog.LevelWarn, "destination gives no response", attrs...)
}
