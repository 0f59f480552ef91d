package validate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// route validates one route: its conditions, that it has exactly one action, and
// the settings for the action.
func (v *validator) route(s *site, r *spec.Route, vs *boundService) {
	var e site
	for i := range r.Match {
		e = s.element("match", i)
		v.match(&e, &r.Match[i], vs)
	}
	v.action(s, r, vs)
	if len(r.Destinations) > 0 {
		v.split(s, r.Destinations, vs)
	}
	if r.Redirect != nil {
		v.redirect(s, r)
	}
	if r.DirectResponse != nil {
		v.directResponse(s, r.DirectResponse)
	}
	if r.Delegate != nil {
		v.delegation(s, r.Delegate, vs)
	}
	if r.Rewrite != nil {
		v.rewrite(s, r)
	}
	v.headers(s, &r.Headers, rewriteAuthority(r))
	v.duration(s, "timeout", r.Timeout)
	if r.MaxRequestBody < spec.NoLimit {
		e := s.field("maxRequestBody")
		e.errorf(spec.CodeInvalid, "%d is not a number of bytes", r.MaxRequestBody)
	}
	if r.MaxRequests < 0 {
		e := s.field("maxRequests")
		e.errorf(spec.CodeInvalid, "%d is not a number of requests", r.MaxRequests)
	}
	if r.Retry != nil {
		v.retry(s, r.Retry, r.Timeout)
	}
	if r.Fault != nil {
		v.fault(s, r.Fault)
	}
	if r.CORS != nil {
		v.cors(s, r)
	}
	for i := range r.Mirrors {
		m := &r.Mirrors[i]
		e := s.element("mirrors", i)
		v.destination(&e, &m.Destination, vs)
		if m.Percent != nil && !(*m.Percent >= 0 && *m.Percent <= 100) {
			p := e.field("percentage.value")
			p.errorf(spec.CodeInvalid, "%v is not a percentage, 0 to 100 is expected", *m.Percent)
		}
	}
	for i := range r.RateLimits {
		e := s.element("rateLimits", i)
		v.rateLimit(&e, &r.RateLimits[i])
	}
}

// action validates that a route has one action, and nothing that excludes it.
func (v *validator) action(s *site, r *spec.Route, vs *boundService) {
	var given []string
	if len(r.Destinations) > 0 {
		given = append(given, "route")
	}
	if r.Redirect != nil {
		given = append(given, "redirect")
	}
	if r.DirectResponse != nil {
		given = append(given, "directResponse")
	}
	if r.Delegate != nil && !vs.delegate {
		given = append(given, "delegate")
	}
	switch {
	case len(given) == 0 && vs.delegate:
		s.errorf(spec.CodeMissing, "the route has no action: one of route, redirect and directResponse is expected")
	case len(given) == 0:
		s.errorf(spec.CodeMissing, "the route has no action: one of route, redirect, directResponse and delegate is expected")
	case len(given) > 1:
		s.errorf(spec.CodeConflict, "the route has %d actions, %s: one is expected", len(given), strings.Join(given, " and "))
	}
	switch {
	case r.Redirect != nil:
		v.besideAnswer(s, r, "redirect")
	case r.DirectResponse != nil:
		v.besideAnswer(s, r, "directResponse")
	}
}

// besideAnswer reports fields that do not fit an answer of the gateway itself: as
// errors if Istio refuses them, as warnings if they have no effect.
func (v *validator) besideAnswer(s *site, r *spec.Route, answer string) {
	excluded := func(field string, given bool) {
		if given {
			e := s.field(field)
			e.errorf(spec.CodeConflict, "needs a route with destinations, but this one has a %s", answer)
		}
	}
	excluded("rewrite", r.Rewrite != nil)
	excluded("fault", r.Fault != nil)
	if len(r.Destinations) > 0 || r.Delegate != nil {
		return
	}
	idle := func(field string, given bool) {
		if given {
			e := s.field(field)
			e.warnf("", "has no effect: the route has a %s, and no destination", answer)
		}
	}
	idle("corsPolicy", r.CORS != nil)
	idle("timeout", r.Timeout != 0)
	idle("retries", r.Retry != nil)
	idle("mirrors", len(r.Mirrors) > 0)
	request := &r.Headers.Request
	idle("headers.request", len(request.Set)+len(request.Add)+len(request.Remove) > 0)
}

func (v *validator) split(s *site, split []spec.Destination, vs *boundService) {
	total, wrong := int64(0), false
	for i := range split {
		d := &split[i]
		e := s.element("route", i)
		v.destination(&e, d, vs)
		v.headers(&e, &d.Headers, "")
		if d.Weight < 0 || d.Weight > math.MaxInt32 {
			wrong = true
			w := e.field("weight")
			w.errorf(spec.CodeInvalid, "%d is not a weight, 0 to %d is expected", d.Weight, math.MaxInt32)
			continue
		}
		total += int64(d.Weight)
	}
	switch {
	case wrong || len(split) == 1:
	case total > math.MaxUint32:
		e := s.field("route")
		e.errorf(spec.CodeConflict, "the weights sum to %d, more than %d", total, uint32(math.MaxUint32))
	case total == 0:
		e := s.field("route")
		e.errorf(spec.CodeInvalid, "the weights of %d destinations sum to 0: no request has a destination", len(split))
	}
}

// destination validates a destination at the site of its parent.
func (v *validator) destination(s *site, d *spec.Destination, vs *boundService) {
	problem := ""
	switch {
	case d.Host == "":
		problem = "the host of the destination is missing"
	case d.Host == "*":
		problem = `"*" is not a destination: one host is expected`
	default:
		problem = hostProblem(d.Host)
	}
	if problem != "" {
		e := s.field("destination.host")
		e.suggestf(spec.CodeInvalid, withoutPort(d.Host), "%s", problem)
	}
	if d.Port != 0 && resource.PortProblem(d.Port) != "" {
		e := s.field("destination.port.number")
		e.errorf(spec.CodeInvalid, "%s", resource.PortProblem(d.Port))
	}
	if d.Subset == "" && len(v.portsOf) == 0 {
		return
	}
	host := resource.FullHost(d.Host, vs.name.Namespace)
	v.destinationPort(s, d, host)
	if d.Subset == "" {
		return
	}
	e := s.field("destination.subset")
	if !resource.IsLabel(d.Subset) {
		e.errorf(spec.CodeInvalid, "%q is not the name of a subset: letters, digits and inner hyphens are expected", d.Subset)
		return
	}
	if known := v.subsets.of(host); known != nil && !known[d.Subset] {
		e.warnSuggestf(codeNotFound, suggest.Closest(d.Subset, slices.Sorted(maps.Keys(known))),
			"no DestinationRule of %s has a subset %q: requests get 503", d.Host, d.Subset)
	}
}

// destinationPort compares a destination's port with the ports of a declared
// service.
func (v *validator) destinationPort(s *site, d *spec.Destination, host string) {
	ports := v.portsOf[host]
	switch {
	case len(ports) == 0 || slices.Contains(ports, d.Port):
	case d.Port != 0:
		e := s.field("destination.port.number")
		e.warnf("", "the service %s has no port %d: requests get 503", host, d.Port)
	case len(ports) > 1:
		e := s.field("destination")
		e.warnf(codePortRequired, "the service %s has %d ports and none is chosen: the port with the server's number is used", host, len(ports))
	}
}

// duration validates an optional time.
func (v *validator) duration(s *site, field string, d time.Duration) {
	if d == 0 {
		return
	}
	if problem := durationProblem(d); problem != "" {
		e := s.field(field)
		e.errorf(spec.CodeInvalid, "%s", problem)
	}
}

// durationProblem returns why Istio does not accept d, or "".
func durationProblem(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%v is too short, 1ms or more is expected", d)
	case d%time.Millisecond != 0:
		return fmt.Sprintf("%v is too precise, whole milliseconds are expected", d)
	}
	return ""
}
