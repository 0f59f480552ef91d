package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Decision says what a request would get, and why, without serving it.
// Nothing is drawn, counted or sent.
type Decision struct {
	// Kind says how the request would be answered.
	Kind DecisionKind `json:"kind"`
	// Reason says why there is no route, for people.
	Reason string `json:"reason,omitempty"`
	// Status, Location, Body and Header are those of an answer that the gateway
	// makes itself, without what a server adds when it sends it.
	Status   int         `json:"status,omitempty"`
	Location string      `json:"location,omitempty"`
	Body     string      `json:"body,omitempty"`
	Header   http.Header `json:"response,omitempty"`

	// Listener and RouteTable have Envoy's names, such as "0.0.0.0_80" and
	// "http.80". VirtualHost is the domain that was chosen.
	Listener    string `json:"listener,omitempty"`
	RouteTable  string `json:"routeConfig,omitempty"`
	VirtualHost string `json:"virtualHost,omitempty"`
	// Path is the path after normalisation, with the query.
	Path string `json:"path,omitempty"`

	// Route is the route that takes the request. Nil if none does.
	Route *DecidedRoute `json:"rule,omitempty"`
	// Destinations are all that the request may be sent to.
	Destinations []DecidedDestination `json:"destinations,omitempty"`
}

// A DecisionKind says how a request is answered.
type DecisionKind string

// The kinds of a Decision.
const (
	// Forwarded goes to one of the destinations.
	DecisionForward DecisionKind = "forward"
	// Redirected is answered by a redirect, of a route or to https.
	DecisionRedirect DecisionKind = "redirect"
	// Answered is answered by a direct response.
	DecisionDirectResponse DecisionKind = "direct"
	// Aborted is answered by a fault that always aborts.
	DecisionAbort DecisionKind = "abort"
	// Preflighted is a preflight that CORS answers.
	DecisionPreflight DecisionKind = "preflight"
	// NotFound is taken by no route: 404, or the next handler.
	DecisionNotFound DecisionKind = "notFound"
	// Refused is refused before routing.
	DecisionBadRequest DecisionKind = "badRequest"
	// Unreached is a connection that no server takes.
	DecisionNoServer DecisionKind = "noHTTP"
)

// A DecidedRoute is the route that takes a request.
type DecidedRoute struct {
	// VirtualService is "namespace/name". A delegate's routes bear the root's.
	VirtualService string `json:"virtualService"`
	// Name is the route's name and the match's.
	Name string `json:"name,omitempty"`
	// Index is the place in the virtual host.
	Index int `json:"index"`
	// Match is the condition on the path, such as: prefix /products.
	Match string `json:"match"`

	// Timeout is zero if there is none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retry is the retry policy, nil if nothing is tried again.
	Retry *DecidedRetry `json:"retry,omitempty"`
	// Mirrors get copies.
	Mirrors []DecidedMirror `json:"mirrors,omitempty"`
	// Fault is what may be injected.
	Fault *DecidedFault `json:"fault,omitempty"`
	// CORS says that there is a policy.
	CORS bool `json:"cors,omitempty"`
	// RateLimits are the limits on the route, as text.
	RateLimits []string `json:"rateLimits,omitempty"`
}

// A DecidedRetry is the retry policy on a request.
type DecidedRetry struct {
	Attempts      int           `json:"attempts"`
	On            []string      `json:"on"`
	Codes         []int         `json:"codes,omitempty"`
	PerTryTimeout time.Duration `json:"perTryTimeout,omitempty"`
	// AvoidSameHost says that hosts which were tried are avoided.
	AvoidSameHost bool `json:"avoidSameHost,omitempty"`
}

// A DecidedMirror is a mirror of a request.
type DecidedMirror struct {
	Cluster string  `json:"cluster"`
	Percent float64 `json:"percent"`
	Missing bool    `json:"missing,omitempty"`
}

// A DecidedFault is what may be injected into a request.
type DecidedFault struct {
	Delay        time.Duration `json:"delay,omitempty"`
	DelayPercent float64       `json:"delayPercent,omitempty"`
	AbortStatus  int           `json:"abortStatus,omitempty"`
	// GRPCStatus is the code that a gRPC client gets; others get AbortStatus.
	GRPCStatus   int     `json:"grpcStatus,omitempty"`
	AbortPercent float64 `json:"abortPercent,omitempty"`
}

// A DecidedDestination is a destination that a request may be sent to.
type DecidedDestination struct {
	// Cluster is Istio's name: outbound|port|subset|host.
	Cluster string `json:"cluster"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	Subset  string `json:"subset,omitempty"`
	// Weight of Total is the share.
	Weight int `json:"weight"`
	Total  int `json:"total"`
	// Missing says that nothing stands behind the name: 503.
	Missing bool `json:"missing,omitempty"`
	// Method, Authority, Path and Headers are what the destination would get.
	Method    string      `json:"method"`
	Authority string      `json:"authority"`
	Path      string      `json:"path"`
	Headers   http.Header `json:"headers"`
}

// Decide says what a request would get from ServeHTTP.
func (g *Gateway) Decide(r *http.Request) Decision {
	p := g.load().deciding()
	return p.decide(r, p.tableFor(r))
}

// Decide says what a request that came to the port would get.
func (l *Listener) Decide(r *http.Request) Decision {
	p := l.gateway.load().deciding()
	c := l.compiled(p)
	t := c.table(r)
	if t != nil {
		return p.decide(r, t)
	}
	d := Decision{Kind: DecisionNoServer, Reason: "no listener"}
	switch {
	case c == nil:
	case r.TLS == nil || c.plain != nil:
		d.Listener, d.Reason = c.name(), "TLS on a plain-text listener, or plain text on a TLS listener"
	default:
		d.Listener, d.Reason = c.name(), "no filter chain for this server name"
	}
	return d
}

// name returns Envoy's name of the listener.
func (l *listener) name() string {
	bind := l.bind
	if bind == "" {
		bind = "0.0.0.0"
	}
	return bind + "_" + strconv.Itoa(l.port)
}

// deciding returns the program as decisions are made with it: what serving would
// draw at random, such as x-request-id, is a zero.
func (p *program) deciding() *program {
	quiet := *p
	quiet.random = func() uint64 { return 0 }
	quiet.edge.random, quiet.edge.ids = quiet.random, new(requestIDs)
	return &quiet
}

func (p *program) decide(r *http.Request, t *routeTable) Decision {
	var v view
	host, c, o := p.route(t, &v, r)
	d := Decision{Reason: o.reason()}
	if t != nil {
		d.RouteTable = t.name
		if t.listener != nil {
			d.Listener = t.listener.name()
		}
	}
	if host != nil {
		d.VirtualHost = host.domain
	}
	if v.r != nil {
		d.Path = v.pathAndQuery()
	}
	if c != nil {
		d.Route = c.decided()
	}
	switch o {
	case outcomeRoute:
		p.decideRoute(&d, &v, c)
		return d
	case outcomeNoServer, outcomeNoHost, outcomeNoRoute:
		d.Kind = DecisionNotFound
	case outcomeHTTPSRedirect:
		d.Kind = DecisionRedirect
	default:
		d.Kind = DecisionBadRequest
	}
	d.answer(func(w http.ResponseWriter) { p.settle(w, &v, o) })
	return d
}

// answer takes down what serve answers.
func (d *Decision) answer(serve func(http.ResponseWriter)) {
	a := answerWriter{header: http.Header{}}
	serve(&a)
	d.Status, d.Body, d.Header, d.Location = a.status, string(a.body), a.header, a.header.Get("Location")
}

// An answerWriter keeps an answer of the gateway's own.
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

// decideRoute says what a route does with a request.
func (p *program) decideRoute(d *Decision, v *view, c *routeClause) {
	rp, r := c.route, v.r
	answers := func(w http.ResponseWriter) bool {
		_, answered := rp.cors.filter(p, w, r)
		return answered
	}
	switch {
	case rp.fault != nil && rp.fault.abortShare == all:
		d.Kind = DecisionAbort
		d.answer(func(w http.ResponseWriter) { rp.fault.abort(p, w, r) })
		return
	case rp.cors != nil && answers(&answerWriter{header: http.Header{}}):
		d.Kind = DecisionPreflight
		d.answer(func(w http.ResponseWriter) { answers(w) })
		return
	case rp.redirect != nil:
		d.Kind = DecisionRedirect
		d.answer(func(w http.ResponseWriter) { rp.redirect.serve(p, w, v, c) })
		return
	case rp.direct != nil:
		d.Kind = DecisionDirectResponse
		d.answer(func(w http.ResponseWriter) { rp.direct.serve(p, w, v, c) })
		return
	}
	d.Kind = DecisionForward
	total := int(rp.split.total)
	for i := range rp.split.destinations {
		dest := &rp.split.destinations[i]
		weight := int(dest.weight)
		if total == 0 {
			weight = 1
		}
		x := new(copiedExchange)
		x.begin(p, v, c)
		x.prepare(dest)
		d.Destinations = append(d.Destinations, DecidedDestination{
			Cluster: dest.cluster(), Host: dest.host, Port: int(dest.port), Subset: dest.subset,
			Weight: weight, Total: max(total, 1), Missing: dest.backend == nil,
			Method: x.req.Method, Authority: x.req.Host, Path: requestTarget(x.req), Headers: x.req.Header,
		})
	}
}

// decided describes a route.
func (c *routeClause) decided() *DecidedRoute {
	rp := c.route
	d := &DecidedRoute{
		VirtualService: rp.service, Name: c.name, Index: int(c.position),
		Match: strings.TrimSpace(c.uri.kind.String() + " " + c.uri.text),
		CORS:  rp.cors != nil, Timeout: rp.timeout,
	}
	for _, l := range rp.limits {
		d.RateLimits = append(d.RateLimits, l.String())
	}
	if rp.redirect != nil || rp.direct != nil {
		return d
	}
	if rp.retry.attempts > 0 {
		d.Retry = &DecidedRetry{rp.retry.attempts, rp.retry.conditions(), rp.retry.codes, rp.retry.perTry, rp.avoids(&rp.split.destinations[0])}
	}
	for i := range rp.mirrors {
		m := &rp.mirrors[i]
		d.Mirrors = append(d.Mirrors, DecidedMirror{m.destination.cluster(), m.share.percent(), m.destination.backend == nil})
	}
	if f := rp.fault; f != nil {
		d.Fault = &DecidedFault{DelayPercent: f.delayShare.percent(), AbortPercent: f.abortShare.percent()}
		if f.delayShare > 0 {
			d.Fault.Delay = f.delay
		}
		if f.abortShare > 0 {
			d.Fault.AbortStatus, d.Fault.GRPCStatus = f.status, grpcCodes[f.grpcName]
		}
	}
	return d
}
