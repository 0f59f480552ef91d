package istio

import (
	"fmt"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
	"google.golang.org/protobuf/types/known/durationpb"

	networking "istio.io/api/networking/v1alpha3"
)

func (r *reader) virtualService(m *networking.VirtualService) spec.VirtualService {
	vs := spec.VirtualService{
		Name:      r.origin.Name,
		Namespace: r.origin.Namespace,
		Hosts:     m.Hosts,
		Gateways:  m.Gateways,
		ExportTo:  m.ExportTo,
		Origin:    r.origin,
	}
	if len(m.Http) > 0 {
		vs.Routes = make([]spec.Route, len(m.Http))
	}
	for i, route := range m.Http {
		r.route(&vs.Routes[i], route, fmt.Sprintf("spec.http[%d]", i))
	}
	return vs
}

// route fills in the route at path.
func (r *reader) route(to *spec.Route, m *networking.HTTPRoute, path string) {
	to.Origin = r.below(path)
	to.Name = m.Name
	if len(m.Match) > 0 {
		to.Match = make([]spec.Match, len(m.Match))
		for i, match := range m.Match {
			to.Match[i] = httpMatch(match)
		}
	}
	if len(m.Route) > 0 {
		to.Destinations = make([]spec.Destination, len(m.Route))
		for i, d := range m.Route {
			to.Destinations[i] = destination(d.GetDestination())
			to.Destinations[i].Weight = int(d.GetWeight())
			to.Destinations[i].Headers = headers(d.GetHeaders())
			if portZero(d.GetDestination()) {
				r.errorAt(spec.CodeInvalid, fmt.Sprintf("%s.route[%d].destination.port.number", path, i), notPortZero)
			}
		}
	}
	to.Redirect = redirect(m.Redirect)
	to.DirectResponse = directResponse(m.DirectResponse)
	if d := m.Delegate; d != nil {
		to.Delegate = &spec.Delegate{Name: d.Name, Namespace: d.Namespace}
	}
	if w := m.Rewrite; w != nil {
		to.Rewrite = &spec.Rewrite{URI: w.Uri, Authority: w.Authority}
		if x := w.UriRegexRewrite; x != nil {
			to.Rewrite.URIRegex = &spec.RegexRewrite{Match: x.Match, Rewrite: x.Rewrite}
		}
	}
	to.Headers = headers(m.Headers)
	to.Timeout = r.positive(m.Timeout, path, "timeout")
	to.Retry = r.retry(m.Retries, path)
	to.Fault = r.fault(m.Fault, path)
	to.CORS = r.cors(m.CorsPolicy, path)
	to.Mirrors = r.mirrors(m, path)
}

// positive returns a duration. It refuses zero, which would otherwise mean that the
// duration is missing.
func (r *reader) positive(d *durationpb.Duration, path, field string) time.Duration {
	if d == nil {
		return 0
	}
	t := d.AsDuration()
	if t == 0 {
		r.errorAt(spec.CodeInvalid, path+"."+field, "must be at least 1ms; omit it for none")
	}
	return t
}

func headers(m *networking.Headers) spec.Headers {
	return spec.Headers{Request: headerOperations(m.GetRequest()), Response: headerOperations(m.GetResponse())}
}

func headerOperations(m *networking.Headers_HeaderOperations) spec.HeaderOperations {
	return spec.HeaderOperations{Set: m.GetSet(), Add: m.GetAdd(), Remove: m.GetRemove()}
}

func destination(m *networking.Destination) spec.Destination {
	return spec.Destination{Host: m.GetHost(), Port: int(m.GetPort().GetNumber()), Subset: m.GetSubset()}
}

// portZero reports whether a destination has port 0, which would otherwise mean
// that the port is missing.
func portZero(m *networking.Destination) bool { return m.GetPort() != nil && m.Port.Number == 0 }

const notPortZero = "must be between 1 and 65535, not 0"

func redirect(m *networking.HTTPRedirect) *spec.Redirect {
	if m == nil {
		return nil
	}
	to := &spec.Redirect{
		URI:           m.Uri,
		PrefixRewrite: m.PrefixRewrite,
		Authority:     m.Authority,
		Scheme:        m.Scheme,
		Port:          int(m.GetPort()),
		Code:          int(m.RedirectCode),
	}
	if derived, ok := m.RedirectPort.(*networking.HTTPRedirect_DerivePort); ok {
		to.DerivePort = spec.PortDerivationProtocolDefault
		if derived.DerivePort == networking.HTTPRedirect_FROM_REQUEST_PORT {
			to.DerivePort = spec.PortDerivationRequestPort
		}
	}
	return to
}

func directResponse(m *networking.HTTPDirectResponse) *spec.DirectResponse {
	if m == nil {
		return nil
	}
	to := &spec.DirectResponse{Status: int(m.Status)}
	switch body := m.GetBody().GetSpecifier().(type) {
	case *networking.HTTPBody_String_:
		to.Body = []byte(body.String_)
	case *networking.HTTPBody_Bytes:
		to.Body = body.Bytes
	}
	return to
}

func (r *reader) retry(m *networking.HTTPRetry, path string) *spec.Retry {
	if m == nil {
		return nil
	}
	to := &spec.Retry{
		Attempts:         int(m.Attempts),
		PerTryTimeout:    r.positive(m.PerTryTimeout, path, "retries.perTryTimeout"),
		RemoteLocalities: m.RetryRemoteLocalities.GetValue(),
		Backoff:          r.positive(m.Backoff, path, "retries.backoff"),
	}
	if m.RetryOn != "" {
		to.On = strings.Split(m.RetryOn, ",")
	}
	if ignore := m.RetryIgnorePreviousHosts; ignore != nil {
		same := !ignore.Value
		to.SameHosts = &same
	}
	return to
}

func (r *reader) fault(m *networking.HTTPFaultInjection, path string) *spec.Fault {
	if m == nil {
		return nil
	}
	to := &spec.Fault{}
	if d := m.Delay; d != nil {
		to.Delay = &spec.FaultDelay{Fixed: d.GetFixedDelay().AsDuration(), Percent: d.GetPercentage().GetValue()}
		if percent := delayPercent(d); percent != 0 {
			r.warnAt(path+".fault.delay.percent@key", deprecated, "is deprecated; use percentage")
			if d.Percentage == nil {
				to.Delay.Percent = float64(percent)
			}
		}
	}
	if a := m.Abort; a != nil {
		to.Abort = &spec.FaultAbort{
			HTTPStatus: int(a.GetHttpStatus()),
			GRPCStatus: a.GetGrpcStatus(),
			Percent:    a.GetPercentage().GetValue(),
		}
	}
	return to
}

func (r *reader) cors(m *networking.CorsPolicy, path string) *spec.CORS {
	if m == nil {
		return nil
	}
	to := &spec.CORS{
		AllowMethods:     m.AllowMethods,
		AllowHeaders:     m.AllowHeaders,
		ExposeHeaders:    m.ExposeHeaders,
		AllowCredentials: m.AllowCredentials.GetValue(),
	}
	for _, origin := range m.AllowOrigins {
		to.AllowOrigins = append(to.AllowOrigins, stringMatch(origin))
	}
	if exact := allowOrigin(m); len(exact) > 0 {
		r.warnAt(path+".corsPolicy.allowOrigin@key", deprecated, "is deprecated; use allowOrigins")
		if len(m.AllowOrigins) > 0 {
			r.warnAt(path+".corsPolicy.allowOrigin@key", "", "has no effect: allowOrigins is also set")
		} else {
			for _, origin := range exact {
				to.AllowOrigins = append(to.AllowOrigins, spec.Exact(origin))
			}
		}
	}
	if m.MaxAge != nil {
		age := m.MaxAge.AsDuration()
		to.MaxAge = &age
	}
	if m.UnmatchedPreflights == networking.CorsPolicy_IGNORE {
		to.UnmatchedPreflights = spec.UnmatchedPreflightsIgnore
	}
	return to
}

// mirrors returns the mirrors: mirror with its percentage, or mirrors.
func (r *reader) mirrors(m *networking.HTTPRoute, path string) []spec.Mirror {
	percent := mirrorPercent(m)
	if percent != nil {
		r.warnAt(path+".mirrorPercent@key", deprecated, "is deprecated; use mirrorPercentage")
	}
	if m.Mirror == nil {
		const inVain = "has no effect: mirror is not set"
		if percent != nil {
			r.warnAt(path+".mirrorPercent@key", "", inVain)
		}
		if m.MirrorPercentage != nil {
			r.warnAt(path+".mirrorPercentage@key", "", inVain)
		}
	}
	if m.Mirror != nil && len(m.Mirrors) > 0 {
		r.errorAt(spec.CodeConflict, path+".mirrors@key", "cannot be combined with mirror, which is also set")
	}
	var to []spec.Mirror
	if m.Mirror != nil {
		mirror := spec.Mirror{Destination: destination(m.Mirror)}
		if portZero(m.Mirror) {
			r.errorAt(spec.CodeInvalid, path+".mirror.port.number", notPortZero)
		}
		switch {
		case m.MirrorPercentage != nil:
			mirror.Percent = &m.MirrorPercentage.Value
		case percent != nil:
			whole := float64(percent.Value)
			mirror.Percent = &whole
		}
		to = append(to, mirror)
	}
	for i, each := range m.Mirrors {
		mirror := spec.Mirror{Destination: destination(each.GetDestination())}
		if portZero(each.GetDestination()) {
			r.errorAt(spec.CodeInvalid, fmt.Sprintf("%s.mirrors[%d].destination.port.number", path, i), notPortZero)
		}
		if p := each.GetPercentage(); p != nil {
			mirror.Percent = &p.Value
		}
		to = append(to, mirror)
	}
	return to
}
