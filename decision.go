package gateway

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/grpccode"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Decision is the answer that a request would get, and the reason. To decide does
// not serve the request: nothing is random, counted or sent.
type Decision struct {
	// Kind is the kind of the answer.
	Kind DecisionKind `json:"kind"`
	// Reason is why there is no route, as text.
	Reason string `json:"reason,omitempty"`
	// Status, Location, Body and Header are those of the gateway's own answer,
	// without the headers that a server adds to it.
	Status   int         `json:"status,omitempty"`
	Location string      `json:"location,omitempty"`
	Body     string      `json:"body,omitempty"`
	Header   http.Header `json:"header,omitempty"`

	// Listener and RouteConfig have Envoy's names, such as "0.0.0.0_80" and
	// "http.80". VirtualHost is the matching domain.
	Listener    string `json:"listener,omitempty"`
	RouteConfig string `json:"routeConfig,omitempty"`
	VirtualHost string `json:"virtualHost,omitempty"`
	// Path is the path after normalization, with the query.
	Path string `json:"path,omitempty"`

	// Route is the matching route, or nil.
	Route *DecidedRoute `json:"route,omitempty"`
	// Destinations are all possible destinations of the request.
	Destinations []DecidedDestination `json:"destinations,omitempty"`
}

// A DecisionKind is the kind of an answer.
type DecisionKind string

// The kinds of a Decision.
const (
	// DecisionForward: the request goes to one of the destinations.
	DecisionForward DecisionKind = "forward"
	// DecisionRedirect: the answer is a redirect, from a route or to https.
	DecisionRedirect DecisionKind = "redirect"
	// DecisionDirectResponse: the answer is the route's direct response.
	DecisionDirectResponse DecisionKind = "directResponse"
	// DecisionAbort: a fault aborts every request of the route.
	DecisionAbort DecisionKind = "abort"
	// DecisionPreflight: CORS answers the preflight.
	DecisionPreflight DecisionKind = "preflight"
	// DecisionNotFound: no route matches. The answer is 404, or the next handler's.
	DecisionNotFound DecisionKind = "notFound"
	// DecisionBadRequest: the gateway refuses the request before routing.
	DecisionBadRequest DecisionKind = "badRequest"
	// DecisionNoServer: no server accepts the connection. A handler answers 404.
	DecisionNoServer DecisionKind = "noServer"
)

// A DecidedRoute is the route that a request matches.
type DecidedRoute struct {
	// VirtualService is "namespace/name", for a delegate's routes that of the root.
	VirtualService string `json:"virtualService"`
	// Origin is where the route was declared. For a delegate's routes, it is in the
	// delegate.
	Origin spec.Origin `json:"-"`
	// Name has the names of the route and the match.
	Name string `json:"name,omitempty"`
	// Index is the route's position in the virtual host.
	Index int `json:"index"`
	// Match is the condition on the path, such as: prefix /products.
	Match string `json:"match"`

	// Timeout is zero if there is none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retry is the retry policy, or nil if nothing is retried.
	Retry *DecidedRetry `json:"retry,omitempty"`
	// Mirrors receive copies of the request.
	Mirrors []DecidedMirror `json:"mirrors,omitempty"`
	// Fault is the fault that may be injected, or nil.
	Fault *DecidedFault `json:"fault,omitempty"`
	// CORS reports whether there is a CORS policy. It has no effect on a redirect
	// or a direct response.
	CORS bool `json:"cors,omitempty"`
	// Hash lists the inputs of consistent hashing, such as "header x-user". With
	// several destinations, it has those of all their DestinationRules.
	Hash []string `json:"hash,omitempty"`
	// RateLimits are the limits of the route. None of them counts the decision.
	RateLimits []DecidedLimit `json:"rateLimits,omitempty"`
}

// A DecidedRetry is the retry policy for a request.
type DecidedRetry struct {
	Attempts      int           `json:"attempts"`
	On            []string      `json:"on"`
	Codes         []int         `json:"codes,omitempty"`
	PerTryTimeout time.Duration `json:"perTryTimeout,omitempty"`
	// AvoidSameHost reports whether retries avoid hosts that were already tried.
	AvoidSameHost bool `json:"avoidSameHost,omitempty"`
}

// A DecidedMirror is a mirror of a request.
type DecidedMirror struct {
	Cluster string  `json:"cluster"`
	Percent float64 `json:"percent"`
	Missing bool    `json:"missing,omitempty"`
	// Reason is why the copies have no backend, as text.
	Reason string `json:"reason,omitempty"`
}

// A DecidedLimit is a rate limit of a route, and what it does with the request.
type DecidedLimit struct {
	// Limit is the limit as text.
	Limit string `json:"limit"`
	// Applies means that the limit counts the request. Descriptor then has the parts
	// of what it counts, "name=value", as a shared Limiter gets them.
	Applies    bool     `json:"applies"`
	Descriptor []string `json:"descriptor,omitempty"`
	// Rate is the limit of the descriptor in the tree of a spec.GlobalRateLimit, such as
	// "60 per 1m0s". It is empty for other limits, and if the tree has none.
	Rate string `json:"rate,omitempty"`
	// Refuses means that the limit refuses the request, because that lacks a part of
	// the key (spec.MissingKeyDeny).
	Refuses bool `json:"refuses,omitempty"`
}

// A DecidedFault is the fault that may be injected into a request.
type DecidedFault struct {
	Delay        time.Duration `json:"delay,omitempty"`
	DelayPercent float64       `json:"delayPercent,omitempty"`
	AbortStatus  int           `json:"abortStatus,omitempty"`
	// GRPCStatus is the code for gRPC clients. Other clients get AbortStatus.
	GRPCStatus   int     `json:"grpcStatus,omitempty"`
	AbortPercent float64 `json:"abortPercent,omitempty"`
}

// A DecidedDestination is a possible destination of a request.
type DecidedDestination struct {
	// Cluster is Istio's name of the destination: outbound|port|subset|host.
	Cluster string `json:"cluster"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Subset  string `json:"subset,omitempty"`
	// Weight divided by Total is the share of requests.
	Weight int `json:"weight"`
	Total  int `json:"total"`
	// Missing reports whether the name has no backend. The answer is then 503.
	Missing bool `json:"missing,omitempty"`
	// Reason is why the backend is missing, as text, such as "there is no subset
	// v2".
	Reason string `json:"reason,omitempty"`
	// Method, Authority, Path and Headers are those of the request to the
	// destination.
	Method    string      `json:"method"`
	Authority string      `json:"authority"`
	Path      string      `json:"path"`
	Headers   http.Header `json:"headers"`
}

// MarshalJSON writes durations as text, such as "1.5s".
func (d DecidedRoute) MarshalJSON() ([]byte, error) {
	type plain DecidedRoute
	return json.Marshal(struct {
		plain
		Timeout durationText `json:"timeout,omitempty"`
	}{plain(d), durationText(d.Timeout)})
}

// MarshalJSON writes durations as text, such as "1.5s".
func (d DecidedRetry) MarshalJSON() ([]byte, error) {
	type plain DecidedRetry
	return json.Marshal(struct {
		plain
		PerTryTimeout durationText `json:"perTryTimeout,omitempty"`
	}{plain(d), durationText(d.PerTryTimeout)})
}

// MarshalJSON writes durations as text, such as "1.5s".
func (d DecidedFault) MarshalJSON() ([]byte, error) {
	type plain DecidedFault
	return json.Marshal(struct {
		plain
		Delay durationText `json:"delay,omitempty"`
	}{plain(d), durationText(d.Delay)})
}

// A durationText is a duration that JSON shows as text.
type durationText time.Duration

func (d durationText) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Decide returns the answer that a request would get from ServeHTTP.
func (g *Gateway) Decide(r *http.Request) Decision {
	p := g.load().Deciding()
	return decide(p, r, p.TableFor(r))
}

// Decide returns the answer that a request to the port would get.
func (l *Listener) Decide(r *http.Request) Decision {
	p := l.gateway.load().Deciding()
	c := l.compiled(p)
	t := c.Table(r)
	if t != nil {
		return decide(p, r, t)
	}
	d := Decision{Kind: DecisionNoServer, Reason: "no listener"}
	switch {
	case c == nil:
	case r.TLS == nil || c.Plain != nil:
		d.Listener, d.Reason = c.Name(), "TLS on a plain-text listener, or plain text on a TLS listener"
	default:
		d.Listener, d.Reason = c.Name(), "no filter chain for this server name"
	}
	return d
}

func decide(p *program.Program, r *http.Request, t *program.RouteTable) Decision {
	var v match.View
	host, c, o := p.Route(t, &v, r)
	d := Decision{Reason: o.Reason()}
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
		d.Kind = DecisionNoServer
	case program.OutcomeNoHost, program.OutcomeNoRoute, program.OutcomeBlackhole:
		d.Kind = DecisionNotFound
	case program.OutcomeHTTPSRedirect:
		d.Kind = DecisionRedirect
	default:
		d.Kind = DecisionBadRequest
	}
	d.answer(func(w http.ResponseWriter) { p.Settle(w, &v, o) })
	return d
}

// answer records the answer of serve.
func (d *Decision) answer(serve func(http.ResponseWriter)) {
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
func decideRoute(p *program.Program, d *Decision, v *match.View, c *program.Clause) {
	rp, r := c.Route, v.Request
	answers := func(w http.ResponseWriter) bool {
		_, answered := rp.CORS.Filter(p, w, r)
		return answered
	}
	switch {
	case rp.Fault != nil && rp.Fault.AbortShare == program.All:
		d.Kind = DecisionAbort
		d.answer(func(w http.ResponseWriter) { rp.Fault.Abort(p, w, r) })
		return
	case rp.CORS != nil && answers(&answerWriter{header: http.Header{}}):
		d.Kind = DecisionPreflight
		d.answer(func(w http.ResponseWriter) { answers(w) })
		return
	case rp.Redirect != nil:
		d.Kind = DecisionRedirect
		d.answer(func(w http.ResponseWriter) { rp.Redirect.Serve(p, w, v, c) })
		return
	case rp.Direct != nil:
		d.Kind = DecisionDirectResponse
		d.answer(func(w http.ResponseWriter) { rp.Direct.Serve(p, w, v, c) })
		return
	}
	d.Kind = DecisionForward
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
		d.Destinations = append(d.Destinations, DecidedDestination{
			Cluster: dest.Cluster(), Host: dest.Host, Port: int(dest.Port), Subset: dest.Subset,
			Weight: weight, Total: max(total, 1), Missing: dest.Backend == nil, Reason: dest.Missing,
			Method: x.Req.Method, Authority: x.Req.Host, Path: rawpath.Target(x.Req), Headers: x.Req.Header,
		})
	}
}

// decidedLimits describes the limits of a route, and what they do with a request.
func decidedLimits(rp *program.Route, v *match.View) []DecidedLimit {
	if rp.CountsCluster {
		v.Cluster = rp.Split.Destinations[0].Cluster()
	}
	var out []DecidedLimit
	applying := rp.Limits.Applying(v)
	for i, l := range rp.Limits.All() {
		of := DecidedLimit{Limit: rp.Limits.Describe(i)}
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
func decided(c *program.Clause, v *match.View) *DecidedRoute {
	rp := c.Route
	d := &DecidedRoute{
		VirtualService: rp.Service, Origin: rp.Origin, Name: c.Name, Index: int(c.Position),
		Match: strings.TrimSpace(c.URI.Kind.String() + " " + c.URI.Text),
		CORS:  rp.DeclaresCORS, Timeout: rp.Timeout, Hash: rp.Hashes,
	}
	d.RateLimits = decidedLimits(rp, v)
	if rp.Redirect != nil || rp.Direct != nil {
		return d
	}
	if rp.Retry.Attempts > 0 {
		d.Retry = &DecidedRetry{rp.Retry.Attempts, rp.Retry.Conditions(), rp.Retry.Codes, rp.Retry.PerTry, rp.Avoids(&rp.Split.Destinations[0])}
	}
	for i := range rp.Mirrors {
		m := &rp.Mirrors[i]
		d.Mirrors = append(d.Mirrors, DecidedMirror{m.Destination.Cluster(), m.Share.Percent(), m.Destination.Backend == nil, m.Destination.Missing})
	}
	if f := rp.Fault; f != nil {
		d.Fault = &DecidedFault{DelayPercent: f.DelayShare.Percent(), AbortPercent: f.AbortShare.Percent()}
		if f.DelayShare > 0 {
			d.Fault.Delay = f.Delay
		}
		if f.AbortShare > 0 {
			d.Fault.AbortStatus, d.Fault.GRPCStatus = f.Status, grpccode.Numbers[f.GRPCName]
		}
	}
	return d
}
