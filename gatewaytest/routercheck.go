package gatewaytest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/spec"
)

// A routerCheck is what a test of Envoy's router_check_tool expects (validation.proto).
// A nil text is not compared, and an empty one expects that there is none.
type routerCheck struct {
	random uint64
	ssl    bool
	// input are headers of the destination's answer.
	input http.Header

	cluster, virtualCluster, virtualHost   *string
	hostRewrite, pathRewrite, pathRedirect *string
	codeRedirect                           *int
	request, response                      []headerMatcher
}

// isOldRouterCheck reports whether a document has the format that the tool read before
// Envoy 1.12: a list of tests.
func isOldRouterCheck(top node) bool {
	v := top.at()
	return v.Kind == yaml.SequenceNode && len(v.Content) > 0 && node{v.Content[0], top.file, ""}.has("test_name")
}

// routerCheckCases reads a document of router_check_tool.
func (f *caseFile) routerCheckCases(top node) (cases []Case) {
	each := func(n node) {
		n.each(func(_ int, item node) {
			if c, ok := item.routerCheckCase(); ok {
				cases = append(cases, c)
			}
		})
	}
	if top.at().Kind == yaml.SequenceNode {
		each(top)
		return cases
	}
	top.object(fields{"tests": each})
	return cases
}

// routerCheckCase reads a test of router_check_tool.
func (n node) routerCheckCase() (c Case, ok bool) {
	before := len(n.file.errors)
	check := new(routerCheck)
	c.Origin, c.foreign = n.origin(), check
	c.Request.Header = http.Header{}
	n.object(fields{
		"test_name": text(&c.Name),
		"input":     func(n node) { check.readInput(n, &c) },
		"validate":  check.readValidate,
	})
	for _, name := range []string{"test_name", "input", "validate"} {
		if !n.has(name) {
			n.failf(spec.CodeMissing, "there is no %s", name)
		}
	}
	if len(n.file.errors) > before {
		return c, false
	}
	c.Backend.Header = check.input
	if c.skip == "" && check.isEmpty() {
		c.skip = "the test expects nothing: validate is empty"
	}
	for _, p := range c.problems() {
		n.file.fail(c.finding(p).Finding)
	}
	return c, len(n.file.errors) == before
}

func (e *routerCheck) isEmpty() bool {
	return e.cluster == nil && e.virtualCluster == nil && e.virtualHost == nil && e.hostRewrite == nil && e.pathRewrite == nil &&
		e.pathRedirect == nil && e.codeRedirect == nil && len(e.request) == 0 && len(e.response) == 0
}

// readInput reads the request.
func (e *routerCheck) readInput(n node, c *Case) {
	var authority string
	pairs := func(to func(name, value string)) func(node) {
		return func(n node) {
			n.each(func(_ int, item node) { item.headerPair(to) })
		}
	}
	request := pairs(func(name, value string) { c.Request.Header.Add(name, value) })
	var internal bool
	known := fields{
		"authority": text(&authority), "path": text(&c.Request.URL), "method": text(&c.Request.Method),
		"random_value": e.readRandom, "ssl": boolean(&e.ssl), "internal": boolean(&internal),
		"additional_request_headers": request, "additional_headers": request,
		"additional_response_headers": pairs(func(name, value string) {
			if e.input == nil {
				e.input = http.Header{}
			}
			e.input.Add(name, value)
		}),
		// The routes of Istio do not depend on the runtime of Envoy.
		"runtime": func(n node) { _, _ = n.str() },
	}
	for _, name := range []string{"authority", "path", "method"} {
		known[":"+name] = known[name]
	}
	n.object(known)
	if authority == "" {
		n.failf(spec.CodeMissing, "there is no authority")
	}
	if !strings.HasPrefix(c.Request.URL, "/") {
		n.failf(spec.CodeInvalid, "the path %q does not begin with a slash", c.Request.URL)
	}
	c.Request.Header["Host"] = []string{authority}
	if internal {
		c.skip = "input.internal: a gateway at the edge removes x-envoy-internal from requests"
	}
}

func (e *routerCheck) readRandom(n node) {
	var err error
	if e.random, err = strconv.ParseUint(n.at().Value, 10, 64); err != nil {
		n.expected("a number from 0")
	}
}

// headerPair reads a header as {key, value}, or as {field, value} in the old format.
func (n node) headerPair(to func(name, value string)) {
	var name, value string
	n.object(fields{"key": text(&name), "field": text(&name), "value": text(&value)})
	if name == "" {
		n.failf(spec.CodeMissing, "the header has no key")
		return
	}
	to(name, value)
}

// readValidate reads what is expected.
func (e *routerCheck) readValidate(n node) {
	optional := func(to **string) func(node) {
		return func(n node) {
			if s, ok := n.str(); ok {
				*to = &s
			}
		}
	}
	equal := func(to *[]headerMatcher) func(node) {
		return func(n node) {
			n.each(func(_ int, item node) {
				item.headerPair(func(name, value string) { *to = append(*to, headerMatcher{name: name, equals: &value}) })
			})
		}
	}
	matchers := func(to *[]headerMatcher) func(node) {
		return func(n node) {
			n.each(func(_ int, item node) {
				if m, ok := item.headerMatcher(); ok {
					*to = append(*to, m)
				}
			})
		}
	}
	n.object(fields{
		"cluster_name": optional(&e.cluster), "virtual_cluster_name": optional(&e.virtualCluster), "virtual_host_name": optional(&e.virtualHost),
		"host_rewrite": optional(&e.hostRewrite), "path_rewrite": optional(&e.pathRewrite), "path_redirect": optional(&e.pathRedirect),
		"code_redirect":          func(n node) { e.codeRedirect = new(int); integer(e.codeRedirect)(n) },
		"request_header_matches": matchers(&e.request), "response_header_matches": matchers(&e.response),
		"request_header_fields": equal(&e.request), "response_header_fields": equal(&e.response),
		"header_fields": equal(&e.request), "custom_header_fields": equal(&e.request),
	})
}

func (e *routerCheck) https() bool { return e.ssl }

// drawn returns the destination that random_value selects.
func (e *routerCheck) drawn(d *gateway.Decision) *gateway.DecidedDestination {
	if len(d.Destinations) == 0 {
		return nil
	}
	left := e.random % uint64(d.Destinations[0].Total)
	for i := range d.Destinations {
		to := &d.Destinations[i]
		if left < uint64(to.Weight) {
			return to
		}
		left -= uint64(to.Weight)
	}
	return &d.Destinations[len(d.Destinations)-1]
}

// compare implements foreignExpectation.
func (e *routerCheck) compare(x *comparison) {
	d := x.d
	to := e.drawn(d)
	compare := func(field string, want *string, got string) {
		if want != nil && *want != got {
			text := quoted(got)
			if got == "" && to == nil {
				text += ": " + kindText(d)
			}
			x.differ(field, quoted(*want), text)
		}
	}
	var cluster, host, path, virtualHost string
	if to != nil {
		cluster, host, path, virtualHost = to.Cluster, to.Authority, to.Path, e.virtualHostName(x)
	}
	compare("cluster_name", e.cluster, cluster)
	// Istio's gateways have no virtual clusters.
	compare("virtual_cluster_name", e.virtualCluster, "")
	compare("virtual_host_name", e.virtualHost, virtualHost)
	compare("host_rewrite", e.hostRewrite, host)
	compare("path_rewrite", e.pathRewrite, path)
	answers := d.Route != nil && (d.Kind == gateway.DecisionRedirect || d.Kind == gateway.DecisionDirectResponse)
	redirect, code := "", 0
	if answers {
		redirect, code = e.redirect(x), d.Status
	}
	compare("path_redirect", e.pathRedirect, redirect)
	if e.codeRedirect != nil && *e.codeRedirect != code {
		x.differ("code_redirect", strconv.Itoa(*e.codeRedirect), strconv.Itoa(code))
	}
	e.headers(x, "request_header_matches", e.request, e.requestHeader(x, to))
	if len(e.response) > 0 {
		if h, ok := e.responseHeader(x, to); ok {
			e.headers(x, "response_header_matches", e.response, h)
		}
	}
}

// virtualHostName returns Istio's name of the virtual host, "domain:port". A name without
// the port is accepted too.
func (e *routerCheck) virtualHostName(x *comparison) string {
	domain := x.d.VirtualHost
	if e.virtualHost != nil && *e.virtualHost == domain {
		return domain
	}
	_, port, _ := cutLast(x.d.Listener, "_")
	return domain + ":" + port
}

func cutLast(text, at string) (before, after string, found bool) {
	if i := strings.LastIndex(text, at); i >= 0 {
		return text[:i], text[i+len(at):], true
	}
	return text, "", false
}

// redirect returns where Envoy would redirect to. It makes such a URL of each route
// without destinations, also of a direct response.
func (e *routerCheck) redirect(x *comparison) string {
	if x.d.Kind == gateway.DecisionRedirect {
		return x.d.Location
	}
	r := x.asked.q.Request()
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + rawpath.Target(r)
}

// requestHeader returns the request's header as the destination gets it, with the
// pseudo-headers.
func (e *routerCheck) requestHeader(x *comparison, to *gateway.DecidedDestination) http.Header {
	r := x.asked.q.Request()
	if to == nil {
		h := r.Header.Clone()
		h[":authority"], h[":path"], h[":method"] = []string{r.Host}, []string{rawpath.Target(r)}, []string{r.Method}
		return h
	}
	h := to.Headers.Clone()
	h[":authority"], h[":path"], h[":method"] = []string{to.Authority}, []string{to.Path}, []string{to.Method}
	return h
}

// responseHeader returns the header of the answer. It is not ok if there is none.
func (e *routerCheck) responseHeader(x *comparison, to *gateway.DecidedDestination) (http.Header, bool) {
	if to == nil {
		h := x.d.Header.Clone()
		if h == nil {
			h = http.Header{}
		}
		h[":status"] = []string{strconv.Itoa(x.d.Status)}
		if x.d.Body != "" && h.Get("Content-Length") == "" {
			h.Set("Content-Length", strconv.Itoa(len(x.d.Body)))
		}
		return h, true
	}
	if to.Missing {
		x.skipped = "response headers: the destination " + to.Cluster + " is missing: " + to.Reason
		return nil, false
	}
	answers := x.serve()
	at := slices.IndexFunc(answers, func(s served) bool { return s.destination == to })
	if at < 0 {
		return nil, false
	}
	h := answers[at].Header().Clone()
	h[":status"] = []string{strconv.Itoa(answers[at].Code)}
	return h, true
}

// headers compares headers.
func (e *routerCheck) headers(x *comparison, field string, want []headerMatcher, got http.Header) {
	for _, m := range want {
		lines := got[m.name]
		if !strings.HasPrefix(m.name, ":") {
			lines = got[http.CanonicalHeaderKey(m.name)]
		}
		if !m.matches(lines) {
			x.differ(field+" "+m.name, m.text(), cmp.Or(quotedLines(lines), "no such header"))
		}
	}
}

func quotedLines(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strconv.Quote(strings.Join(lines, ","))
}
