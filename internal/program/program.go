// Package program handles requests with an immutable Program. It finds the
// route, runs the filters in Envoy's order, sends the exchange to a
// destination, and writes the gateway's own replies.
package program

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/chiroute"
	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/hosts"
	"github.com/lateengo/gateway/internal/limit"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/record"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// BareView returns the view of a request for it.
func (p *Program) BareView(r *http.Request) match.View {
	v := match.View{Request: r, Scheme: p.Edge.Scheme(r), Chi: chiroute.Context(r.Context()), Edge: &p.Edge}
	v.Path, v.Mount = chiroute.Path(r, v.Chi)
	return v
}

// Deciding returns the program for decisions without serving: values that
// serving would draw at random, such as x-request-id, are zero.
func (p *Program) Deciding() *Program {
	quiet := *p
	quiet.Random = func() uint64 { return 0 }
	quiet.Edge.Random, quiet.Edge.IDs = quiet.Random, new(edge.RequestIDs)
	return &quiet
}

// A Program is compiled from spec.Declarations. It is immutable, and holds
// everything needed to handle a request. Each request uses one program from
// start to end.
type Program struct {
	Semantics semantics.Mode
	// Strict is nil if requests are read as Envoy reads them.
	Strict        *Strict
	Normalization spec.PathNormalization
	Edge          edge.Edge
	Random        func() uint64
	Log           *slog.Logger
	Fallback      http.Handler
	Background    *forward.Background
	// Failures logs destinations that cannot be reached. It may be nil.
	Failures *Failures
	// LocalReply edits the gateway's own error replies. It may be nil.
	LocalReply func(*http.Request, *localreply.Reply)
	// RoutingContext adds an observe.Routing to the context for handlers.
	RoutingContext bool
	// Observers is nil if nobody observes requests.
	Observers *record.Observers
	// Bare means that the program is a single feature around a handler:
	// requests keep their path and all headers.
	Bare bool
	// Load bounds the requests in flight, or is nil.
	Load *Load

	// Generation counts the programs of a Gateway, and Built is when this one was
	// built.
	Generation uint64
	Built      time.Time
	// Listeners are in the order of their ports.
	Listeners []*Listener
	Warnings  []spec.Warning
	// Declarations are what the program was compiled from. Only explanations read them.
	Declarations *spec.Declarations
	// Credentials are the declared credentials of TLS servers, by name.
	Credentials map[string]Credential
	// Tracing are the settings of traces in effect.
	Tracing observe.Tracing

	// Buckets and Upstreams are kept by identity for the next program. So are Memory,
	// which counts shared limits in this process, and Budget, the memory for all limits.
	Buckets   map[string]*bucket.Buckets
	Upstreams map[string]*Remote
	Memory    *bucket.Memory
	Budget    *bucket.Budget
	// Stores are the limiters. They are kept too.
	Stores map[limit.StoreKey]*limit.Store
	// Compilation is what package compile keeps for the next program, or nil.
	Compilation any
}

// BucketsOf returns the buckets of a limit, if the program has them.
func (p *Program) BucketsOf(identity string) *bucket.Buckets {
	if p == nil {
		return nil
	}
	return p.Buckets[identity]
}

// StoreOf returns a store, or nil.
func (p *Program) StoreOf(key limit.StoreKey) *limit.Store {
	if p == nil {
		return nil
	}
	return p.Stores[key]
}

// Limiters returns the figures of the limiters, ordered by provider. The stores of a
// provider are added.
func (p *Program) Limiters() []observe.Limiter {
	all := make(map[string]observe.Limiter)
	for key, s := range p.Stores {
		f, sum := s.Figures(), all[key.Provider]
		sum.Provider = key.Provider
		sum.Asked, sum.Failures, sum.Missed = sum.Asked+f.Asked, sum.Failures+f.Failures, sum.Missed+f.Missed
		if f.Failing && (!sum.Failing || f.FailingSince.Before(sum.FailingSince)) {
			sum.Failing, sum.FailingSince = true, f.FailingSince
		}
		all[key.Provider] = sum
	}
	var out []observe.Limiter
	for _, provider := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[provider])
	}
	return out
}

// LimitMemory returns what counts shared limits in this process, and the memory for all
// limits. Without a program they are new.
func (p *Program) LimitMemory() (*bucket.Memory, *bucket.Budget) {
	if p == nil {
		budget := bucket.NewBudget(0)
		return bucket.NewMemory(budget), budget
	}
	return p.Memory, p.Budget
}

// A Route is a spec.Route, compiled for a server. Fields that every request
// reads come first, in one or two cache lines.
type Route struct {
	Fault    *Fault
	CORS     *CORS
	Limits   limit.Set
	Redirect *Redirect
	Direct   *Direct
	// Response are the operations on a response that does not come from a
	// destination.
	Response *header.Operations

	Timeout time.Duration
	Retry   *forward.Retry
	// MaxBody is the length of the longest body of a request, or 0 for any. Load bounds
	// the requests in flight, or is nil.
	MaxBody int64
	Load    *Load
	Rewrite *Rewrite
	Mirrors []Mirror
	Split   Split
	// Wrapped means that the response's header must be intercepted.
	Wrapped bool

	// Service is the VirtualService's namespace and name.
	Service string
	// Origin is where the route was declared: in a delegate, if there is one.
	Origin spec.Origin
	// Declared is what the route was compiled from. Only descriptions of the route
	// read it.
	Declared Declaration
	// DeclaresCORS means that the route has a policy, which has no effect
	// without destinations.
	DeclaresCORS bool
	// CountsCluster means that a limit counts by the destination.
	CountsCluster bool
	// Hashes are what is hashed to choose endpoints, as text.
	Hashes []string
}

// look fills the view of a request. Only the path can make it fail.
func (p *Program) look(v *match.View, r *http.Request) Outcome {
	v.Request, v.Edge, v.Scheme = r, &p.Edge, p.Edge.Scheme(r)
	v.Chi = chiroute.Context(r.Context())
	if v.Chi == nil && r.URL.RawPath == "" && p.Normalization == spec.NormalizeBase && match.IsOrdinary(r.URL.Path) &&
		r.Method != http.MethodConnect {
		// The code below would give the same result, in several passes.
		v.Path = r.URL.Path
		return OutcomeRoute
	}
	raw, mount := chiroute.Path(r, v.Chi)
	if i := strings.IndexByte(raw, '#'); i >= 0 {
		raw = raw[:i]
	}
	v.Path, v.Mount = raw, mount
	if r.Method == http.MethodConnect || len(raw) == 0 || raw[0] != '/' {
		// No route matches: CONNECT and OPTIONS * have no path.
		return OutcomeNoRoute
	}
	path, ok := match.Normalize(p.Normalization, raw)
	if !ok {
		return outcomeBadPath
	}
	v.Path = path
	return OutcomeRoute
}

// validHost reports whether a Host header is one. An empty one is for the server to refuse.
func (p *Program) validHost(authority string) bool {
	if p.Semantics.ReadsPorts() {
		return authority == "" || doubt.IsAuthority(authority)
	}
	return hosts.Valid(authority)
}

// Route finds the virtual host and the clause for a request in a table.
func (p *Program) Route(t *RouteTable, v *match.View, r *http.Request) (*VirtualHost, *Clause, Outcome) {
	if p.Strict != nil {
		if o := p.Strict.judge(r); o != OutcomeRoute {
			v.Request = r
			return nil, nil, o
		}
		without := p.withoutClaims(r)
		v.Owned = v.Owned && without == r
		r = without
	}
	if scheme := r.URL.Scheme; scheme != "" && scheme != "http" && scheme != "https" {
		// Only an absolute target has one.
		v.Request = r
		return nil, nil, outcomeBadScheme
	}
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 && p.Semantics.RefusesHTTP10() {
		v.Request = r
		return nil, nil, outcomeHTTP10
	}
	if r.ProtoMajor == 2 && doubt.IsMalformedHTTP2(r) {
		v.Request = r
		return nil, nil, outcomeMalformed
	}
	if p.Semantics.DropsFinalDot() {
		if host, found := hosts.WithoutFinalDot(r.Host); found {
			without := *r
			without.Host = host
			r, v.Owned = &without, false
			if _, another := hosts.WithoutFinalDot(host); another {
				v.Request = r
				return nil, nil, outcomeBadHost
			}
		}
	}
	plain := hosts.IsPlainName(r.Host)
	if !plain && !p.validHost(r.Host) || r.URL.User != nil {
		v.Request = r
		return nil, nil, outcomeBadHost
	}
	connection := r.Header["Connection"]
	if len(connection) > 0 {
		without, ok := withoutNominated(r, connection)
		if !ok {
			v.Request = r
			return nil, nil, outcomeBadConnection
		}
		// A copy is not owned, even if the original request is.
		v.Owned = v.Owned && without == r
		r = without
	}
	if hasFragment(r.URL) {
		r, v.Owned = withoutFragment(r), false
	}
	o := p.look(v, r)
	if o == outcomeBadPath {
		return nil, nil, o
	}
	if r.TLS == nil && r.URL.Scheme == "https" && v.Scheme != "https" {
		return nil, nil, outcomeWrongScheme
	}
	if t == nil {
		return nil, nil, OutcomeNoServer
	}
	var host *VirtualHost
	var ok bool
	if plain {
		host, ok = t.Hosts.FindName(r.Host)
	} else {
		host, ok = t.Hosts.Find(r.Host)
	}
	if !ok {
		return nil, nil, OutcomeNoHost
	}
	if host.redirect && v.Scheme != "https" {
		return host, nil, OutcomeHTTPSRedirect
	}
	if o != OutcomeRoute {
		return host, nil, o
	}
	if o := p.Doubt(host, r.URL.RawQuery, connection); o != OutcomeRoute {
		return host, nil, o
	}
	c := host.Find(v)
	if c == nil {
		if host == Blackhole {
			return host, nil, OutcomeBlackhole
		}
		return host, nil, OutcomeNoRoute
	}
	if len(connection) > 0 && len(r.Header["Upgrade"]) > 0 {
		v.Upgrade = isWebSocket(r)
		switch {
		case v.Upgrade && r.ContentLength != 0:
			return host, c, outcomeUpgradeWithBody
		case !v.Upgrade && isUpgrade(r):
			return host, c, outcomeBadUpgrade
		}
	}
	return host, c, OutcomeRoute
}

// Serve answers a request that belongs to a table. owned tells whether the
// gateway owns the request. Unmatched requests go to next.
func (p *Program) Serve(w http.ResponseWriter, r *http.Request, t *RouteTable, next http.Handler, owned bool) {
	v := match.View{Owned: owned}
	if p.Observers != nil {
		p.serveObserved(w, r, t, next, &v)
		return
	}
	p.serve(w, r, t, next, &v)
}

func (p *Program) serve(w http.ResponseWriter, r *http.Request, t *RouteTable, next http.Handler, v *match.View) {
	host, c, o := p.Route(t, v, r)
	if v.Record != nil {
		noteRoute(v.Record, t, host, c, o)
	}
	switch o {
	case OutcomeRoute:
		if p.RoutingContext {
			v.Routing = routing(t, host, c)
		}
		p.Take(w, v, c)
	case OutcomeNoServer, OutcomeNoHost, OutcomeNoRoute, OutcomeBlackhole:
		if next == nil {
			next = p.Fallback
		}
		if next != nil {
			next.ServeHTTP(w, r)
			return
		}
		p.Settle(w, v, o)
	default:
		p.Settle(w, v, o)
	}
}

// Settle answers an unmatched request.
func (p *Program) Settle(w http.ResponseWriter, v *match.View, o Outcome) {
	v.Record.Forgotten()
	body := ""
	switch o {
	case OutcomeHTTPSRedirect:
		w.Header()["Location"] = []string{"https://" + v.Request.Host + v.ClientTarget()}
	case outcomeBadScheme:
		w.Header()["Connection"] = []string{"close"}
		body = "Bad Request" // as Envoy's codec answers
	case outcomeTrace:
		w.Header()["Allow"] = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}
	case outcomeBadUpgrade, outcomeUpgradeWithBody, outcomeBadHost, outcomeBadPath, outcomeBadConnection:
		w.Header()["Connection"] = []string{"close"}
	}
	p.localReply(w, v.Request, o.status(), body)
}

// Close closes the upstreams and the stores that kept does not use.
func (p *Program) Close(kept *Program) {
	for key, s := range p.Stores {
		if kept.StoreOf(key) != s {
			s.Close()
		}
	}
	for identity, u := range p.Upstreams {
		if kept == nil || kept.Upstreams[identity] != u {
			_ = u.Close()
		}
	}
}
