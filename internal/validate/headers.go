package validate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/spec"
)

// rewriteAuthority returns the authority that a route's rewrite sets, or "".
func rewriteAuthority(r *spec.Route) string {
	if r.Rewrite == nil {
		return ""
	}
	return r.Rewrite.Authority
}

// headers validates the operations of a route or a destination. The authority is
// the other value of the Host header at the same level.
func (v *validator) headers(s *site, h *spec.Headers, authority string) {
	if q := &h.Request; len(q.Set)+len(q.Add)+len(q.Remove) > 0 {
		v.headerValues(s, "headers.request.set", q.Set, false)
		v.headerValues(s, "headers.request.add", q.Add, false)
		v.removedHeaders(s, "headers.request.remove", q.Remove, false)
		v.authorities(s, q, authority)
		v.edgeHeaders(s, q)
	}
	if p := &h.Response; len(p.Set)+len(p.Add)+len(p.Remove) > 0 {
		v.headerValues(s, "headers.response.set", p.Set, true)
		v.headerValues(s, "headers.response.add", p.Add, true)
		v.removedHeaders(s, "headers.response.remove", p.Remove, true)
	}
}

func (v *validator) headerValues(s *site, field string, values map[string]string, response bool) {
	if len(values) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(values))
	for i, name := range names {
		e := s.entry(field, name)
		if response || !header.IsHost(name) {
			if problem := headerOperationProblem(name); problem != "" {
				e.errorf(spec.CodeInvalid, "%s", problem)
				continue
			}
		}
		value := values[name]
		key := http.CanonicalHeaderKey(name)
		if header.Refused(key, response) {
			e.errorf(spec.CodeInvalid, "would break the message: the gateway writes %s itself, to fit the body", strings.ToLower(key))
			continue
		}
		if err := checkHeaderValue(value); err != nil {
			e.suggestf(spec.CodeInvalid, err.Suggestion, "%s", err.Problem)
		} else if why := unwritten(key, value, response); why != "" {
			e.warnf("", "has no effect: %s", why)
		} else if value == "" {
			e.warnf("", "has no effect: an empty value is not written")
		}
		if other := slices.IndexFunc(names[:i], func(other string) bool { return strings.EqualFold(other, name) }); other >= 0 {
			e.warnf("", "is %q in another letter case: their order is not defined", names[other])
		}
	}
}

func (v *validator) removedHeaders(s *site, field string, names []string, response bool) {
	for i, name := range names {
		key := http.CanonicalHeaderKey(name)
		removes := header.RemovesRequest(key)
		if response {
			removes = header.RemovesResponse(key)
		}
		if problem := headerOperationProblem(name); problem != "" {
			e := s.element(field, i)
			e.errorf(spec.CodeInvalid, "%s", problem)
		} else if !removes {
			e := s.element(field, i)
			e.warnf("", "has no effect: the gateway removes any %s header that it receives, and writes its own if needed", strings.ToLower(key))
		}
	}
}

// unwritten returns why an operation does not write a header with a canonical key,
// or "" if it does.
func unwritten(key, value string, response bool) string {
	switch {
	case !response && key == "Te" && !header.WritesRequest(key, value):
		return `te is about one connection, and only the value "trailers" is sent`
	case response && !header.WritesResponse(key, value), !response && !header.WritesRequest(key, value):
		return strings.ToLower(key) + " is about one connection, and the gateway writes its own"
	}
	return ""
}

// authorities reports a request whose Host header is set twice at one level.
func (v *validator) authorities(s *site, q *spec.HeaderOperations, authority string) {
	for _, operation := range []struct {
		field  string
		values map[string]string
	}{{"headers.request.set", q.Set}, {"headers.request.add", q.Add}} {
		if len(operation.values) == 0 {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(operation.values)) {
			if !header.IsHost(name) {
				continue
			}
			value := operation.values[name]
			if authority != "" {
				e := s.entry(operation.field, name)
				e.errorf(spec.CodeDuplicate, "the Host header is already set to %q: it can be set only once", authority)
				continue
			}
			authority = value
		}
	}
}

// edgeHeaders reports operations that add to headers of the edge. Under Envoy these exist
// before the route's operations, under Native after them.
func (v *validator) edgeHeaders(s *site, q *spec.HeaderOperations) {
	for _, name := range slices.Sorted(maps.Keys(q.Add)) {
		if !isWrittenByEdge(name) {
			continue
		}
		value := q.Add[name]
		e := s.entry("headers.request.add", name)
		now, other := "Native sends only "+quoted(value), "Envoy semantics send it after the gateway's own value"
		if v.Semantics.EdgeHeadersFirst() {
			now, other = "it is sent after the gateway's own value", "Native semantics send only "+quoted(value)
		}
		e.warnf("", "semantics differ: %s, %s; with set both send %s", now, other, quoted(value))
	}
}

// isWrittenByEdge reports whether the gateway itself writes a header on requests.
func isWrittenByEdge(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case edge.ForwardedForHeader, edge.ForwardedProtoHeader, edge.RequestIDHeader, edge.ClientCertHeader:
		return true
	}
	return false
}

// headerOperationProblem returns why a header cannot be changed, or "".
func headerOperationProblem(name string) string {
	switch {
	case name == "":
		return "the name of a header is missing"
	case header.IsHost(name):
		return fmt.Sprintf("%q can only be set or added, and only on the request", name)
	case strings.HasPrefix(name, ":"):
		return fmt.Sprintf("%q is a pseudo-header: use rewrite to change the request", name)
	case !isToken(name):
		return fmt.Sprintf("%q is not the name of a header", name)
	}
	return ""
}

// checkHeaderValue reports a value that cannot be sent: control characters, and
// percent signs that are neither doubled nor part of a known operator.
func checkHeaderValue(value string) *header.FormatError {
	if strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r == '%' || r == 0x7f }) < 0 {
		return nil
	}
	_, err := header.ParseFormat(value)
	return err
}
