package validate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/grpccode"
	"github.com/lateengo/gateway/internal/retryon"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

func (v *validator) retry(s *site, r *spec.Retry, timeout time.Duration) {
	attempts := s.field("retries.attempts")
	switch {
	case r.Attempts < 0:
		attempts.errorf(spec.CodeInvalid, "%d is not a number of retries, 0 or more is expected", r.Attempts)
	case r.Attempts == 0 && (r.PerTryTimeout != 0 || len(r.On) > 0 || r.RemoteLocalities):
		attempts.errorf(spec.CodeInvalid, "there are no retries, but perTryTimeout, retryOn or retryRemoteLocalities is given")
	}
	v.duration(s, "retries.perTryTimeout", r.PerTryTimeout)
	v.duration(s, "retries.backoff", r.Backoff)
	if timeout > 0 && r.PerTryTimeout >= timeout {
		e := s.field("retries.perTryTimeout")
		e.warnf("", "has no effect: %v is not less than the route's timeout, %v", r.PerTryTimeout, timeout)
	}
	for _, condition := range r.On {
		e := s.field("retries.retryOn")
		if condition == "retriable-headers" {
			e.warnf("", "%q never retries: headers cannot be listed", condition)
		}
		if problem, suggestion := retryProblem(condition); problem != "" {
			e.suggestf(spec.CodeInvalid, suggestion, "%s", problem)
		}
	}
}

func retryProblem(condition string) (problem, suggestion string) {
	if slices.Contains(retryon.Conditions, condition) {
		return "", ""
	}
	if status, err := strconv.Atoi(condition); err == nil && http.StatusText(status) != "" {
		return "", ""
	}
	trimmed := strings.TrimSpace(condition)
	if trimmed != condition && trimmed != "" {
		if p, _ := retryProblem(trimmed); p == "" {
			return fmt.Sprintf("%q is not a retry condition: spaces matter", condition), trimmed
		}
	}
	return fmt.Sprintf("%q is not a retry condition: one of Envoy's conditions or an HTTP status is expected", condition),
		suggest.Closest(trimmed, retryon.Conditions)
}

func (v *validator) fault(s *site, f *spec.Fault) {
	if f.Delay == nil && f.Abort == nil {
		e := s.field("fault")
		e.errorf(spec.CodeMissing, "the fault does nothing: a delay or an abort is expected")
	}
	if d := f.Delay; d != nil {
		e := s.field("fault.delay.fixedDelay")
		if d.Fixed == 0 {
			e.errorf(spec.CodeMissing, "the delay is missing")
		} else if problem := durationProblem(d.Fixed); problem != "" {
			e.errorf(spec.CodeInvalid, "%s", problem)
		}
		v.faultPercent(s, "fault.delay", d.Percent)
	}
	if a := f.Abort; a != nil {
		v.abort(s, a)
		v.faultPercent(s, "fault.abort", a.Percent)
	}
}

func (v *validator) abort(s *site, a *spec.FaultAbort) {
	switch {
	case a.HTTPStatus == 0 && a.GRPCStatus == "":
		e := s.field("fault.abort")
		e.warnf(codeSchema, "has no effect: neither httpStatus nor grpcStatus is given")
		return
	case a.HTTPStatus != 0 && a.GRPCStatus != "":
		e := s.field("fault.abort")
		e.errorf(spec.CodeConflict, "httpStatus and grpcStatus cannot be combined")
	}
	if a.HTTPStatus != 0 && (a.HTTPStatus < 200 || a.HTTPStatus > 599) {
		e := s.field("fault.abort.httpStatus")
		e.errorf(spec.CodeInvalid, "%d is not a valid status, 200 to 599 is expected", a.HTTPStatus)
	}
	if _, known := grpccode.Numbers[a.GRPCStatus]; a.GRPCStatus != "" && !known {
		e := s.field("fault.abort.grpcStatus")
		e.suggestf(spec.CodeInvalid, suggest.Closest(a.GRPCStatus, slices.Sorted(maps.Keys(grpccode.Numbers))), "%q is not the name of a gRPC status", a.GRPCStatus)
	}
}

func (v *validator) faultPercent(s *site, of string, percent float64) {
	e := s.field(of + ".percentage.value")
	switch {
	case percent == 0:
		e := s.field(of)
		e.warnf("", "never happens: the percentage is 0, which is also the default")
	case !(percent >= 0.0001 && percent <= 100):
		e.errorf(spec.CodeInvalid, "%v is not a percentage, 0 or 0.0001 to 100 is expected", percent)
	}
}

func (v *validator) cors(s *site, r *spec.Route) {
	c := r.CORS
	if len(c.AllowOrigins) == 0 {
		e := s.field("corsPolicy")
		e.warnf("", "has no effect: allowOrigins is empty")
	}
	for i, origin := range c.AllowOrigins {
		e := s.element("corsPolicy.allowOrigins", i)
		if origin.Kind == spec.MatchAny || origin.Value == "" && origin.Kind != spec.MatchRegex {
			e.errorf(spec.CodeMissing, "an origin is missing: exact, prefix or regex is expected")
			continue
		}
		v.stringMatch(&e, origin, false)
	}
	v.origins(s, c)
	for i, method := range c.AllowMethods {
		if method != "*" && !slices.Contains(methods, method) {
			e := s.element("corsPolicy.allowMethods", i)
			e.suggestf(spec.CodeInvalid, suggest.Closest(method, methods), `%q is not a method: one of %s, or "*", is expected`, method, strings.Join(methods, ", "))
		}
	}
	v.headerNames(s, "corsPolicy.allowHeaders", c.AllowHeaders)
	v.headerNames(s, "corsPolicy.exposeHeaders", c.ExposeHeaders)
	if c.MaxAge != nil && (*c.MaxAge < time.Second || *c.MaxAge%time.Second != 0) {
		e := s.field("corsPolicy.maxAge")
		e.errorf(spec.CodeInvalid, "%v is not a valid maxAge: whole seconds, at least 1s, are expected", *c.MaxAge)
	}
	if c.UnmatchedPreflights > spec.UnmatchedPreflightsIgnore {
		e := s.field("corsPolicy.unmatchedPreflights")
		e.errorf(spec.CodeInvalid, "%d is not a way to handle preflights", c.UnmatchedPreflights)
	}
	refuses := func(m spec.Match) bool {
		return m.Method.Kind == spec.MatchExact && m.Method.Value != http.MethodOptions
	}
	if len(r.Match) > 0 && !slices.ContainsFunc(r.Match, func(m spec.Match) bool { return !refuses(m) }) {
		e := s.field("corsPolicy")
		e.warnf("", "answers no preflight: the route matches no OPTIONS request")
	}
}

func (v *validator) headerNames(s *site, field string, names []string) {
	for i, name := range names {
		if !isToken(name) {
			e := s.element(field, i)
			e.errorf(spec.CodeInvalid, "%q is not the name of a header", name)
		}
	}
}
