package program

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/rawpath"
)

// Strict is how strictly requests are read.
type Strict struct {
	// MaxFields is the maximum number of header fields, or negative without one.
	MaxFields int
}

// String returns the settings as text. It is "off" for nil.
func (s *Strict) String() string {
	switch {
	case s == nil:
		return "off"
	case s.MaxFields < 0:
		return "any number of header fields"
	}
	return fmt.Sprintf("at most %d header fields", s.MaxFields)
}

// judge returns OutcomeRoute, or why a request is refused.
func (s *Strict) judge(r *http.Request) Outcome {
	switch {
	case len(r.Method) > doubt.MaxMethod:
		return outcomeLongMethod
	case len(r.Method) == len(http.MethodTrace) && (strings.EqualFold(r.Method, http.MethodTrace) || strings.EqualFold(r.Method, "TRACK")):
		return outcomeTrace
	}
	if r.Host != "" && !doubt.IsDNSAuthority(r.Host) {
		return outcomeBadHost
	}
	fields := 0
	for key, lines := range r.Header {
		if strings.IndexByte(key, '_') >= 0 {
			return outcomeUnderscore
		}
		fields += len(lines)
	}
	if s.MaxFields >= 0 && fields > s.MaxFields {
		return outcomeManyFields
	}
	if !doubt.PathIsPlain(rawpath.Of(r.URL)) {
		return outcomeTrickyPath
	}
	return OutcomeRoute
}

// withoutClaims returns a request without the headers that only a proxy may send: r itself
// if it has none.
func (p *Program) withoutClaims(r *http.Request) *http.Request {
	without := r
	for key := range r.Header {
		if !p.Edge.Drops(key) {
			continue
		}
		if without == r {
			without = new(http.Request)
			*without = *r
			without.Header = r.Header.Clone()
		}
		delete(without.Header, key)
	}
	return without
}
