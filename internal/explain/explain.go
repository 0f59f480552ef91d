package explain

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/rawpath"
)

// An explainer explains one request.
type explainer struct {
	*inspect.Explanation
	program *program.Program
	request *http.Request
	// table is nil if no server accepts the connection.
	table   *program.RouteTable
	view    match.View
	host    *program.VirtualHost
	clause  *program.Clause
	outcome program.Outcome
	// tried is the number of clauses that were tried before the route.
	tried int
}

// Explain explains what becomes of a request with a table. p is a deciding program; t may
// be nil.
func Explain(p *program.Program, r *http.Request, t *program.RouteTable) inspect.Explanation {
	x := newExplainer(p, r)
	x.Decision = Decide(p, r, t)
	x.explain(t)
	return *x.Explanation
}

// ExplainAt explains what becomes of a request to a listener. l may be nil.
func ExplainAt(p *program.Program, r *http.Request, l *program.Listener) inspect.Explanation {
	x := newExplainer(p, r)
	x.Decision = DecideAt(p, r, l)
	if t := l.Table(r); t != nil {
		x.explain(t)
		return *x.Explanation
	}
	if l != nil {
		x.step("listener", inspect.Place{}, "%s", l.Name())
	}
	x.view = p.BareView(r)
	x.connectionHints(l)
	x.concerning()
	return *x.Explanation
}

func newExplainer(p *program.Program, r *http.Request) *explainer {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &explainer{
		Explanation: &inspect.Explanation{Method: r.Method, Scheme: scheme, Host: r.Host, Target: rawpath.Target(r), Routing: []inspect.Step{}},
		program:     p, request: r,
	}
}

func (x *explainer) explain(t *program.RouteTable) {
	x.table = t
	x.host, x.clause, x.outcome = x.program.Route(t, &x.view, x.request)
	x.routing()
	switch x.outcome {
	case program.OutcomeNoServer:
		x.connectionHints(nil)
	case program.OutcomeNoHost:
		x.hostHints()
	case program.OutcomeHTTPSRedirect:
		place := inspect.At(x.host.RedirectedBy, "tls.httpsRedirect")
		x.Steps = append(x.Steps, inspect.Step{Kind: "redirect", Text: fmt.Sprintf("%d to %s: the server redirects plain text", x.Decision.Status, x.Decision.Location), Place: place})
	case program.OutcomeNoRoute, program.OutcomeBlackhole:
		x.candidates()
		x.routeHints()
	case program.OutcomeRoute:
		x.candidates()
		x.steps()
	}
	x.concerning()
}

// step adds a step before the route is known.
func (x *explainer) step(kind string, place inspect.Place, format string, args ...any) {
	x.Routing = append(x.Routing, inspect.Step{Kind: kind, Text: fmt.Sprintf(format, args...), Place: place})
}

// routing says how the virtual host was found, and what became of the path.
func (x *explainer) routing() {
	if t := x.table; t != nil {
		text := t.ListenerName
		if t.Name != "" {
			text += ", route config " + t.Name
		}
		if t.TLS && x.request.TLS != nil {
			text += fmt.Sprintf(" for server name %q", x.request.TLS.ServerName)
		}
		x.step("listener", inspect.Place{}, "%s", text)
	}
	if x.host != nil {
		place := inspect.Place{}
		if x.outcome == program.OutcomeHTTPSRedirect {
			place = inspect.At(x.host.RedirectedBy, "hosts")
		}
		x.step("virtual host", place, "%s, %s", x.host.Domain, whyHost(x.host.Domain, x.request.Host, x.authority()))
	}
	if x.view.Request != nil && x.view.Path != "" {
		sent, _ := chiroute.Path(x.request, x.view.Chi)
		text := x.view.Path
		if sent != text {
			text += fmt.Sprintf(", normalized from %s (%s)", sent, x.program.Normalization)
		}
		if x.view.Mount != "" {
			text += ", below the mount " + x.view.Mount
		}
		x.step("path", inspect.Place{}, "%s", text)
	}
}

// whyHost says why a domain is that of a Host header. found is the header by which it was
// found: without the dot at the end of the host, if the semantics drop that.
func whyHost(domain, authority, found string) string {
	name := strings.ToLower(hosts.WithoutPort(found))
	how := "the longest wildcard for " + name
	switch {
	case domain == "*" && authority == "":
		return "for every host; the request has none"
	case domain == "*":
		return "as no other domain is for " + name
	case domain == name:
		how = "the exact host"
	}
	switch {
	case found != authority:
		how += "; the dot at the end does not count"
	case len(name) < len(authority):
		how += "; the port of " + authority + " does not count"
	case name != authority:
		how += "; letter case does not count"
	}
	return how
}
