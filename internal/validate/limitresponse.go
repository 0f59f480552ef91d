package validate

import (
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/header"
	"github.com/lateengo/gateway/internal/localreply"
	"github.com/lateengo/gateway/spec"
)

// limitResponse validates the answer of a limit to refused requests.
func (v *validator) limitResponse(s *site, r *spec.LimitResponse) {
	if r == nil {
		return
	}
	if r.Status != 0 && (r.Status < 400 || r.Status > 599) {
		e := s.field("statusCode")
		e.errorf(spec.CodeInvalid, "%d is not the status of an error, 400 to 599 is expected", r.Status)
	}
	if r.ContentType != "" {
		e := s.field("contentType")
		if _, _, err := mime.ParseMediaType(r.ContentType); err != nil || checkHeaderValue(r.ContentType) != nil {
			e.errorf(spec.CodeInvalid, "%q is not a media type, such as application/json", r.ContentType)
		} else if r.Body == "" {
			e.warnf("", "has no effect without a body")
		}
	}
	v.limitHeaders(s, "headers.set", r.Headers)
	v.limitHeaders(s, "headers.add", r.AddHeaders)
	if r.RateLimitHeaders > spec.RateLimitHeadersIETF {
		e := s.field("rateLimitHeaders")
		e.errorf(spec.CodeInvalid, "%d is not a choice of headers", r.RateLimitHeaders)
	}
}

// limitHeaders validates headers of the answer of a limit.
func (v *validator) limitHeaders(s *site, field string, headers map[string]string) {
	v.headerValues(s, field, headers, true)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if localreply.DescribesBody(name) && !header.Refused(http.CanonicalHeaderKey(name), true) {
			e := s.entry(field, name)
			e.errorf(spec.CodeUnsupported, "is about the body, which the gateway describes itself: use body and contentType")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if strings.Contains(headers[name], "%") {
			e := s.entry(field, name)
			e.errorf(spec.CodeUnsupported, "contains %%, but operators are not executed in the answer of a limit")
		}
	}
}

// missingKey validates what happens to requests that lack a part of a limit's key.
func (v *validator) missingKey(s *site, l *spec.RateLimit) {
	e := s.field("onMissingKey")
	switch {
	case l.OnMissingKey > spec.MissingKeyDeny:
		e.errorf(spec.CodeInvalid, "%d is not a way to handle a missing key", l.OnMissingKey)
	case len(l.Per) == 0 && l.OnMissingKey != spec.MissingKeyUnset:
		e.warnf("", "has no effect: the limit has no key")
	case l.OnMissingKey == spec.MissingKeyUnset:
		for i := range l.Per {
			name := l.Per[i].Header
			if !isToken(name) || slices.Contains(forgeableAddresses, strings.ToLower(name)) {
				continue
			}
			at := s.element("per", i)
			at.warnf("", "a client without %s is not limited: onMissingKey can be SHARE or DENY, or ALLOW if this is intended", strings.ToLower(name))
		}
	}
}

// limitMode validates a mode.
func limitMode(s *site, m spec.LimitMode) {
	if m > spec.LimitDisabled {
		e := s.field("mode")
		e.errorf(spec.CodeInvalid, "%d is not a mode", m)
	}
}
