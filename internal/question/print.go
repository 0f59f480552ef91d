package question

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway"
)

// A printer prints lines of a name and what it is.
type printer struct{ io.Writer }

func (p printer) line(name, format string, args ...any) {
	fmt.Fprintf(p, "  %-13s %s\n", name, fmt.Sprintf(format, args...))
}

// optional prints a line if there is something to print.
func (p printer) optional(name, value string) {
	if value != "" {
		p.line(name, "%s", value)
	}
}

// Print prints a decision for people.
func Print(w io.Writer, d *gateway.Decision) {
	p := printer{w}
	p.optional("listener", d.Listener)
	p.optional("route config", d.RouteConfig)
	p.optional("virtual host", d.VirtualHost)
	p.optional("path", d.Path)
	if r := d.Route; r != nil {
		name := r.VirtualService
		if r.Name != "" {
			name += " " + r.Name
		}
		p.line("route", "%s, number %d: %s", name, r.Index, r.Match)
	}
	p.line("answer", "%s", answerOf(d))
	if d.Location != "" && d.Header.Get("Location") == "" {
		p.line("", "location: %s", d.Location)
	}
	answer := d.Header.Clone()
	// They say nothing that is not said already.
	answer.Del("Content-Length")
	answer.Del("Connection")
	p.headers(answer)
	if d.Body != "" {
		p.line("body", "%q", d.Body)
	}
	if r := d.Route; r != nil {
		p.route(r)
	}
	for i := range d.Destinations {
		p.destination(&d.Destinations[i])
	}
}

// answerOf says in words how a request is answered, and why.
func answerOf(d *gateway.Decision) string {
	what := map[gateway.DecisionKind]string{
		gateway.DecisionForward: "forwarded", gateway.DecisionRedirect: "redirect", gateway.DecisionDirectResponse: "direct response",
		gateway.DecisionAbort: "aborted by a fault", gateway.DecisionPreflight: "preflight, answered by CORS",
		gateway.DecisionNotFound: "not found", gateway.DecisionBadRequest: "refused", gateway.DecisionNoServer: "no server",
		gateway.DecisionTooLarge: "refused, the body is too long",
	}[d.Kind]
	if d.Status != 0 {
		what = fmt.Sprintf("%d %s", d.Status, what)
	}
	if d.Reason != "" {
		what += ": " + d.Reason
	}
	return what
}

// route prints what a route does beside choosing a destination.
func (p printer) route(r *gateway.DecidedRoute) {
	if f := r.Fault; f != nil {
		if f.DelayPercent > 0 {
			p.line("fault", "delay %v%% by %v", f.DelayPercent, f.Delay)
		}
		if f.AbortPercent > 0 {
			status := fmt.Sprint(f.AbortStatus)
			if f.GRPCStatus != 0 {
				status += fmt.Sprintf(" (gRPC status %d)", f.GRPCStatus)
			}
			p.line("fault", "abort %v%% with %s", f.AbortPercent, status)
		}
	}
	if r.CORS {
		p.line("cors", "has a policy")
	}
	for _, l := range r.RateLimits {
		p.line("rate limit", "%s: %s", l.Limit, l.Effect())
	}
	if r.Timeout > 0 {
		p.line("timeout", "%v", r.Timeout)
	}
	if t := r.Retry; t != nil {
		text := fmt.Sprintf("%d on %s", t.Attempts, strings.Join(t.On, ","))
		if t.PerTryTimeout > 0 {
			text += fmt.Sprintf(", each within %v", t.PerTryTimeout)
		}
		p.line("retries", "%s", text)
	}
	if len(r.Hash) > 0 {
		p.line("hash", "%s", strings.Join(r.Hash, ", "))
	}
	for _, m := range r.Mirrors {
		p.line("mirror", "%v%% to %s%s", m.Percent, m.Cluster, missing(m.Missing, m.Reason))
	}
}

// destination prints a destination and what it would get.
func (p printer) destination(d *gateway.DecidedDestination) {
	p.line("destination", "%d/%d %s%s", d.Weight, d.Total, d.Cluster, missing(d.Missing, d.Reason))
	p.line("", "%s %s", d.Method, d.Path)
	p.line("", "host: %s", d.Authority)
	p.headers(d.Headers)
}

func (p printer) headers(h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			p.line("", "%s: %s", strings.ToLower(name), value)
		}
	}
}

// missing says why requests get 503.
func missing(is bool, reason string) string {
	if is {
		return " (" + reason + ": 503)"
	}
	return ""
}
