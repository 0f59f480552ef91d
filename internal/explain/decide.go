// Package explain says what a program would do with a request, without serving it, and
// why.
package explain

import (
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/ratelimit"
)

// Decide returns the answer that a request with a table would get. p is a deciding
// program; t may be nil.
func Decide(p *program.Program, r *http.Request, t *program.RouteTable) inspect.Decision {
	var v match.View
	host, c, o := p.Route(t, &v, r)
	d := inspect.Decision{Reason: o.Reason()}
	if t != nil {
		d.RouteConfig = t.Name
		if t.Listener != nil {
			d.Listener = t.Listener.Name()
		}
	}
	if host != nil {
		d.VirtualHost = host.Domain
	}
	if v.Request != nil {
		d.Path = v.PathAndQuery()
	}
	if c != nil {
		d.Route = decided(c, &v)
	}
	switch o {
	case program.OutcomeRoute:
		decideRoute(p, &d, &v, c)
		return d
	case program.OutcomeNoServer:
		d.Kind = inspect.DecisionNoServer
	case program.OutcomeNoHost, program.OutcomeNoRoute, program.OutcomeBlackhole:
		d.Kind = inspect.DecisionNotFound
	case program.OutcomeHTTPSRedirect:
		d.Kind = inspect.DecisionRedirect
	default:
		d.Kind = inspect.DecisionBadRequest
	}
	answer(&d, func(w http.ResponseWriter) { p.Settle(w, &v, o) })
	return d
}

// DecideAt returns the answer that a request to a listener would get. l may be nil.
func DecideAt(p *program.Program, r *http.Request, l *program.Listener) inspect.Decision {
	if t := l.Table(r); t != nil {
		return Decide(p, r, t)
	}
	d := inspect.Decision{Kind: inspect.DecisionNoServer, Reason: "no listener"}
	switch {
	case l == nil:
	case r.TLS == nil || l.Plain != nil:
		d.Listener, d.Reason = l.Name(), "TLS on a plain-text listener, or plain text on a TLS listener"
	default:
		d.Listener, d.Reason = l.Name(), "no filter chain for this server name"
	}
	return d
}

// answer records the answer of serve.
func answer(d *inspect.Decision, serve func(http.ResponseWriter)) {
	a := answerWriter{header: http.Header{}}
	serve(&a)
	d.Status, d.Body, d.Header, d.Location = a.status, string(a.body), a.header, a.header.Get("Location")
}

// An answerWriter records an answer of the gateway itself.
type answerWriter struct {
	header http.Header
	status int
	body   []byte
}

func (w *answerWriter) Header() http.Header { return w.header }

func (w *answerWriter) WriteHeader(status int) { w.status = status }

func (w *answerWriter) Write(p []byte) (int, error) {
	w.body = append(w.body, p...)
	return len(p), nil
}

// decideRoute describes what a route does with a request.
func decideRoute(p *program.Program, d *inspect.Decision, v *match.View, c *program.Clause) {
	rp, r := c.Route, v.Request
	origin := ""
	answers := func(w http.ResponseWriter) (answered bool) {
		origin, answered = rp.CORS.Filter(p, w, r)
		return answered
	}
	switch {
	case rp.Fault != nil && rp.Fault.AbortShare == program.All:
		d.Kind = inspect.DecisionAbort
		answer(d, func(w http.ResponseWriter) { rp.Fault.Abort(p, w, r) })
		return
	case rp.CORS != nil && answers(&answerWriter{header: http.Header{}}):
		d.Kind = inspect.DecisionPreflight
		answer(d, func(w http.ResponseWriter) { answers(w) })
		return
	case rp.Redirect != nil:
		d.Kind = inspect.DecisionRedirect
		answer(d, func(w http.ResponseWriter) { rp.Redirect.Serve(p, w, v, c) })
		return
	case rp.Direct != nil:
		d.Kind = inspect.DecisionDirectResponse
		answer(d, func(w http.ResponseWriter) { rp.Direct.Serve(p, w, v, c) })
		return
	case rp.IsTooLong(r):
		d.Kind = inspect.DecisionTooLarge
		answer(d, func(w http.ResponseWriter) { p.RefuseBody(w, r, rp, origin) })
		return
	}
	d.Kind = inspect.DecisionForward
	total := int(rp.Split.Total)
	for i := range rp.Split.Destinations {
		dest := &rp.Split.Destinations[i]
		weight := int(dest.Weight)
		if total == 0 {
			weight = 1
		}
		x := new(program.CopiedExchange)
		x.Begin(p, v, c)
		x.Prepare(dest)
		d.Destinations = append(d.Destinations, inspect.DecidedDestination{
			Cluster: dest.Cluster(), Host: dest.Host, Port: int(dest.Port), Subset: dest.Subset,
			Weight: weight, Total: max(total, 1), Missing: dest.Backend == nil, Reason: dest.Missing,
			Method: x.Req.Method, Authority: x.Req.Host, Path: rawpath.Target(x.Req), Headers: x.Req.Header,
		})
	}
}

// decidedLimits describes the limits of a route, and what they do with a request.
func decidedLimits(rp *program.Route, v *match.View) []inspect.DecidedLimit {
	if rp.CountsCluster {
		v.Cluster = rp.Split.Destinations[0].Cluster()
	}
	var out []inspect.DecidedLimit
	applying := rp.Limits.Applying(v)
	for i, l := range rp.Limits.All() {
		of := inspect.DecidedLimit{Limit: rp.Limits.Describe(i)}
		if slices.Contains(applying, l) {
			of.Refuses = l.Denies(v)
			var d ratelimit.Descriptor
			d, of.Applies = l.Descriptor(v)
			for _, e := range d.Entries {
				of.Descriptor = append(of.Descriptor, e.Key+"="+e.Value)
			}
			if q, on := l.Question(v); on && l.Global != nil {
				of.Rate = q.Rate()
				of.Applies = of.Rate != ""
			}
		}
		out = append(out, of)
	}
	return out
}

// decided describes a route, and what it does with a request.
func decided(c *program.Clause, v *match.View) *inspect.DecidedRoute {
	rp := c.Route
	d := &inspect.DecidedRoute{
		VirtualService: rp.Service, Origin: rp.Origin, Name: c.Name, Index: int(c.Position),
		Match: strings.TrimSpace(c.URI.Kind.String() + " " + c.URI.Text),
		CORS:  rp.DeclaresCORS, Timeout: rp.Timeout, Hash: rp.Hashes,
	}
	d.RateLimits = decidedLimits(rp, v)
	if rp.Redirect != nil || rp.Direct != nil {
		return d
	}
	if rp.Retry.Attempts > 0 {
		d.Retry = rp.DescribedRetry()
	}
	for i := range rp.Mirrors {
		d.Mirrors = append(d.Mirrors, rp.Mirrors[i].Described())
	}
	d.Fault = rp.Fault.Described()
	return d
}
