package gatewaytest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/question"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// A problem is what is wrong with a Case, at the path of a field as YAML writes it.
type problem struct{ path, text, suggestion string }

// problems returns what is wrong with the case itself.
func (c *Case) problems() (all []problem) {
	add := func(path string, err error) {
		if err != nil {
			all = append(all, problem{path: path, text: err.Error()})
		}
	}
	if c.Request.URL == "" {
		add("request.url", errors.New("there is no URL"))
	} else if _, err := c.question(); err != nil {
		add("request.url", err)
	}
	if a := c.Request.RemoteAddress; a != "" && net.ParseIP(a) == nil {
		add("request.remoteAddress", fmt.Errorf("%q is not an IP address", a))
	}
	if s := c.Backend.Status; s != 0 && (s < 200 || s > 599) {
		add("backend.status", fmt.Errorf("%d is not a final status: 200 to 599 is expected", s))
	}
	e := &c.Expect
	if e.isZero() && c.foreign == nil && c.skip == "" {
		add("expect", errors.New("nothing is expected"))
	}
	if e.Kind != "" && !slices.Contains(kinds, e.Kind) {
		p := problem{path: "expect.kind", text: fmt.Sprintf("there is no kind %q: one of %s is expected", e.Kind, kindNames())}
		p.suggestion = suggest.Closest(string(e.Kind), strings.Split(kindNames(), ", "))
		all = append(all, p)
	}
	if s := e.Status; s != 0 && (s < 100 || s > 599) {
		add("expect.status", fmt.Errorf("%d is not a status", s))
	}
	if e.Destination != "" {
		_, err := parseDestination(e.Destination)
		add("expect.destination", err)
		if e.Destinations != nil {
			add("expect.destinations", errors.New("destination is given too: one of the two is expected"))
		}
	}
	if e.Destinations != nil {
		add("expect.destinations", checkShares(e.Destinations, true))
	}
	add("expect.mirrors", checkShares(e.Mirrors, false))
	for _, name := range slices.Sorted(maps.Keys(e.Upstreams)) {
		_, err := parseDestination(name)
		add("expect.upstreams", err)
		u := e.Upstreams[name]
		add("expect.upstreams."+name+".headers", checkHeaders(u.Headers, u.Absent))
	}
	add("expect.upstream.headers", checkHeaders(e.Upstream.Headers, e.Upstream.Absent))
	add("expect.response.headers", checkHeaders(e.Response.Headers, e.Response.Absent))
	if e.Allows != nil && *e.Allows < 0 {
		add("expect.allows", fmt.Errorf("%d is not a number of requests", *e.Allows))
	}
	return all
}

// checkHeaders reports an expression that does not compile, and a header that is expected
// and absent.
func checkHeaders(headers map[string]spec.StringMatch, absent []string) error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if m := headers[name]; m.Kind == spec.MatchRegex {
			if _, err := regexp.Compile(m.Value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		for _, a := range absent {
			if strings.EqualFold(a, name) {
				return fmt.Errorf("%s is expected, and expected to be absent", name)
			}
		}
	}
	return nil
}

// kinds are the kinds of a decision.
var kinds = []gateway.DecisionKind{
	gateway.DecisionForward, gateway.DecisionRedirect, gateway.DecisionDirectResponse, gateway.DecisionAbort,
	gateway.DecisionPreflight, gateway.DecisionNotFound, gateway.DecisionBadRequest, gateway.DecisionTooLarge, gateway.DecisionNoServer,
}

func kindNames() string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// question returns the request as a server would read it.
func (c *Case) question() (*question.Question, error) {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.Request.Header)) {
		for _, value := range c.Request.Header[name] {
			lines = append(lines, name+": "+value)
		}
	}
	q, err := question.New(cmp.Or(c.Request.Method, http.MethodGet), c.Request.URL, lines)
	if err != nil {
		return nil, err
	}
	if a := c.Request.RemoteAddress; a != "" {
		q.From(net.JoinHostPort(a, "0"))
	}
	return q, nil
}

// title is the name of the case, or its request.
func (c *Case) title() string {
	return cmp.Or(c.Name, cmp.Or(c.Request.Method, http.MethodGet)+" "+c.Request.URL)
}

// asked is the request as one line.
func (c *Case) asked() string {
	text := cmp.Or(c.Request.Method, http.MethodGet) + " " + c.Request.URL
	for _, name := range slices.Sorted(maps.Keys(c.Request.Header)) {
		for _, value := range c.Request.Header[name] {
			text += fmt.Sprintf("  %s: %s", strings.ToLower(name), value)
		}
	}
	if a := c.Request.RemoteAddress; a != "" {
		text += "  from " + a
	}
	return text
}

// lookup returns a header, joined as people compare it.
func lookup(h http.Header, name string) (string, bool) {
	lines, ok := h[textproto.CanonicalMIMEHeaderKey(name)]
	separator := ","
	if strings.EqualFold(name, "cookie") {
		separator = "; "
	}
	return strings.Join(lines, separator), ok && len(lines) > 0
}
