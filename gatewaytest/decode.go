package gatewaytest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// ownCases reads a document in the package's own format.
func (f *caseFile) ownCases(top node) (cases []Case) {
	top.object(fields{"cases": func(n node) {
		n.each(func(_ int, item node) {
			if c, ok := item.ownCase(); ok {
				cases = append(cases, c)
			}
		})
	}})
	return cases
}

// ownCase reads a case. It is not ok if the case has errors.
func (n node) ownCase() (c Case, ok bool) {
	before := len(n.file.errors)
	c.Origin = n.origin()
	n.object(fields{
		"name":    text(&c.Name),
		"request": ownRequest(&c.Request),
		"backend": ownAnswer(&c.Backend),
		"expect":  ownExpect(&c.Expect),
	})
	if len(n.file.errors) > before {
		return c, false
	}
	for _, p := range c.problems() {
		e := c.finding(p).Finding
		n.file.fail(e)
	}
	return c, len(n.file.errors) == before
}

// origin returns where a case is.
func (n node) origin() spec.Origin {
	return spec.Origin{File: n.file.name, Line: n.Line, Column: n.Column, Path: n.path, Fields: caseFields{n}}
}

// caseFields finds the fields of a case.
type caseFields struct{ top node }

// Locate implements spec.Locator.
func (f caseFields) Locate(path string) (line, column int, ok bool) {
	at := f.top.Node
	rest, below := strings.CutPrefix(path, f.top.path)
	for below && rest != "" {
		next, after := step(at, rest)
		if next == nil {
			break
		}
		at, rest = next, after
	}
	return at.Line, at.Column, true
}

// step follows the first part of a path: ".name", where a name can have dots, or "[2]".
func step(at *yaml.Node, path string) (next *yaml.Node, rest string) {
	if at.Kind == yaml.AliasNode {
		at = at.Alias
	}
	switch {
	case path[0] == '[' && at.Kind == yaml.SequenceNode:
		index, rest, _ := strings.Cut(path[1:], "]")
		if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(at.Content) {
			return at.Content[i], rest
		}
	case path[0] == '.' && at.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(at.Content); i += 2 {
			rest, ok := strings.CutPrefix(path[1:], at.Content[i].Value)
			if ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				return at.Content[i+1], rest
			}
		}
	}
	return nil, ""
}

func ownRequest(r *Request) func(node) {
	return func(n node) {
		var host string
		n.object(fields{
			"method":        text(&r.Method),
			"url":           text(&r.URL),
			"host":          text(&host),
			"headers":       headers(&r.Header),
			"remoteAddress": text(&r.RemoteAddress),
		})
		if host != "" {
			if r.Header == nil {
				r.Header = http.Header{}
			}
			r.Header["Host"] = []string{host}
		}
	}
}

// headers reads a map of header lines: each value is a text, or a list of texts.
func headers(to *http.Header) func(node) {
	return func(n node) {
		all, _ := n.pairs()
		*to = http.Header{}
		for _, p := range all {
			var lines []string
			texts(&lines)(p.node)
			(*to)[http.CanonicalHeaderKey(p.name)] = lines
		}
	}
}

func ownAnswer(a *Answer) func(node) {
	return func(n node) {
		n.object(fields{"status": integer(&a.Status), "headers": headers(&a.Header), "body": text(&a.Body)})
	}
}

func ownExpect(e *Expect) func(node) {
	return func(n node) {
		n.object(fields{
			"kind":           func(n node) { s, _ := n.str(); e.Kind = gateway.DecisionKind(s) },
			"reason":         text(&e.Reason),
			"status":         integer(&e.Status),
			"location":       text(&e.Location),
			"response":       ownResponse(&e.Response),
			"listener":       text(&e.Listener),
			"virtualHost":    text(&e.VirtualHost),
			"route":          text(&e.Route),
			"virtualService": text(&e.VirtualService),
			"destination":    text(&e.Destination),
			"destinations":   percents(&e.Destinations),
			"upstream":       ownUpstream(&e.Upstream),
			"upstreams":      ownUpstreams(&e.Upstreams),
			"timeout":        ownTimeout(&e.Timeout),
			"retry":          ownRetry(&e.Retry),
			"mirrors":        percents(&e.Mirrors),
			"fault":          ownFault(&e.Fault),
			"cors":           func(n node) { e.CORS = new(bool); boolean(e.CORS)(n) },
			"limits":         ownLimits(&e.Limits),
			"allows":         func(n node) { e.Allows = new(int); integer(e.Allows)(n) },
		})
	}
}

func ownResponse(r *Response) func(node) {
	return func(n node) {
		n.object(fields{
			"headers": headerMatches(&r.Headers),
			"absent":  texts(&r.Absent),
			"body":    func(n node) { r.Body = new(string); *r.Body, _ = n.str() },
		})
	}
}

func ownUpstream(u *Upstream) func(node) {
	return func(n node) {
		n.object(fields{
			"method": text(&u.Method), "authority": text(&u.Authority), "path": text(&u.Path),
			"headers": headerMatches(&u.Headers), "absent": texts(&u.Absent),
		})
	}
}

func ownUpstreams(to *map[string]Upstream) func(node) {
	return func(n node) {
		all, _ := n.pairs()
		*to = map[string]Upstream{}
		for _, p := range all {
			var u Upstream
			ownUpstream(&u)(p.node)
			(*to)[p.name] = u
		}
	}
}

// headerMatches reads expected headers: each value is a text, or one of exact, prefix,
// regex and present.
func headerMatches(to *map[string]spec.StringMatch) func(node) {
	return func(n node) {
		all, _ := n.pairs()
		*to = map[string]spec.StringMatch{}
		for _, p := range all {
			(*to)[p.name] = p.node.stringMatch()
		}
	}
}

func (n node) stringMatch() (m spec.StringMatch) {
	if n.at().Kind != yaml.MappingNode {
		s, _ := n.str()
		return spec.Exact(s)
	}
	set := func(kind spec.MatchKind) func(node) {
		return func(n node) {
			m.Kind = kind
			m.Value, _ = n.str()
		}
	}
	n.object(fields{
		"exact": set(spec.MatchExact), "prefix": set(spec.MatchPrefix), "regex": set(spec.MatchRegex),
		"present": func(n node) {
			var present bool
			boolean(&present)(n)
			if !present {
				n.failf(spec.CodeInvalid, "write the name in the list absent")
			}
		},
	})
	if names := n.names(); len(names) != 1 {
		n.failf(spec.CodeInvalid, "one of exact, prefix, regex and present is expected, found %d keys", len(names))
	}
	return m
}

// percents reads shares by the names of destinations. A number can have a percent sign.
func percents(to *map[string]float64) func(node) {
	return func(n node) {
		*to = map[string]float64{}
		if n.isNone() {
			return
		}
		all, _ := n.pairs()
		for _, p := range all {
			var f float64
			value := p.node.at().Value
			if text := value; len(text) > 1 && text[len(text)-1] == '%' {
				var err error
				if f, err = strconv.ParseFloat(text[:len(text)-1], 64); err != nil {
					p.node.expected("a percentage")
				}
			} else {
				float(&f)(p.node)
			}
			(*to)[p.name] = f
		}
	}
}

func ownTimeout(to **time.Duration) func(node) {
	return func(n node) {
		*to = new(time.Duration)
		if !n.isNone() {
			length(*to)(n)
		}
	}
}

func ownRetry(to **Retry) func(node) {
	return func(n node) {
		r := new(Retry)
		*to = r
		if n.isNone() {
			return
		}
		n.object(fields{"attempts": integer(&r.Attempts), "on": texts(&r.On), "perTryTimeout": length(&r.PerTryTimeout)})
	}
}

func ownFault(to **Fault) func(node) {
	return func(n node) {
		f := new(Fault)
		*to = f
		if n.isNone() {
			return
		}
		n.object(fields{
			"delay": length(&f.Delay), "delayPercent": float(&f.DelayPercent),
			"abortStatus": integer(&f.AbortStatus), "grpcStatus": integer(&f.GRPCStatus), "abortPercent": float(&f.AbortPercent),
		})
	}
}

func ownLimits(to *[]Limit) func(node) {
	return func(n node) {
		*to = []Limit{}
		if n.isNone() {
			return
		}
		n.each(func(_ int, item node) {
			var l Limit
			item.object(fields{"counts": texts(&l.Counts), "rate": text(&l.Rate), "limit": text(&l.Limit)})
			*to = append(*to, l)
		})
	}
}
