package program

import (
	"context"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/record"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/observe"
)

// serveObserved is serve for a program with observers. They get the outcome even if
// the request ends in a panic.
func (p *Program) serveObserved(w http.ResponseWriter, r *http.Request, t *RouteTable, next http.Handler, v *match.View) {
	rec, w, r := p.Observers.Begin(w, r, p.Edge.Scheme(r), p.Edge.ClientAddress(r))
	v.Record = rec
	ctx := r.Context()
	ended := false
	defer func() {
		if ended {
			return
		}
		err := recover()
		rec.End(ctx, err)
		panic(err)
	}()
	p.serve(w, r, t, next, v)
	ended = true
	rec.End(ctx, nil)
}

// outcomeDetails are the flag and details of requests that reach no route.
var outcomeDetails = map[Outcome][2]string{
	OutcomeNoServer:      {observe.FlagNoRoute, observe.DetailsNoRoute},
	OutcomeNoHost:        {observe.FlagNoRoute, observe.DetailsNoRoute},
	OutcomeNoRoute:       {observe.FlagNoRoute, observe.DetailsNoRoute},
	OutcomeBlackhole:     {observe.FlagNoRoute, observe.DetailsNoRoute},
	OutcomeHTTPSRedirect: {"", observe.DetailsDirect},
	outcomeBadPath:       {observe.FlagBadRequest, observe.DetailsPath},
	outcomeBadHost:       {observe.FlagBadRequest, observe.DetailsHost},
	outcomeHTTP10:        {observe.FlagBadRequest, observe.DetailsVersion},
	outcomeWrongScheme:   {observe.FlagBadRequest, observe.DetailsScheme},
	outcomeBadUpgrade:    {"", observe.DetailsUpgrade},
	outcomeBadConnection: {observe.FlagBadRequest, observe.DetailsConnection},
}

// noteRoute takes down what was found for a request.
func noteRoute(rec *record.Record, t *RouteTable, host *VirtualHost, c *Clause, o Outcome) {
	if t != nil {
		rec.RouteConfig, rec.Listener = t.Name, t.ListenerName
	}
	if host != nil {
		rec.VirtualHost = host.Domain
	}
	if c != nil {
		rec.VirtualService, rec.Route = c.Route.Service, c.Name
	}
	if o != OutcomeRoute {
		d := outcomeDetails[o]
		rec.Ended(d[0], d[1])
	}
}

// routing returns how a request was routed, for a handler in this process.
func routing(t *RouteTable, host *VirtualHost, c *Clause) *observe.Routing {
	return &observe.Routing{Listener: t.ListenerName, RouteConfig: t.Name, VirtualHost: host.Domain, VirtualService: c.Route.Service, Route: c.Name}
}

// addRouting gives a handler in this process the context with how the request was
// routed. The request is then a copy.
func addRouting(v *match.View, d *Destination) {
	v.Request = v.Request.WithContext(withRouting(v.Request.Context(), v.Routing, d))
	v.Owned = false
}

// withRouting adds a routing to a destination to a context.
func withRouting(ctx context.Context, to *observe.Routing, d *Destination) context.Context {
	r := *to
	r.Destination = *d.Observed
	return observe.WithRouting(ctx, r)
}

// Observed returns the destination as observers get it.
func (d *Destination) observed(s *Split) *observe.Destination {
	total := int(s.Total)
	weight := int(d.Weight)
	if total == 0 {
		weight, total = 1, 1
	}
	return &observe.Destination{
		Cluster: d.Cluster(), Host: d.Host, Port: int(d.Port), Subset: d.Subset, Weight: weight, Total: total,
		InProcess: d.Backend != nil && !d.Remote,
	}
}

// Observe prepares the destinations of a split for observers.
func (p *Split) Observe() {
	for i := range p.Destinations {
		p.Destinations[i].Observed = p.Destinations[i].observed(p)
	}
}

// detailsOf returns Envoy's response code details of a failure.
func detailsOf(f *upstream.Failure) string {
	if f.Flag == "" {
		switch f.Status {
		case http.StatusRequestEntityTooLarge:
			return observe.DetailsPayloadTooLarge
		case http.StatusRequestTimeout:
			return observe.DetailsSlowBody
		}
	}
	switch f.Flag {
	case upstream.FlagNoHealthyUpstream:
		return observe.DetailsNoHealthy
	case upstream.FlagTimeout:
		return observe.DetailsTimeout
	case upstream.FlagStreamIdle:
		return observe.DetailsStreamIdle
	case upstream.FlagDownstream:
		return observe.DetailsClientGone
	}
	_, reason, found := strings.Cut(f.Body, "reset reason: ")
	if !found {
		return observe.DetailsUpstreamReset
	}
	reason = strings.Replace(reason, ", transport failure reason: ", "|", 1)
	return observe.DetailsUpstreamReset + "{" + strings.ReplaceAll(reason, " ", "_") + "}"
}

// noteFailure takes down that a destination gave no response.
func noteFailure(rec *record.Record, f *upstream.Failure) {
	if rec != nil {
		rec.Failed(f.Flag, f.Host.Address, detailsOf(f))
	}
}

// notePrepared takes down the headers of the request as the destination gets them.
func (x *exchange) notePrepared() {
	rec := x.v.Record
	rec.RequestHeaders(x.Req.Header)
	rec.RequestID = field.First(x.Req.Header, edge.RequestIDHeader)
}
