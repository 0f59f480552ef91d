package limit

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

// Meaning returns limit i of All as text: limits with the same text do the same, but for
// the rates of a Global's tree and for who shares their counters.
func (s *Set) Meaning(i int) string {
	l := s.limits[i]
	text := s.Describe(i)
	if r := l.Spec.Response; r != nil && !isEnvoys(r) {
		text += ", answers " + responseText(r)
	}
	switch {
	case l.Store == nil:
	case l.Spec.OnStoreFailure == spec.StoreFailureAllow:
		text += ", allows if that fails"
	case l.Spec.OnStoreFailure == spec.StoreFailureDeny:
		text += ", refuses with " + strconv.Itoa(l.StatusOnError()) + " if that fails"
	}
	if s.levels != nil && s.levels[i] >= 0 {
		text += ", level " + strconv.Itoa(int(s.levels[i])+1)
	}
	return text
}

// isEnvoys reports whether an answer is Envoy's.
func isEnvoys(r *spec.LimitResponse) bool {
	return responseText(r) == responseText(&spec.LimitResponse{})
}

func responseText(r *spec.LimitResponse) string {
	l := text.Phrase{strconv.Itoa(cmp.Or(r.Status, http.StatusTooManyRequests))}
	l.Text("body", r.Body)
	l.Text("of type", r.ContentType)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		l.Add("with %s: %s", strings.ToLower(name), r.Headers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.AddHeaders)) {
		l.Add("added %s: %s", strings.ToLower(name), r.AddHeaders[name])
	}
	switch r.RateLimitHeaders {
	case spec.RateLimitHeadersDraft03:
		l.Add("and x-ratelimit headers")
	case spec.RateLimitHeadersIETF:
		l.Add("and RateLimit headers")
	}
	if r.ResourceExhausted {
		l.Add("RESOURCE_EXHAUSTED to gRPC clients")
	}
	return l.String()
}
