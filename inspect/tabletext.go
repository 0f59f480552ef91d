package inspect

import (
	"fmt"
	"strconv"
	"strings"
)

// String returns the table as text, one line for each condition and each thing that a
// route does. It has no numbers and places of routes, so that the texts of two
// configurations differ only where they behave differently.
func (t Table) String() string { return t.text(false) }

// WithPlaces returns the table as String does, with the number of each route in its
// virtual host and the places where routes and conditions were declared.
func (t Table) WithPlaces() string { return t.text(true) }

func (t *Table) text(places bool) string {
	p := tablePrinter{places: places}
	for i := range t.Listeners {
		l := &t.Listeners[i]
		tls := ""
		if l.TLS {
			tls = " tls"
		}
		p.line("listener %s%s", l.Name, tls)
		p.in(func() {
			for i := range l.RouteConfigs {
				p.routeConfig(&l.RouteConfigs[i])
			}
		})
	}
	return p.String()
}

// A tablePrinter prints indented lines.
type tablePrinter struct {
	strings.Builder
	indent int
	places bool
}

func (p *tablePrinter) line(format string, args ...any) {
	p.WriteString(strings.Repeat("  ", p.indent))
	fmt.Fprintf(p, format, args...)
	p.WriteByte('\n')
}

func (p *tablePrinter) in(f func()) {
	p.indent++
	f()
	p.indent--
}

// at returns a place as the end of a line.
func (p *tablePrinter) at(place Place) string {
	if !p.places {
		return ""
	}
	if text := place.String(); text != "" {
		return "  (" + text + ")"
	}
	return ""
}

func (p *tablePrinter) routeConfig(c *RouteConfig) {
	names := ""
	if len(c.ServerNames) > 0 {
		names = " for " + strings.Join(c.ServerNames, " ")
	}
	p.line("routes %s%s", c.Name, names)
	p.in(func() {
		if len(c.VirtualHosts) == 0 {
			p.line("no virtual host: every request gets 404")
		}
		for i := range c.VirtualHosts {
			h := &c.VirtualHosts[i]
			p.line("host %s", h.Domain)
			p.in(func() {
				if h.RedirectsToHTTPS {
					p.line("redirect plain text to https")
				}
				for i := range h.Routes {
					p.route(&h.Routes[i])
				}
			})
		}
	})
}

// Label returns the VirtualService and the name of the route.
func (r *Route) Label() string { return strings.TrimSpace(r.VirtualService + " " + r.Name) }

func (p *tablePrinter) route(r *Route) {
	number := ""
	if p.places {
		number = strconv.Itoa(r.Index) + " "
	}
	delegate := ""
	if r.Delegate != "" {
		delegate = " by delegate " + r.Delegate
	}
	p.line("route %s%s%s%s", number, r.Label(), delegate, p.at(r.Place))
	p.in(func() {
		for i := range r.Conditions {
			c := &r.Conditions[i]
			switch {
			case !c.Implied:
				p.line("when %s%s", c.Text, p.at(c.Place))
			case len(r.Conditions) == 1:
				p.line("when %s", c.declared())
			}
		}
		for _, line := range p.actionLines(r) {
			p.line("%s", line)
		}
		for i := range r.Destinations {
			p.destination(&r.Destinations[i])
		}
	})
}

func (p *tablePrinter) destination(d *Destination) {
	p.line("forward %s to %s%s", d.Share(), d.Cluster, missing(d.Missing, d.Reason))
	p.in(func() {
		if d.Authority != "" {
			p.line("authority %s", strconv.Quote(d.Authority))
		}
		for i, line := range d.Policy {
			if i == 0 {
				line += p.at(d.PolicyPlace)
			}
			p.line("%s", line)
		}
		for i := range d.RequestHeaders {
			p.line("request %s", d.RequestHeaders[i].String())
		}
		for i := range d.ResponseHeaders {
			p.line("response %s", d.ResponseHeaders[i].String())
		}
	})
}

// Share returns the share of requests as text: "all", or "90/100".
func (d *Destination) Share() string {
	if d.Weight == d.Total {
		return "all"
	}
	return fmt.Sprintf("%d/%d", d.Weight, d.Total)
}

// missing says why requests get 503.
func missing(is bool, reason string) string {
	if is {
		return " (" + reason + ": 503)"
	}
	return ""
}

// actionLines returns what the route does beside forwarding, one line for each thing, in
// the order in which they are done.
func (p *tablePrinter) actionLines(r *Route) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if r.Fault != nil {
		lines = append(lines, r.Fault.lines()...)
	}
	if r.CORS != nil {
		add("%s", r.CORS)
	}
	for i := range r.Limits {
		add("limit %s%s", r.Limits[i].Text, p.at(r.Limits[i].Place))
	}
	if r.Redirect != nil {
		add("%s", r.Redirect)
	}
	if d := r.DirectResponse; d != nil {
		add("respond %d with %d bytes", d.Status, d.Bytes)
	}
	for i := range r.ResponseHeaders {
		add("response %s", r.ResponseHeaders[i].String())
	}
	if r.MaxRequestBody > 0 {
		add("at most %d bytes of request body", r.MaxRequestBody)
	}
	if r.MaxRequests > 0 {
		add("at most %d requests in flight", r.MaxRequests)
	}
	if r.Timeout > 0 {
		add("timeout %v", r.Timeout)
	}
	if r.Retry != nil {
		add("retry %s", r.Retry)
	}
	if text := r.Rewrite.String(); text != "" {
		add("%s", text)
	}
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		add("mirror %v%% to %s%s", m.Percent, m.Cluster, missing(m.Missing, m.Reason))
	}
	return lines
}

// String returns the operation as text, such as: set x-user: "%REQ(X-USER)%".
func (o *HeaderOperation) String() string {
	if o.Kind == "remove" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Name + ": " + strconv.Quote(o.Value)
}

func (f *Fault) lines() []string {
	var lines []string
	if f.DelayPercent > 0 {
		lines = append(lines, fmt.Sprintf("delay %v%% by %v", f.DelayPercent, f.Delay))
	}
	if f.AbortPercent > 0 {
		status := strconv.Itoa(f.AbortStatus)
		if f.GRPCStatus != 0 {
			status += fmt.Sprintf(" (gRPC status %d)", f.GRPCStatus)
		}
		lines = append(lines, fmt.Sprintf("abort %v%% with %s", f.AbortPercent, status))
	}
	return lines
}

// String returns the policy as one line of text.
func (c *CORS) String() string {
	s := "cors"
	for _, f := range []struct{ name, value string }{
		{"origins", strings.Join(c.Origins, ", ")}, {"methods", c.Methods}, {"headers", c.Headers}, {"expose", c.Expose}, {"max-age", c.MaxAge},
	} {
		if f.value != "" {
			s += " " + f.name + " [" + f.value + "]"
		}
	}
	if c.Credentials {
		s += " with credentials"
	}
	if c.IgnoresUnmatched {
		s += " unmatched preflights ignored"
	}
	return s
}

// String returns the redirect as one line of text.
func (d *Redirect) String() string {
	s := "redirect " + strconv.Itoa(d.Code)
	for _, f := range []struct{ name, value string }{
		{"scheme", d.Scheme}, {"authority", d.Authority}, {"uri", d.URI}, {"prefix", d.PrefixRewrite},
	} {
		if f.value != "" {
			s += " " + f.name + " " + strconv.Quote(f.value)
		}
	}
	if d.Port != 0 {
		s += " port " + strconv.Itoa(d.Port)
	}
	return s
}

// String returns the retry policy as one line of text.
func (r *Retry) String() string {
	times := "times"
	if r.Attempts == 1 {
		times = "time"
	}
	s := fmt.Sprintf("%d %s on %s", r.Attempts, times, strings.Join(r.On, ","))
	for i, code := range r.Codes {
		separator := ","
		if i == 0 {
			separator = " codes "
		}
		s += separator + strconv.Itoa(code)
	}
	if r.PerTryTimeout > 0 {
		s += fmt.Sprintf(", each within %v", r.PerTryTimeout)
	}
	return s
}

// String returns the rewrite of the path as one line of text, or "" if it has none. The
// authority is not part of it: see Destination.Authority.
func (w *Rewrite) String() string {
	switch {
	case w == nil:
		return ""
	case w.Regex != "":
		return fmt.Sprintf("rewrite regex %q to %q", w.Regex, w.Replacement)
	case w.URI != "":
		return fmt.Sprintf("rewrite to %q", w.URI)
	}
	return ""
}
