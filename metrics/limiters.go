package metrics

import (
	"bufio"
	"fmt"
	"io"

	"github.com/lateengo/gateway/observe"
)

// A LimiterFigure is a figure of a shared limiter, with the label provider.
type LimiterFigure struct {
	Name, Help string
	// Counter means that the figure only grows. Others are gauges.
	Counter bool
	// Of returns the figure of a limiter.
	Of func(*observe.Limiter) float64
}

// LimiterFigures are all figures, in the order in which WriteLimiters writes them.
var LimiterFigures = []LimiterFigure{
	{"lateen_limiter_asked_total", "Requests that a shared limiter was asked about.", true, func(l *observe.Limiter) float64 { return float64(l.Asked) }},
	{"lateen_limiter_failures_total", "Requests whose question to a shared limiter failed.", true, func(l *observe.Limiter) float64 { return float64(l.Failures) }},
	{"lateen_limiter_missed_total", "Requests that a shared limiter was not asked about, because it had just failed.", true, func(l *observe.Limiter) float64 { return float64(l.Missed) }},
	{"lateen_limiter_failing", "1 while a shared limiter fails.", false, func(l *observe.Limiter) float64 {
		if l.Failing {
			return 1
		}
		return 0
	}},
}

// WriteLimiters writes the figures of shared limiters in the text format of Prometheus.
// gateway.Gateway.Limiters returns the limiters of a gateway.
func WriteLimiters(w io.Writer, limiters []observe.Limiter) error {
	if len(limiters) == 0 {
		return nil
	}
	out := bufio.NewWriter(w)
	for _, f := range LimiterFigures {
		kind := "gauge"
		if f.Counter {
			kind = "counter"
		}
		header(out, f.Name, kind, f.Help)
		for i := range limiters {
			fmt.Fprintf(out, "%s{provider=%s} %g\n", f.Name, quote(limiters[i].Provider), f.Of(&limiters[i]))
		}
	}
	return out.Flush()
}
