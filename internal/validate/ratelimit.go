package validate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

var targetKinds = []string{"Gateway", "VirtualService"}

func (v *validator) rateLimitPolicies() {
	policies := v.declarations.RateLimits
	for i := range policies {
		policy := &policies[i]
		s := v.site(&policy.Origin, "RateLimitConfig", policy.Namespace, policy.Name)
		v.attachment(&s, policy)
		if len(policy.Limits) == 0 && policy.Local == nil && policy.Global == nil && policy.Inheritance != spec.InheritIgnore {
			e := s.field("limits")
			e.errorf(spec.CodeMissing, "the policy has no limit: limits, local or global is expected")
		}
		e := s.field("response")
		v.limitResponse(&e, policy.Response)
		limitMode(&s, policy.Mode)
		for j := range policy.Limits {
			e := s.element("limits", j)
			v.rateLimit(&e, &policy.Limits[j])
		}
		v.fullForm(&s, policy)
	}
	v.rateLimitDomains()
}

// attachment validates what a policy applies to.
func (v *validator) attachment(s *site, p *spec.RateLimitPolicy) {
	for j := range p.Targets {
		e := s.element("targetRefs", j)
		v.target(&e, &p.Targets[j], v.named(p.Namespace, "").Namespace)
	}
	for j, host := range p.VirtualHosts {
		e := s.element("virtualHosts", j)
		if name, port, ok := cutLastColon(host); !ok || name == "" || !isPort(port) {
			e.errorf(spec.CodeInvalid, "%q is not the name of a virtual host, such as shop.example.com:443", host)
		}
	}
	selector := s.field("selector")
	v.labels(&selector, "matchLabels", p.Selector)
	if p.Inheritance > spec.InheritIgnore {
		e := s.field("inheritance")
		e.errorf(spec.CodeInvalid, "%d is not a kind of inheritance", p.Inheritance)
	}
}

func cutLastColon(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// target validates a target of a policy. A missing target is a warning, because it
// may be created later.
func (v *validator) target(s *site, t *spec.TargetRef, namespace string) {
	name := resource.Name{Namespace: namespace, Name: t.Name}
	at, section := s.field("name"), s.field("sectionName")
	switch {
	case t.Kind != "Gateway" && t.Kind != "VirtualService":
		e := s.field("kind")
		e.suggestf(spec.CodeInvalid, suggest.Closest(t.Kind, targetKinds), "%q cannot be limited: Gateway or VirtualService is expected", t.Kind)
	case t.Name == "" && t.Kind == "VirtualService" && t.SectionName != "":
		v.routeOfAny(&section, t.SectionName)
	case t.Name == "":
		at.errorf(spec.CodeMissing, "the name of the %s is missing", t.Kind)
	case t.Kind == "Gateway":
		gateway := v.gateways[name]
		if gateway == nil {
			at.warnSuggestf(codeNotFound, closestIn(v.gateways, name), "there is no Gateway %s: nothing is limited", name)
		} else if t.SectionName != "" && !gateway.portNames[t.SectionName] {
			section.warnSuggestf(codeNotFound, suggest.Closest(t.SectionName, slices.Sorted(maps.Keys(gateway.portNames))),
				"no port of Gateway %s is named %q: nothing is limited", name, t.SectionName)
		}
	default:
		vs := v.byName[name]
		if vs == nil {
			at.warnSuggestf(codeNotFound, closestIn(v.byName, name), "there is no VirtualService %s: nothing is limited", name)
			return
		}
		routes := v.routeNames(vs)
		if t.SectionName == "" || slices.Contains(routes, t.SectionName) {
			return
		}
		section.warnSuggestf(codeNotFound, suggest.Closest(t.SectionName, routes),
			"no route of VirtualService %s is named %q: nothing is limited", name, t.SectionName)
	}
}

// routeOfAny warns if no VirtualService has a route with a name. A route of a delegate has
// the joined name only.
func (v *validator) routeOfAny(s *site, name string) {
	var known []string
	for i := range v.declarations.VirtualServices {
		vs := &v.declarations.VirtualServices[i]
		if len(vs.Hosts) == 0 {
			continue
		}
		for j := range vs.Routes {
			r := &vs.Routes[j]
			if r.Delegate == nil {
				known = append(known, r.Name)
			} else if delegate := v.byName[v.delegateName(vs, r.Delegate)]; delegate != nil {
				for k := range delegate.Routes {
					known = append(known, resource.JoinedName(r.Name, delegate.Routes[k].Name))
				}
			}
		}
	}
	if slices.Contains(known, name) {
		return
	}
	s.warnSuggestf(codeNotFound, suggest.Closest(name, known), "no route is named %q: nothing is limited", name)
}

// routeNames returns the names of a VirtualService's routes for policies: their own
// names, and those joined with the routes of a delegate.
func (v *validator) routeNames(vs *spec.VirtualService) []string {
	var names []string
	for i := range vs.Routes {
		r := &vs.Routes[i]
		names = append(names, r.Name)
		if r.Delegate == nil {
			continue
		}
		if delegate := v.byName[v.delegateName(vs, r.Delegate)]; delegate != nil {
			for j := range delegate.Routes {
				names = append(names, resource.JoinedName(r.Name, delegate.Routes[j].Name))
			}
		}
	}
	return names
}

func (v *validator) rateLimit(s *site, l *spec.RateLimit) {
	if l.Requests < 1 {
		e := s.field("requestsPerUnit")
		e.errorf(spec.CodeInvalid, "%d requests is not a limit, 1 or more is expected", l.Requests)
	}
	if l.Unit <= 0 {
		e := s.field("unit")
		e.errorf(spec.CodeInvalid, "%v is not a unit of time: a second, minute, hour or day is expected", l.Unit)
	}
	if l.Burst < 0 {
		e := s.field("burst")
		e.errorf(spec.CodeInvalid, "%d is not a number of requests, 0 or more is expected", l.Burst)
	}
	if l.Requests > 0 && l.Unit > 0 && l.Burst > 0 {
		refill(s, "burst", float64(l.Burst)/float64(l.Requests)*float64(l.Unit))
	}
	for i := range l.Per {
		e := s.element("per", i)
		v.limitKey(&e, &l.Per[i])
		if slices.Contains(l.Per[:i], l.Per[i]) {
			e.errorf(spec.CodeDuplicate, "it is in the key twice")
		}
	}
	v.missingKey(s, l)
	e := s.field("response")
	v.limitResponse(&e, l.Response)
	limitMode(s, l.Mode)
	if l.When != nil {
		e := s.field("when")
		v.limitCondition(&e, l.When)
	}
	storeFailure(s, l.OnStoreFailure)
	limitAlgorithm(s, l.Algorithm)
	if l.Algorithm == spec.LimitFixedWindow && l.Burst > 0 {
		e := s.field("burst")
		e.errorf(spec.CodeConflict, "a fixed window has no burst")
	}
	if l.MaxKeys < 0 {
		e := s.field("maxKeys")
		e.errorf(spec.CodeInvalid, "%d is not a number of keys, 0 or more is expected", l.MaxKeys)
	}
}

// forgeableAddresses are headers in which proxies send the client's address.
// Clients can write them too.
var forgeableAddresses = []string{"x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-cluster-client-ip", "cf-connecting-ip"}

func (v *validator) limitKey(s *site, k *spec.LimitKey) {
	header := s.field("header")
	switch {
	case k.RemoteAddress && k.Header != "":
		s.errorf(spec.CodeConflict, "remoteAddress and a header are two parts of a key: write them as two elements")
	case !k.RemoteAddress && k.Header == "":
		s.errorf(spec.CodeMissing, "a part of the key is empty: remoteAddress or a header is expected")
	case k.RemoteAddress:
	case !isToken(strings.TrimPrefix(k.Header, ":")):
		header.errorf(spec.CodeInvalid, "%q is not the name of a header", k.Header)
	case strings.HasPrefix(k.Header, ":") && !slices.Contains(pseudoHeaders, strings.ToLower(k.Header)):
		header.suggestf(spec.CodeInvalid, suggest.Closest(k.Header, pseudoHeaders), "no request has a pseudo-header %q", k.Header)
	default:
		v.forgeable(&header, k.Header)
	}
}

// forgeable refuses a key that is an address from a header that clients can write.
func (v *validator) forgeable(s *site, header string) {
	if v.TrustedProxies == 0 && slices.Contains(forgeableAddresses, strings.ToLower(header)) {
		s.suggestf(spec.CodeInvalid, "remoteAddress", "%q is forgeable while no proxy is trusted: any client can evade the limit", header)
	}
}

func storeFailure(s *site, f spec.StoreFailure) {
	if f > spec.StoreFailureDeny {
		e := s.field("onStoreFailure")
		e.errorf(spec.CodeInvalid, "%d is not a way to handle a failing limiter", f)
	}
}

func limitAlgorithm(s *site, a spec.LimitAlgorithm) {
	if a > spec.LimitFixedWindow {
		e := s.field("algorithm")
		e.errorf(spec.CodeInvalid, "%d is not an algorithm", a)
	}
}

// limitCondition validates the condition of a limit, which may use only the
// request.
func (v *validator) limitCondition(s *site, m *spec.Match) {
	unused := func(field string, given bool) {
		if given {
			e := s.field(field)
			e.errorf(spec.CodeUnsupported, "a limit has no such condition: uri, method, scheme, authority, headers, withoutHeaders and queryParams are expected")
		}
	}
	unused("port", m.Port != 0)
	unused("gateways", len(m.Gateways) > 0)
	unused("sourceLabels", len(m.SourceLabels) > 0)
	unused("sourceNamespace", m.SourceNamespace != "")
	request := *m
	request.Port, request.Gateways, request.SourceLabels, request.SourceNamespace = 0, nil, nil, ""
	v.match(s, &request, &boundService{VirtualService: &spec.VirtualService{}, delegate: true})
}
