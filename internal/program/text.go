package program

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/internal/traffic"
)

func (p *Program) String() string {
	var t text.Lines
	t.Line("semantics %s, path normalization %s", p.Semantics, p.Normalization)
	if p.Strict != nil {
		t.Line("strict, %s", p.Strict)
	}
	if p.Edge.Trusted > 0 {
		t.Line("%d trusted proxies", p.Edge.Trusted)
	}
	if n := p.Load.Most(); n > 0 {
		t.Line("at most %d requests in flight", n)
	}
	printTracing(&p.Tracing, &t)
	for _, l := range p.Listeners {
		l.print(&t)
	}
	return t.String()
}

func (l *Listener) print(t *text.Lines) {
	where := strconv.Itoa(l.Port)
	if l.Bind != "" {
		where = l.Bind + " " + where
	}
	if l.Plain != nil {
		t.Line("listener %s", where)
		t.In(func() { l.Plain.print(t) })
		return
	}
	t.Line("listener %s tls", where)
	t.In(func() {
		for _, c := range l.Order {
			t.Line("server %s", strings.Join(hosts.Names(c.Server.Hosts), " "))
			t.In(func() {
				traffic.PrintServerTLS(c.Server.TLS, t)
				c.Table.print(t)
			})
		}
	})
}

func (rt *RouteTable) print(t *text.Lines) {
	t.Line("routes %s", rt.Name)
	t.In(func() {
		for _, h := range rt.Order {
			h.print(t)
		}
	})
}

func (h *VirtualHost) print(t *text.Lines) {
	t.Line("host %s", h.Domain)
	t.In(func() {
		if h.redirect {
			t.Line("redirect plain text to https")
		}
		for i := range h.Clauses {
			h.Clauses[i].print(t)
		}
	})
}

func (c *Clause) print(t *text.Lines) {
	name := c.Route.Service
	if c.Name != "" {
		name += " " + c.Name
	}
	t.Line("%d %s: %s", c.Position, name, c.conditions())
	t.In(func() { c.Route.print(t) })
}

func (rp *Route) print(t *text.Lines) {
	if f := rp.Fault; f != nil {
		if f.DelayShare > 0 {
			t.Line("delay %v%% by %v", f.DelayShare.Percent(), f.Delay)
		}
		if f.AbortShare > 0 {
			what := strconv.Itoa(f.Status)
			if f.GRPCName != "" {
				what = f.GRPCName
			}
			t.Line("abort %v%% with %s", f.AbortShare.Percent(), what)
		}
	}
	if rp.CORS != nil {
		rp.CORS.print(t)
	}
	for i := range rp.Limits.All() {
		t.Line("limit %s", rp.Limits.Describe(i))
	}
	if d := rp.Redirect; d != nil {
		d.print(t)
		rp.Response.Print(t, "response")
		return
	}
	if d := rp.Direct; d != nil {
		t.Line("respond %d with %d bytes", d.status, len(d.body))
		rp.Response.Print(t, "response")
		return
	}
	if rp.MaxBody > 0 {
		t.Line("at most %d bytes of request body", rp.MaxBody)
	}
	if n := rp.Load.Most(); n > 0 {
		t.Line("at most %d requests in flight", n)
	}
	if rp.Timeout > 0 {
		t.Line("timeout %v", rp.Timeout)
	}
	if rp.Retry.Declared {
		t.Line("retry %s", rp.Retry)
	}
	rp.Rewrite.print(t)
	for i := range rp.Mirrors {
		t.Line("mirror %v%% to %s", rp.Mirrors[i].Share.Percent(), rp.Mirrors[i].Destination.Cluster())
	}
	for i := range rp.Split.Destinations {
		d := &rp.Split.Destinations[i]
		share := "all"
		if rp.Split.Total > 0 {
			share = fmt.Sprintf("%d/%d", d.Weight, rp.Split.Total)
		}
		missing := ""
		if d.Backend == nil {
			missing = " (missing)"
		}
		t.Line("forward %s to %s%s", share, d.Cluster(), missing)
		t.In(func() {
			if d.Authority != "" {
				t.Line("authority %q", d.Authority)
			}
			if d.Declared {
				t.Line("endpoints %v", d.Backend)
			}
			if d.Policy != nil {
				d.Policy.Print(t)
			}
			for _, ops := range d.Request {
				ops.Print(t, "request")
			}
			for _, ops := range d.Response {
				ops.Print(t, "response")
			}
		})
	}
}

func (c *CORS) print(t *text.Lines) {
	var origins []string
	for i := range c.origins {
		origins = append(origins, c.origins[i].Kind.String()+" "+strconv.Quote(c.origins[i].Text))
	}
	t.Line("cors origins [%s] methods [%s] headers [%s] expose [%s] max-age [%s] credentials %v", strings.Join(origins, ", "),
		c.methods, c.headers, c.expose, c.maxAge, c.credentials)
	if c.ignoreUnmatched {
		t.In(func() { t.Line("unmatched preflights ignored") })
	}
}

func (d *Redirect) print(t *text.Lines) {
	s := "redirect " + strconv.Itoa(d.code)
	for _, f := range []struct{ name, value string }{
		{"scheme", d.scheme}, {"authority", d.authority}, {"port", strings.TrimPrefix(d.port, ":")},
		{"uri", d.uri}, {"prefix", d.prefixRewrite},
	} {
		if f.value != "" {
			s += " " + f.name + " " + strconv.Quote(f.value)
		}
	}
	t.Line("%s", s)
}

func (p *Rewrite) print(t *text.Lines) {
	switch {
	case p == nil:
	case p.Regex != nil:
		t.Line("rewrite regex %q to %q", p.Regex.String(), p.Regex.text)
	case p.uri != "":
		t.Line("rewrite to %q", p.uri)
	}
}
