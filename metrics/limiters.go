package metrics

import (
	"io"

	"github.com/lateengo/gateway/observe"
)

// LimiterFigures are the figures of a shared limiter, in the order in which
// WriteLimiters writes them. Their label is provider.
var LimiterFigures = []Figure[observe.Limiter]{
	{"lateen_limiter_asked_total", "Requests that a shared limiter was asked about.", true, always(func(l *observe.Limiter) uint64 { return l.Asked })},
	{"lateen_limiter_failures_total", "Requests whose question to a shared limiter failed.", true, always(func(l *observe.Limiter) uint64 { return l.Failures })},
	{"lateen_limiter_missed_total", "Requests that a shared limiter was not asked about, because it had just failed.", true, always(func(l *observe.Limiter) uint64 { return l.Missed })},
	{"lateen_limiter_failing", "1 while a shared limiter fails.", false, func(l *observe.Limiter) (float64, bool) {
		if l.Failing {
			return 1, true
		}
		return 0, true
	}},
}

// WriteLimiters writes the figures of shared limiters in the text format of Prometheus.
// gateway.Gateway.Limiters returns the limiters of a gateway.
func WriteLimiters(w io.Writer, limiters []observe.Limiter) error {
	if len(limiters) == 0 {
		return nil
	}
	return writeFigures(w, LimiterFigures, limiters, []string{"provider"}, named(func(l *observe.Limiter) string { return l.Provider }))
}
