package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// String returns the compiled program as text: every listener, virtual host and
// route in order, with all that a route does. Two gateways that behave alike
// have the same text.
func (g *Gateway) String() string { return g.load().String() }

func (p *program) String() string {
	var t text
	t.line("semantics %s, path normalization %s", p.semantics, p.normalization)
	if p.edge.trusted > 0 {
		t.line("%d trusted proxies", p.edge.trusted)
	}
	for _, l := range p.listeners {
		l.print(&t)
	}
	return t.String()
}

// A text is indented lines.
type text struct {
	strings.Builder
	indent int
}

func (t *text) line(format string, args ...any) {
	t.WriteString(strings.Repeat("  ", t.indent))
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

// in prints what f prints one level deeper.
func (t *text) in(f func()) {
	t.indent++
	f()
	t.indent--
}

func (l *listener) print(t *text) {
	where := strconv.Itoa(l.port)
	if l.bind != "" {
		where = l.bind + " " + where
	}
	if l.plain != nil {
		t.line("listener %s", where)
		t.in(func() { l.plain.print(t) })
		return
	}
	t.line("listener %s tls", where)
	t.in(func() {
		for _, c := range l.order {
			t.line("server %s", strings.Join(serverNames(c.server.Hosts), " "))
			t.in(func() {
				printServerTLS(c.server.TLS, t)
				c.table.print(t)
			})
		}
	})
}

func (rt *routeTable) print(t *text) {
	t.line("routes %s", rt.name)
	t.in(func() {
		for _, h := range rt.order {
			h.print(t)
		}
	})
}

func (h *virtualHost) print(t *text) {
	t.line("host %s", h.domain)
	t.in(func() {
		if h.redirect {
			t.line("redirect plain text to https")
		}
		for i := range h.clauses {
			h.clauses[i].print(t)
		}
	})
}

func (c *routeClause) print(t *text) {
	name := c.route.service
	if c.name != "" {
		name += " " + c.name
	}
	conditions := []string{c.uri.String()}
	for i := range c.rest {
		conditions = append(conditions, c.rest[i].String())
	}
	t.line("%d %s: %s", c.position, name, strings.Join(conditions, ", "))
	t.in(func() { c.route.print(t) })
}

// String returns the condition, such as: prefix "/products".
func (u *uriCondition) String() string {
	s := u.kind.String() + " " + strconv.Quote(u.text)
	if u.ignoreCase {
		s += " in any case"
	}
	return s
}

// String returns the condition, such as: header x-user exact "7".
func (c *condition) String() string {
	s := c.source.String()
	switch {
	case c.kind == spec.MatchAny && c.negate:
		return s + " absent"
	case c.kind == spec.MatchAny:
		return s + " present"
	case c.negate:
		s += " not"
	}
	return s + " " + c.kind.String() + " " + strconv.Quote(c.text)
}

func (s *source) String() string {
	switch s.kind {
	case sourceMethod:
		return "method"
	case sourceScheme:
		return "scheme"
	case sourceAuthority:
		return "authority"
	case sourcePath:
		return "path and query"
	case sourceQuery:
		return "query " + s.name
	}
	return "header " + strings.ToLower(s.name)
}

func (rp *routeProgram) print(t *text) {
	if f := rp.fault; f != nil {
		if f.delayShare > 0 {
			t.line("delay %v%% by %v", f.delayShare.percent(), f.delay)
		}
		if f.abortShare > 0 {
			what := strconv.Itoa(f.status)
			if f.grpcName != "" {
				what = f.grpcName
			}
			t.line("abort %v%% with %s", f.abortShare.percent(), what)
		}
	}
	if rp.cors != nil {
		rp.cors.print(t)
	}
	for _, l := range rp.limits {
		t.line("limit %s", l)
	}
	if d := rp.redirect; d != nil {
		d.print(t)
		rp.response.print(t, "response")
		return
	}
	if d := rp.direct; d != nil {
		t.line("respond %d with %d bytes", d.status, len(d.body))
		rp.response.print(t, "response")
		return
	}
	if rp.timeout > 0 {
		t.line("timeout %v", rp.timeout)
	}
	if rp.retry.declared {
		t.line("retry %s", rp.retry)
	}
	rp.rewrite.print(t)
	for i := range rp.mirrors {
		t.line("mirror %v%% to %s", rp.mirrors[i].share.percent(), rp.mirrors[i].destination.cluster())
	}
	for i := range rp.split.destinations {
		d := &rp.split.destinations[i]
		share := "all"
		if rp.split.total > 0 {
			share = fmt.Sprintf("%d/%d", d.weight, rp.split.total)
		}
		missing := ""
		if d.backend == nil {
			missing = " (missing)"
		}
		t.line("forward %s to %s%s", share, d.cluster(), missing)
		t.in(func() {
			if d.authority != "" {
				t.line("authority %q", d.authority)
			}
			if d.declared {
				t.line("endpoints %v", d.backend)
			}
			if d.policy != nil {
				d.policy.print(t)
			}
			for _, ops := range d.request {
				ops.print(t, "request")
			}
			for _, ops := range d.response {
				ops.print(t, "response")
			}
		})
	}
}

func (c *corsProgram) print(t *text) {
	var origins []string
	for i := range c.origins {
		origins = append(origins, c.origins[i].kind.String()+" "+strconv.Quote(c.origins[i].text))
	}
	t.line("cors origins [%s] methods [%s] headers [%s] expose [%s] max-age [%s] credentials %v", strings.Join(origins, ", "),
		c.methods, c.headers, c.expose, c.maxAge, c.credentials)
	if c.ignoreUnmatched {
		t.in(func() { t.line("unmatched preflights ignored") })
	}
}

func (d *redirectProgram) print(t *text) {
	s := "redirect " + strconv.Itoa(d.code)
	for _, f := range []struct{ name, value string }{
		{"scheme", d.scheme}, {"authority", d.authority}, {"port", strings.TrimPrefix(d.port, ":")},
		{"uri", d.uri}, {"prefix", d.prefixRewrite},
	} {
		if f.value != "" {
			s += " " + f.name + " " + strconv.Quote(f.value)
		}
	}
	t.line("%s", s)
}

func (p *rewriteProgram) print(t *text) {
	switch {
	case p == nil:
	case p.regex != nil:
		t.line("rewrite regex %q to %q", p.regex.String(), p.regex.text)
	case p.uri != "":
		t.line("rewrite to %q", p.uri)
	}
}

func (p *headerProgram) print(t *text, of string) {
	if p == nil {
		return
	}
	for _, key := range p.remove {
		t.line("%s remove %s", of, strings.ToLower(key))
	}
	for i := range p.set {
		t.line("%s set %s: %s", of, strings.ToLower(p.set[i].key), p.set[i].declared())
	}
	for i := range p.add {
		t.line("%s add %s: %s", of, strings.ToLower(p.add[i].key), p.add[i].declared())
	}
}

// declared returns the value as it was declared.
func (v *headerValue) declared() string {
	if v.format == nil {
		return strings.ReplaceAll(v.text, "%", "%%")
	}
	return v.text
}
