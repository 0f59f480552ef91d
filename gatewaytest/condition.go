package gatewaytest

import (
	"net/http"
	"net/textproto"
	"regexp"
	"strings"

	"github.com/lateengo/gateway/inspect"
)

// A conditions evaluates conditions of routes that an explanation leaves out, as it does
// for most routes that cannot match the path.
type conditions struct {
	request *http.Request
	// path is the normalized path, with the query.
	path string
	// regexes has the expressions by their text. They have been validated.
	regexes map[string]*regexp.Regexp
}

// onlyFailure returns the only one of the conditions that does not hold, or nil if there
// are others, or if a condition is on what the gateway itself writes.
func (x *conditions) onlyFailure(list []inspect.Condition) *inspect.Condition {
	var failed *inspect.Condition
	for i := range list {
		c := &list[i]
		value, present, known := x.value(c.Source)
		if !known {
			return nil
		}
		if x.holds(c, value, present) {
			continue
		}
		if failed != nil {
			return nil
		}
		failed = c
	}
	return failed
}

// value returns what a condition compares.
func (x *conditions) value(source string) (value string, present, known bool) {
	r := x.request
	path, query, _ := strings.Cut(x.path, "?")
	switch source {
	case "path":
		return path, true, true
	case "path and query":
		return x.path, true, true
	case "method":
		return r.Method, true, true
	case "authority":
		return r.Host, true, true
	case "scheme":
		if r.TLS != nil {
			return "https", true, true
		}
		return "http", true, true
	}
	if name, ok := strings.CutPrefix(source, "header "); ok {
		key := textproto.CanonicalMIMEHeaderKey(name)
		if strings.HasPrefix(key, "X-Forwarded-") || strings.HasPrefix(key, "X-Envoy-") || key == "X-Request-Id" {
			return "", false, false
		}
		lines, present := r.Header[key]
		return strings.Join(lines, ","), present, true
	}
	if name, ok := strings.CutPrefix(source, "query "); ok {
		for pair := range strings.SplitSeq(query, "&") {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true, true
			}
		}
		return "", false, true
	}
	return "", false, false
}

// holds reports whether a condition holds for a value.
func (x *conditions) holds(c *inspect.Condition, value string, present bool) bool {
	if c.Kind == "present" {
		return present != c.Negated
	}
	// A missing value is an empty one for a negated condition.
	if !present && !c.Negated {
		return false
	}
	want := c.Value
	if c.IgnoreCase {
		value, want = strings.ToLower(value), strings.ToLower(want)
	}
	var same bool
	switch c.Kind {
	case "exact":
		same = value == want
	case "prefix":
		same = strings.HasPrefix(value, want)
	default:
		r := x.regexes[c.Value]
		if r == nil {
			r = regexp.MustCompile(`\A(?:` + c.Value + `)\z`)
			x.regexes[c.Value] = r
		}
		same = r.MatchString(value)
	}
	return same != c.Negated
}
