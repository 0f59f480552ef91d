package gateway

import (
	"cmp"
	"log/slog"
	"net/http"
	"path"
	"runtime"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/semantics"
	"github.com/lateengo/gateway/internal/validate"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Builder collects the parts of a Gateway: declarations, the backends that they
// name, and all other settings. Its methods never fail and return the builder;
// Build reports all problems at once.
//
// A Builder is for one goroutine. The zero Builder is not usable: use New.
type Builder struct {
	declared spec.Declarations
	inline   *spec.VirtualService
	sources  []spec.Source
	options  compile.Options
	problems findings.List
	warnings []spec.Warning
}

// New returns an empty Builder: Native semantics, no logging, 404 for
// unmatched requests.
func New() *Builder {
	return &Builder{options: compile.DefaultOptions()}
}

// caller returns the origin of a declaration in Go: the file and line that call the
// builder's method.
func caller(kind, namespace, name string) spec.Origin {
	o := spec.Origin{Kind: kind, Namespace: namespace, Name: name, Go: true}
	if _, file, line, ok := runtime.Caller(2); ok {
		o.File, o.Line = path.Base(file), line
	}
	return o
}

// Route adds a route after the earlier ones. All routes added by this method form
// one VirtualService for every host and every server.
func (b *Builder) Route(r spec.Route) *Builder {
	if r.Origin.IsZero() {
		r.Origin = caller("Route", "", r.Name)
	}
	if b.inline == nil {
		b.inline = &spec.VirtualService{Hosts: []string{"*"}, Gateways: []string{"*"}, Origin: r.Origin}
	}
	b.inline.Routes = append(b.inline.Routes, r)
	return b
}

// VirtualService adds a VirtualService.
func (b *Builder) VirtualService(vs spec.VirtualService) *Builder {
	if vs.Origin.IsZero() {
		vs.Origin = caller("VirtualService", vs.Namespace, vs.Name)
	}
	b.declared.VirtualServices = append(b.declared.VirtualServices, vs)
	return b
}

// Server adds a server. A builder without servers serves all VirtualServices on
// port 80, for every host.
func (b *Builder) Server(s spec.Server) *Builder {
	if s.Origin.IsZero() {
		s.Origin = caller("Server", s.Namespace, s.Gateway)
	}
	b.declared.Servers = append(b.declared.Servers, s)
	return b
}

// Service adds a service outside of this process.
func (b *Builder) Service(s spec.Service) *Builder {
	if s.Origin.IsZero() {
		s.Origin = caller("Service", s.Namespace, s.Name)
	}
	b.declared.Services = append(b.declared.Services, s)
	return b
}

// WorkloadEntry adds an endpoint for the services that select it by its labels.
func (b *Builder) WorkloadEntry(w spec.WorkloadEntry) *Builder {
	if w.Origin.IsZero() {
		w.Origin = caller("WorkloadEntry", w.Namespace, w.Name)
	}
	b.declared.WorkloadEntries = append(b.declared.WorkloadEntries, w)
	return b
}

// DestinationRule adds a DestinationRule.
func (b *Builder) DestinationRule(r spec.DestinationRule) *Builder {
	if r.Origin.IsZero() {
		r.Origin = caller("DestinationRule", r.Namespace, r.Name)
	}
	b.declared.DestinationRules = append(b.declared.DestinationRules, r)
	return b
}

// RateLimit adds a rate limit policy.
func (b *Builder) RateLimit(p spec.RateLimitPolicy) *Builder {
	if p.Origin.IsZero() {
		p.Origin = caller("RateLimitPolicy", p.Namespace, p.Name)
	}
	b.declared.RateLimits = append(b.declared.RateLimits, p)
	return b
}

// Telemetry adds settings of traces. Gateway.Tracing returns those in effect. Give it the
// namespace of the workload, or istio-system for the settings of a whole mesh: in another
// namespace it does not apply to the gateway.
func (b *Builder) Telemetry(t spec.Telemetry) *Builder {
	if t.Origin.IsZero() {
		t.Origin = caller("Telemetry", t.Namespace, t.Name)
	}
	b.declared.Telemetries = append(b.declared.Telemetries, t)
	return b
}

// Load adds the declarations of a Source. Build reads the Source.
func (b *Builder) Load(s spec.Source) *Builder {
	b.sources = append(b.sources, s)
	return b
}

// Backend registers a handler in this process for a destination's name: "host",
// "host:port", "host/subset" or "host:port/subset". "*" means all destinations
// without another backend. A host without a dot is the service of that name in the
// default namespace. The most specific name wins. A backend wins over a Service of
// the same host.
//
// The handler is called concurrently, with a copy of the request. Under
// Gateway.InPlace, it may be called with the request itself.
func (b *Builder) Backend(name string, h http.Handler) *Builder {
	o := caller("Backend", "", name)
	if h == nil {
		b.problems.At(o).Errorf(spec.CodeMissing, "the handler is nil")
		return b
	}
	return b.addBackend(name, compile.Backend{Handler: h, Origin: o})
}

// BackendURL is like Backend, for a server at a URL: http, https, h2c or unix. A
// path in the URL is added before the path of each request.
func (b *Builder) BackendURL(name, url string) *Builder {
	return b.addBackend(name, compile.Backend{URL: url, Origin: caller("Backend", "", name)})
}

func (b *Builder) addBackend(name string, to compile.Backend) *Builder {
	n, err := compile.ParseBackendName(name)
	if err != nil {
		b.problems.At(to.Origin).Errorf(spec.CodeInvalid, "%v", err)
		return b
	}
	to.Name = n
	for i := range b.options.Backends {
		if b.options.Backends[i].Name == n {
			b.problems.At(to.Origin).Errorf(spec.CodeDuplicate, "the backend is registered already at %s:%d",
				b.options.Backends[i].Origin.File, b.options.Backends[i].Origin.Line)
			return b
		}
	}
	b.options.Backends = append(b.options.Backends, to)
	return b
}

// Replicas sets how many gateways share the limits of a Limiter. While the Limiter
// fails, each of them allows this share of a limit with StoreFailureLocal: with 3, a
// third. The default is 1.
func (b *Builder) Replicas(n int) *Builder {
	if n < 1 {
		b.problems.At(caller("Builder", "", "Replicas")).Errorf(spec.CodeInvalid, "%d is not a number of replicas, 1 or more is expected", n)
	}
	b.options.Replicas = n
	return b
}

// Limiter registers the limiter for rate limits with this Provider.
func (b *Builder) Limiter(provider string, l ratelimit.Limiter) *Builder {
	b.options.Limiters[provider] = l
	return b
}

// Semantics selects Native, the default, or Envoy.
func (b *Builder) Semantics(s Semantics) *Builder {
	b.options.Semantics = semantics.Mode(s)
	return b
}

// Strict refuses more requests, and believes less of what they say, for a gateway that
// everybody can reach. It works in any http.Server, under both semantics:
//
//   - 400: a path that servers read in several ways. It has ";" or "\", an escape of an
//     escape, an overlong or a fullwidth character, a segment that ends in a dot, or in an
//     escaped space or control character, or "." or ".." beside an escaped slash.
//   - 400: the name of a header has an underscore, or the host is no name of DNS and no
//     IP address.
//   - 405: TRACE, and TRACK. 501: a method of more than 32 bytes. 431: more header fields
//     than s.MaxFields.
//   - Without TrustedProxies, headers that only a proxy may send are taken off before
//     anything reads them: Forwarded, X-Forwarded-*, X-Real-IP, True-Client-IP,
//     X-Original-URL, X-Envoy-*, Proxy-Authorization and the like. X-Forwarded-For has
//     only the address of the connection then.
//
// Middlewares in front of the gateway see all requests as they came.
func (b *Builder) Strict(s Strict) *Builder {
	b.options.Strict = &program.Strict{MaxFields: cmp.Or(s.MaxFields, 100)}
	return b
}

// PathNormalization selects how to normalize paths before anything else uses them.
// The default is NormalizeBase.
func (b *Builder) PathNormalization(n spec.PathNormalization) *Builder {
	b.options.Paths = n
	return b
}

// TrustedProxies sets how many proxies in front of the gateway are trusted: their
// X-Forwarded-For and X-Forwarded-Proto are used (Istio's numTrustedProxies). The
// default is 0: no client is trusted.
func (b *Builder) TrustedProxies(n int) *Builder {
	b.options.Trusted = n
	return b
}

// MaxRequestBody limits the bodies of requests, in bytes, for the routes without a limit of
// their own: see spec.Route. The default, 0, is no limit.
func (b *Builder) MaxRequestBody(bytes int64) *Builder {
	if bytes < 0 {
		b.problems.At(caller("Builder", "", "MaxRequestBody")).Errorf(spec.CodeInvalid, "%d is not a number of bytes, 0 or more is expected", bytes)
	}
	b.options.MaxBody = bytes
	return b
}

// MaxRequests limits the requests in flight to destinations, over all routes, with upgraded
// connections. One more gets 503 with Retry-After at once, so that those in flight do not
// get slower. Redirects, direct responses and requests without a route are not counted. The
// default, 0, is no limit.
func (b *Builder) MaxRequests(n int) *Builder {
	if n < 0 {
		b.problems.At(caller("Builder", "", "MaxRequests")).Errorf(spec.CodeInvalid, "%d is not a number of requests, 0 or more is expected", n)
	}
	b.options.MaxRequests = n
	return b
}

// Namespace sets the namespace of declarations and backends without a namespace.
// The default is "default".
func (b *Builder) Namespace(name string) *Builder {
	b.options.Namespace = name
	return b
}

// Workload sets the gateway's identity in the cluster: its namespace, for exportTo,
// and its labels, for the selectors of Gateways. The default namespace is
// istio-system. Without labels, every selector matches.
func (b *Builder) Workload(namespace string, labels map[string]string) *Builder {
	b.options.Workload = resource.Workload{Namespace: namespace, Labels: labels}
	return b
}

// Logger sets the logger for events while serving. The default logs nothing.
func (b *Builder) Logger(l *slog.Logger) *Builder {
	b.options.Log = l
	return b
}

// Observe registers an observer, which receives the outcome of every request. It
// can write access logs (package accesslog) or count requests (package metrics), or
// be your own. Without observers, requests have no extra cost.
func (b *Builder) Observe(o observe.Observer) *Builder {
	if f, ok := o.(observe.Func); o == nil || ok && f == nil {
		b.problems.At(caller("Builder", "", "Observe")).Errorf(spec.CodeMissing, "the observer is nil")
		return b
	}
	b.options.Observers = append(b.options.Observers, o)
	return b
}

// RoutingContext lets handlers in this process read from the request's context how it
// was routed: observe.RoutingFrom. Their requests then cost a copy. Without it, the
// context has nothing of the gateway.
func (b *Builder) RoutingContext() *Builder {
	b.options.RoutingContext = true
	return b
}

// A LocalReply is an error that the gateway answers itself: see Builder.LocalReply.
type LocalReply struct {
	// Status is the status of the response, 200 to 599. Other values do not change
	// it.
	Status int
	// ContentType and Body are the body. At first the Body is Envoy's, in plain text,
	// or empty.
	ContentType, Body string
	// Header has the other headers of the response. Change the map itself: another
	// map in its place is ignored.
	Header http.Header
}

// LocalReply lets edit change each error that the gateway answers itself, such as 404,
// 429, 503 and 504, before it is sent (Envoy's local_reply_config). It does not see what
// backends and handlers answer, redirects, direct responses, or replies to gRPC clients,
// which get a grpc-status. edit is called concurrently.
func (b *Builder) LocalReply(edit func(r *http.Request, reply *LocalReply)) *Builder {
	if edit == nil {
		b.options.LocalReply = nil
		return b
	}
	b.options.LocalReply = func(r *http.Request, reply *localreply.Reply) {
		edited := LocalReply{Status: reply.Status, ContentType: reply.ContentType, Body: reply.Body, Header: reply.Header}
		edit(r, &edited)
		reply.Status, reply.ContentType, reply.Body = edited.Status, edited.ContentType, edited.Body
	}
	return b
}

// Fallback serves unmatched requests. The default answers 404, as Envoy does.
func (b *Builder) Fallback(h http.Handler) *Builder {
	b.options.Fallback = h
	return b
}

// Random replaces the source of random numbers for the choice of destinations,
// faults and mirrors. It is called concurrently.
func (b *Builder) Random(source func() uint64) *Builder {
	if source == nil {
		b.problems.At(caller("Builder", "", "Random")).Errorf(spec.CodeMissing, "the source is nil")
		return b
	}
	b.options.Random = source
	return b
}

// Locality sets the location of this gateway: "region/zone/subzone".
// DestinationRules then decide how to use endpoints in other locations. The default
// is no location: all endpoints are equal.
func (b *Builder) Locality(place string) *Builder {
	b.options.Locality = place
	return b
}

// Build compiles everything into a Gateway. The error joins a *spec.Error for each
// problem, in the order of the sources. If there is an error, the Gateway is nil.
func (b *Builder) Build() (*Gateway, error) {
	p, err := b.compile(nil, forward.NewBackground())
	if err != nil {
		return nil, err
	}
	g := new(Gateway)
	g.program.Store(p)
	return g, nil
}

// Warnings returns the warnings of the latest Build, even if it failed, in the
// order of the sources.
func (b *Builder) Warnings() []spec.Warning { return b.warnings }

// compile reads, validates and compiles.
func (b *Builder) compile(before *program.Program, bg *forward.Background) (*program.Program, error) {
	f := &findings.List{Errors: append([]*spec.Error(nil), b.problems.Errors...)}
	d := b.declarations(f)
	f.Warnings = append(f.Warnings, d.Warnings...)
	if d.Incomplete != nil {
		d.Append(*d.Incomplete)
	}
	regexes := regex.Cache{}
	earlier := compile.NewEarlier(before, d, &b.options)
	validate.All(d, validate.Options{
		DefaultNamespace: b.options.Namespace,
		Semantics:        b.options.Semantics,
		TrustedProxies:   b.options.Trusted,
		Workload:         b.options.Workload,
		Regexes:          regexes,
		Checked:          earlier.Checked,
		Valid:            earlier.Valid,
	}, f)
	b.warnings = f.SortedWarnings()
	if err := f.Err(); err != nil {
		return nil, err
	}
	p := compile.Program(d, &b.options, f, regexes, earlier, bg)
	b.warnings = f.SortedWarnings()
	if err := f.Err(); err != nil {
		p.Close(before)
		return nil, err
	}
	p.Warnings = b.warnings
	return p, nil
}

// Declare returns all declarations: those of the builder's methods, and the current ones of
// its sources. Thus a Builder is a [spec.Source], for example for istio.Write. Backends and
// other settings are no declarations. The error joins all problems of reading them; Build
// finds what they mean.
func (b *Builder) Declare() (spec.Declarations, error) {
	f := &findings.List{Errors: append([]*spec.Error(nil), b.problems.Errors...)}
	d := b.declarations(f)
	return *d, f.Err()
}

// declarations reads the sources. It adds their problems to f.
func (b *Builder) declarations(f *findings.List) *spec.Declarations {
	d := cloneDeclarations(&b.declared)
	if b.inline != nil {
		d.VirtualServices = append(d.VirtualServices, *b.inline)
	}
	for _, s := range b.sources {
		more, err := s.Declare()
		f.Add(err)
		d.Append(more)
	}
	markLiterals(d)
	return d
}

// markLiterals marks declarations without an origin as Go literals, so that
// findings about them name Go's fields.
func markLiterals(d *spec.Declarations) {
	mark := func(o *spec.Origin) { o.Go = o.Go || o.IsZero() }
	for i := range d.Servers {
		mark(&d.Servers[i].Origin)
	}
	for i := range d.VirtualServices {
		mark(&d.VirtualServices[i].Origin)
	}
	for i := range d.Services {
		mark(&d.Services[i].Origin)
	}
	for i := range d.WorkloadEntries {
		mark(&d.WorkloadEntries[i].Origin)
	}
	for i := range d.DestinationRules {
		mark(&d.DestinationRules[i].Origin)
	}
	for i := range d.RateLimits {
		mark(&d.RateLimits[i].Origin)
	}
	for i := range d.RateLimitDomains {
		mark(&d.RateLimitDomains[i].Origin)
	}
	for i := range d.Telemetries {
		mark(&d.Telemetries[i].Origin)
	}
	for i := range d.Credentials {
		mark(&d.Credentials[i].Origin)
	}
}

func cloneDeclarations(d *spec.Declarations) *spec.Declarations {
	out := new(spec.Declarations)
	out.Append(*d)
	return out
}
