package istio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

func (w *writer) writeVirtualServices() {
	list := w.declared.VirtualServices
	of := make([]naming, len(list))
	for i := range list {
		vs := &list[i]
		base := strings.Join(vs.Hosts[:min(1, len(vs.Hosts))], "")
		of[i] = naming{cmp.Or(vs.Namespace, w.options.Namespace), vs.Name, vs.Created, base}
	}
	for i, name := range namesOf("routes", of) {
		vs := &list[i]
		doc := w.document(vs.Origin, networkingGroup+"/v1", "VirtualService", vs.Namespace, name, vs.Created)
		if vs.Name == "" {
			w.note(doc, "metadata.name", "the VirtualService had no name")
		}
		w.virtualServices = append(w.virtualServices, doc)
		m := &networking.VirtualService{Hosts: vs.Hosts, ExportTo: vs.ExportTo, Gateways: w.gatewayNames(doc, vs.Gateways)}
		switch {
		case len(w.declared.Servers) > 0 || len(vs.Hosts) == 0:
		case w.implicit:
			m.Gateways = []string{w.gateways[0].from(doc.namespace)}
		default:
			w.note(doc, "", "there is no Gateway: Lateen serves it on port 80, and Istio only in the sidecars of the mesh")
		}
		for j := range vs.Routes {
			m.Http = append(m.Http, w.route(doc, fmt.Sprintf("spec.http[%d]", j), vs, j))
		}
		doc.content.set("spec", messageValue(m))
	}
}

// gatewayNames returns names of Gateways for YAML, in which there is no name for all.
func (w *writer) gatewayNames(doc *written, names []string) []string {
	at := slices.Index(names, "*")
	if at < 0 {
		return names
	}
	var out []string
	for _, g := range w.gateways {
		out = append(out, g.from(doc.namespace))
	}
	for _, name := range names {
		if name != "*" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// routeName returns the name of a route in YAML: a route with limits of its own needs one.
func routeName(vs *spec.VirtualService, i int) string {
	r := &vs.Routes[i]
	if r.Name != "" || len(r.RateLimits) == 0 {
		return r.Name
	}
	name := fmt.Sprintf("route-%d", i+1)
	for slices.ContainsFunc(vs.Routes, func(o spec.Route) bool { return o.Name == name }) {
		name += "-limited"
	}
	return name
}

func (w *writer) route(doc *written, path string, vs *spec.VirtualService, i int) *networking.HTTPRoute {
	r := &vs.Routes[i]
	m := &networking.HTTPRoute{
		Name:           routeName(vs, i),
		Redirect:       w.redirect(doc, path+".redirect", r.Redirect),
		DirectResponse: w.directResponse(doc, path+".directResponse", r.DirectResponse),
		Rewrite:        rewriteMessage(r.Rewrite),
		Headers:        headersMessage(&r.Headers),
		Timeout:        durationMessage(r.Timeout),
		Retries:        w.retry(doc, path+".retries", r.Retry),
		Fault:          w.fault(doc, path+".fault", r.Fault),
		CorsPolicy:     w.cors(doc, path+".corsPolicy", r.CORS),
	}
	if r.MaxRequestBody != 0 {
		w.lost(doc, path+".maxRequestBody", "Istio has no limit for the bodies of a route")
	}
	if r.MaxRequests != 0 {
		w.lost(doc, path+".maxRequests", "Istio has no limit for the requests in flight of a route")
	}
	if m.Name != r.Name {
		w.note(doc, path+".name", "the route had no name, and needs one for its rate limits")
	}
	for j := range r.Match {
		m.Match = append(m.Match, w.match(doc, fmt.Sprintf("%s.match[%d]", path, j), &r.Match[j]))
	}
	for j := range r.Destinations {
		d := &r.Destinations[j]
		at := fmt.Sprintf("%s.route[%d]", path, j)
		m.Route = append(m.Route, &networking.HTTPRouteDestination{
			Destination: w.destination(doc, at+".destination", d),
			Weight:      number32[int32](w, doc, at+".weight", d.Weight),
			Headers:     headersMessage(&d.Headers),
		})
	}
	if r.Delegate != nil {
		m.Delegate = &networking.Delegate{Name: r.Delegate.Name, Namespace: r.Delegate.Namespace}
	}
	w.mirrors(doc, path, r.Mirrors, m)
	return m
}

// mirrors writes one mirror as mirror, which more people know.
func (w *writer) mirrors(doc *written, path string, mirrors []spec.Mirror, m *networking.HTTPRoute) {
	percent := func(p *float64) *networking.Percent {
		if p == nil {
			return nil
		}
		return &networking.Percent{Value: *p}
	}
	if len(mirrors) == 1 {
		w.mirrorDestination(doc, path+".mirror", &mirrors[0])
		m.Mirror = w.destination(doc, path+".mirror", &mirrors[0].Destination)
		m.MirrorPercentage = percent(mirrors[0].Percent)
		return
	}
	for i := range mirrors {
		at := fmt.Sprintf("%s.mirrors[%d]", path, i)
		w.mirrorDestination(doc, at, &mirrors[i])
		m.Mirrors = append(m.Mirrors, &networking.HTTPMirrorPolicy{
			Destination: w.destination(doc, at+".destination", &mirrors[i].Destination), Percentage: percent(mirrors[i].Percent),
		})
	}
}

// mirrorDestination says what of a mirror's destination is not used.
func (w *writer) mirrorDestination(doc *written, path string, m *spec.Mirror) {
	if m.Destination.Weight != 0 || !m.Destination.Headers.IsZero() {
		doc.comment(path, "the weight and the headers of a mirror are not used, and not written")
	}
}

func (w *writer) match(doc *written, path string, s *spec.Match) *networking.HTTPMatchRequest {
	m := &networking.HTTPMatchRequest{
		Name:            s.Name,
		Uri:             w.stringMatch(doc, path+".uri", s.URI),
		IgnoreUriCase:   s.IgnoreURICase,
		Scheme:          w.stringMatch(doc, path+".scheme", s.Scheme),
		Method:          w.stringMatch(doc, path+".method", s.Method),
		Authority:       w.stringMatch(doc, path+".authority", s.Authority),
		Headers:         w.stringMatches(doc, path+".headers", s.Headers),
		WithoutHeaders:  w.stringMatches(doc, path+".withoutHeaders", s.WithoutHeaders),
		QueryParams:     w.stringMatches(doc, path+".queryParams", s.QueryParams),
		Port:            number32[uint32](w, doc, path+".port", s.Port),
		SourceLabels:    s.SourceLabels,
		SourceNamespace: s.SourceNamespace,
		StatPrefix:      s.StatPrefix,
	}
	if m.Gateways = w.gatewayNames(doc, s.Gateways); w.implicit && len(s.Gateways) > 0 {
		m.Gateways = []string{w.gateways[0].from(doc.namespace)}
	}
	return m
}

// stringMatch returns nil for a match of any value.
func (w *writer) stringMatch(doc *written, path string, s spec.StringMatch) *networking.StringMatch {
	switch s.Kind {
	case spec.MatchAny:
		return nil
	case spec.MatchExact:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: s.Value}}
	case spec.MatchPrefix:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: s.Value}}
	case spec.MatchRegex:
		return &networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: s.Value}}
	}
	w.lost(doc, path, fmt.Sprintf("%d is not a kind of match", s.Kind))
	return nil
}

func (w *writer) stringMatches(doc *written, path string, s map[string]spec.StringMatch) map[string]*networking.StringMatch {
	if len(s) == 0 {
		return nil
	}
	m := make(map[string]*networking.StringMatch, len(s))
	for _, name := range slices.Sorted(maps.Keys(s)) {
		m[name] = cmp.Or(w.stringMatch(doc, path+"["+name+"]", s[name]), new(networking.StringMatch))
	}
	return m
}

func (w *writer) destination(doc *written, path string, d *spec.Destination) *networking.Destination {
	m := &networking.Destination{Host: d.Host, Subset: d.Subset}
	if d.Port != 0 {
		m.Port = &networking.PortSelector{Number: number32[uint32](w, doc, path+".port.number", d.Port)}
	}
	return m
}

func headersMessage(h *spec.Headers) *networking.Headers {
	if h.IsZero() {
		return nil
	}
	operations := func(o *spec.HeaderOperations) *networking.Headers_HeaderOperations {
		if o.IsZero() {
			return nil
		}
		return &networking.Headers_HeaderOperations{Set: o.Set, Add: o.Add, Remove: o.Remove}
	}
	return &networking.Headers{Request: operations(&h.Request), Response: operations(&h.Response)}
}

func rewriteMessage(s *spec.Rewrite) *networking.HTTPRewrite {
	if s == nil {
		return nil
	}
	m := &networking.HTTPRewrite{Uri: s.URI, Authority: s.Authority}
	if x := s.URIRegex; x != nil {
		m.UriRegexRewrite = &networking.RegexRewrite{Match: x.Match, Rewrite: x.Rewrite}
	}
	return m
}

func (w *writer) redirect(doc *written, path string, s *spec.Redirect) *networking.HTTPRedirect {
	if s == nil {
		return nil
	}
	m := &networking.HTTPRedirect{
		Uri: s.URI, PrefixRewrite: s.PrefixRewrite, Authority: s.Authority, Scheme: s.Scheme,
		RedirectCode: number32[uint32](w, doc, path+".redirectCode", s.Code),
	}
	switch {
	case s.DerivePort == spec.PortDerivationNone:
		if s.Port != 0 {
			m.RedirectPort = &networking.HTTPRedirect_Port{Port: number32[uint32](w, doc, path+".port", s.Port)}
		}
		return m
	case s.Port != 0:
		w.lost(doc, path+".port", "it cannot be combined with derivePort")
	}
	derive := networking.HTTPRedirect_FROM_PROTOCOL_DEFAULT
	if s.DerivePort == spec.PortDerivationRequestPort {
		derive = networking.HTTPRedirect_FROM_REQUEST_PORT
	} else if s.DerivePort != spec.PortDerivationProtocolDefault {
		w.lost(doc, path+".derivePort", fmt.Sprintf("%d is not a way to derive a port", s.DerivePort))
	}
	m.RedirectPort = &networking.HTTPRedirect_DerivePort{DerivePort: derive}
	return m
}

// directResponse writes a body that is not text in base64.
func (w *writer) directResponse(doc *written, path string, s *spec.DirectResponse) *networking.HTTPDirectResponse {
	if s == nil {
		return nil
	}
	m := &networking.HTTPDirectResponse{Status: number32[uint32](w, doc, path+".status", s.Status)}
	switch {
	case len(s.Body) == 0:
	case utf8.Valid(s.Body):
		m.Body = &networking.HTTPBody{Specifier: &networking.HTTPBody_String_{String_: string(s.Body)}}
	default:
		m.Body = &networking.HTTPBody{Specifier: &networking.HTTPBody_Bytes{Bytes: s.Body}}
	}
	return m
}

// durationMessage returns nil for zero.
func durationMessage(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func boolMessage(b *bool) *wrapperspb.BoolValue {
	if b == nil {
		return nil
	}
	return wrapperspb.Bool(*b)
}

func floatMessage(x *float64) *wrapperspb.DoubleValue {
	if x == nil {
		return nil
	}
	return wrapperspb.Double(*x)
}

func (w *writer) retry(doc *written, path string, s *spec.Retry) *networking.HTTPRetry {
	if s == nil {
		return nil
	}
	m := &networking.HTTPRetry{
		Attempts:      number32[int32](w, doc, path+".attempts", s.Attempts),
		PerTryTimeout: durationMessage(s.PerTryTimeout),
		RetryOn:       strings.Join(s.On, ","),
		Backoff:       durationMessage(s.Backoff),
	}
	if len(s.On) > 0 && m.RetryOn == "" || slices.ContainsFunc(s.On, func(on string) bool { return strings.Contains(on, ",") }) {
		w.lost(doc, path+".retryOn", "a condition is empty or has a comma")
	}
	if s.RemoteLocalities {
		m.RetryRemoteLocalities = wrapperspb.Bool(true)
	}
	if s.SameHosts != nil {
		m.RetryIgnorePreviousHosts = wrapperspb.Bool(!*s.SameHosts)
	}
	return m
}

func (w *writer) fault(doc *written, path string, s *spec.Fault) *networking.HTTPFaultInjection {
	if s == nil {
		return nil
	}
	m := &networking.HTTPFaultInjection{}
	if d := s.Delay; d != nil {
		m.Delay = &networking.HTTPFaultInjection_Delay{
			HttpDelayType: &networking.HTTPFaultInjection_Delay_FixedDelay{FixedDelay: durationpb.New(d.Fixed)},
			Percentage:    &networking.Percent{Value: d.Percent},
		}
	}
	if a := s.Abort; a != nil {
		m.Abort = &networking.HTTPFaultInjection_Abort{Percentage: &networking.Percent{Value: a.Percent}}
		switch {
		case a.GRPCStatus != "" && a.HTTPStatus != 0:
			w.lost(doc, path+".abort.grpcStatus", "it cannot be combined with httpStatus")
			fallthrough
		case a.HTTPStatus != 0:
			m.Abort.ErrorType = &networking.HTTPFaultInjection_Abort_HttpStatus{HttpStatus: number32[int32](w, doc, path+".abort.httpStatus", a.HTTPStatus)}
		case a.GRPCStatus != "":
			m.Abort.ErrorType = &networking.HTTPFaultInjection_Abort_GrpcStatus{GrpcStatus: a.GRPCStatus}
		}
	}
	return m
}

func (w *writer) cors(doc *written, path string, s *spec.CORS) *networking.CorsPolicy {
	if s == nil {
		return nil
	}
	m := &networking.CorsPolicy{AllowMethods: s.AllowMethods, AllowHeaders: s.AllowHeaders, ExposeHeaders: s.ExposeHeaders}
	for i, origin := range s.AllowOrigins {
		m.AllowOrigins = append(m.AllowOrigins, cmp.Or(w.stringMatch(doc, fmt.Sprintf("%s.allowOrigins[%d]", path, i), origin), new(networking.StringMatch)))
	}
	if s.MaxAge != nil {
		m.MaxAge = durationpb.New(*s.MaxAge)
	}
	if s.AllowCredentials {
		m.AllowCredentials = wrapperspb.Bool(true)
	}
	switch s.UnmatchedPreflights {
	case spec.UnmatchedPreflightsForward:
	case spec.UnmatchedPreflightsIgnore:
		m.UnmatchedPreflights = networking.CorsPolicy_IGNORE
	default:
		w.lost(doc, path+".unmatchedPreflights", fmt.Sprintf("%d is not a way to handle preflights", s.UnmatchedPreflights))
	}
	return m
}
