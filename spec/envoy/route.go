package envoy

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// kind is the kind of the origins of routes.
const kind = "Route"

// defaultTimeout is Envoy's timeout of a route without one. istiod always writes one.
const defaultTimeout = 15 * time.Second

// A reader reads one route. It notes the first thing that it does not understand.
type reader struct {
	*Dump
	problem string
}

// fail notes what is not understood.
func (x *reader) fail(format string, args ...any) {
	if x.problem == "" {
		x.problem = fmt.Sprintf(format, args...)
	}
}

func (x *reader) check(err error) {
	if err != nil {
		x.fail("%v", err)
	}
}

// done notes the fields of a message that are not understood.
func (x *reader) done(o *object, of string) {
	if rest := o.rest(); len(rest) > 0 {
		x.fail("%s of the %s is not understood", rest[0], of)
	}
}

// route adds a route. broken is why no route of the virtual host is understood.
func (d *Dump) route(c *routeConfig, h *virtualHost, i int, o *object, broken string) {
	x := &reader{Dump: d, problem: broken}
	r := spec.Route{Name: o.text("name")}
	r.Origin = spec.Origin{File: d.name, Kind: kind, Name: c.name + " " + h.name, Path: "routes[" + strconv.Itoa(i) + "]"}
	matches, separated := x.match(o.object("match"))
	r.Match = matches
	switch {
	case o.has("route"):
		x.forward(&r, o.object("route"))
	case o.has("redirect"):
		x.redirect(&r, o.object("redirect"))
	case o.has("direct_response"):
		x.direct(&r, o.object("direct_response"))
	default:
		x.fail("it has no route, redirect or direct_response")
	}
	x.operations(&r, o)
	x.filters(&r, o.object("typed_per_filter_config"))
	o.ignore("metadata", "decorator", "stat_prefix", "tracing", "per_request_buffer_limit_bytes")
	x.done(o, "route")
	if x.problem != "" {
		d.unknown[routeKey{r.Origin.Name, r.Origin.Path}] = x.problem
		h.routes = append(h.routes, unknownRoute(r))
		return
	}
	h.routes = append(h.routes, r)
	if separated {
		h.routes = append(h.routes, below(r))
	}
}

// unknownRoute returns a route that takes the requests of r, as far as is known.
func unknownRoute(r spec.Route) spec.Route {
	return spec.Route{Name: r.Name, Match: r.Match, DirectResponse: &spec.DirectResponse{Status: 501}, Origin: r.Origin}
}

// below returns the route for the paths below a path_separated_prefix. r is that for the
// path itself.
func below(r spec.Route) spec.Route {
	r.Match = slices.Clone(r.Match)
	r.Match[0].URI = spec.Prefix(r.Match[0].URI.Value + "/")
	if r.Rewrite != nil && r.Rewrite.URI != "" {
		own := *r.Rewrite
		own.URI += "/"
		r.Rewrite = &own
	}
	if r.Redirect != nil && r.Redirect.PrefixRewrite != "" {
		own := *r.Redirect
		own.PrefixRewrite += "/"
		r.Redirect = &own
	}
	return r
}

// forward reads a RouteAction.
func (x *reader) forward(r *spec.Route, o *object) {
	switch {
	case o.has("cluster"):
		if to, ok := x.destination(o.text("cluster")); ok {
			r.Destinations = []spec.Destination{to}
		}
	case o.has("weighted_clusters"):
		w := o.object("weighted_clusters")
		w.ignore("total_weight", "runtime_key_prefix")
		for _, c := range w.objects("clusters") {
			to, _ := x.destination(c.text("name"))
			to.Weight = c.number("weight", 0)
			to.Headers = x.headers(c)
			if host := c.text("host_rewrite_literal"); host != "" {
				to.Headers.Request.Set = with(to.Headers.Request.Set, "host", host)
			}
			for _, name := range c.object("typed_per_filter_config").rest() {
				x.note("%s of a weighted cluster is not compared", name)
			}
			c.ignore("metadata_match")
			x.done(c, "weighted cluster")
			r.Destinations = append(r.Destinations, to)
		}
		x.done(w, "weighted_clusters")
	default:
		x.fail("it names no cluster")
	}
	rewrite := spec.Rewrite{URI: o.text("prefix_rewrite"), Authority: o.text("host_rewrite_literal")}
	if g := o.object("regex_rewrite"); len(g.fields) > 0 {
		p := g.object("pattern")
		p.ignore("google_re2")
		rewrite.URIRegex = &spec.RegexRewrite{Match: p.text("regex"), Rewrite: g.text("substitution")}
		x.done(p, "pattern")
		x.done(g, "regex_rewrite")
	}
	if rewrite != (spec.Rewrite{}) {
		r.Rewrite = &rewrite
	}
	timeout, known, err := o.duration("timeout")
	x.check(err)
	if r.Timeout = timeout; !known {
		r.Timeout = defaultTimeout
	}
	x.retry(r, o.object("retry_policy"))
	for _, m := range o.objects("request_mirror_policies") {
		x.mirror(r, m)
	}
	if len(o.list("hash_policy")) > 0 {
		x.note("hash policies are not compared")
	}
	if len(o.list("rate_limits")) > 0 {
		x.note("rate limits are not compared")
	}
	if c := o.object("cors"); len(c.fields) > 0 {
		x.cors(r, c)
	}
	o.ignore("max_grpc_timeout", "max_stream_duration", "upgrade_configs", "priority", "metadata_match", "append_x_forwarded_host",
		"idle_timeout", "cluster_not_found_response_code", "include_vh_rate_limits", "max_internal_redirects")
	if !o.boolean("auto_host_rewrite", false) {
		o.ignore("auto_host_rewrite")
	}
	x.done(o, "route")
}

// with returns a map with one more entry.
func with(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

// destination parses istiod's name of a cluster: outbound|port|subset|host.
func (x *reader) destination(cluster string) (spec.Destination, bool) {
	parts := strings.Split(cluster, "|")
	if len(parts) == 4 && parts[0] == "outbound" {
		if port, err := strconv.Atoi(parts[1]); err == nil && port > 0 && !strings.Contains(parts[3], "*") {
			return spec.Destination{Host: parts[3], Port: port, Subset: parts[2]}, true
		}
	}
	x.fail("the cluster %q is not istiod's of a service: outbound|port|subset|host", cluster)
	return spec.Destination{Host: "unknown.invalid", Port: 80}, false
}

func (x *reader) mirror(r *spec.Route, m *object) {
	to, _ := x.destination(m.text("cluster"))
	mirror := spec.Mirror{Destination: to}
	if f := m.object("runtime_fraction"); len(f.fields) > 0 {
		percent, err := f.object("default_value").percent()
		x.check(err)
		mirror.Percent = &percent
		f.ignore("runtime_key")
		x.done(f, "runtime_fraction")
	}
	m.ignore("trace_sampled", "disable_shadow_host_suffix_append")
	x.done(m, "request_mirror_policy")
	r.Mirrors = append(r.Mirrors, mirror)
}

var redirectCodes = map[string]int{"": 301, "MOVED_PERMANENTLY": 301, "FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}

// redirect reads a RedirectAction.
func (x *reader) redirect(r *spec.Route, o *object) {
	d := &spec.Redirect{
		Scheme: o.text("scheme_redirect"), Authority: o.text("host_redirect"), Port: o.number("port_redirect", 0),
		URI: o.text("path_redirect"), PrefixRewrite: o.text("prefix_rewrite"),
	}
	if o.boolean("https_redirect", false) {
		d.Scheme = "https"
	}
	code, ok := redirectCodes[o.text("response_code")]
	if !ok {
		x.fail("response_code is %q", o.text("response_code"))
	}
	if o.boolean("strip_query", false) {
		x.fail("strip_query is not understood")
	}
	if *d == (spec.Redirect{}) {
		x.fail("the redirect changes nothing")
	}
	d.Code = code
	r.Redirect = d
	x.done(o, "redirect")
}

// direct reads a DirectResponseAction.
func (x *reader) direct(r *spec.Route, o *object) {
	d := &spec.DirectResponse{Status: o.number("status", 0)}
	if b := o.object("body"); len(b.fields) > 0 {
		switch {
		case b.has("inline_string"):
			d.Body = []byte(b.text("inline_string"))
		case b.has("inline_bytes"):
			body, err := base64.StdEncoding.DecodeString(b.text("inline_bytes"))
			x.check(err)
			d.Body = body
		}
		x.done(b, "body")
	}
	r.DirectResponse = d
	x.done(o, "direct_response")
}

// istiod's default conditions of retries. Before Istio 1.24 a 503 was one of them.
var defaultConditions = []string{"cancelled", "connect-failure", "refused-stream", "retriable-status-codes", "unavailable"}

// retry reads a RetryPolicy.
func (x *reader) retry(r *spec.Route, o *object) {
	r.Retry = &spec.Retry{}
	if len(o.fields) == 0 {
		return
	}
	p := r.Retry
	p.Attempts = o.number("num_retries", 1)
	for word := range strings.SplitSeq(o.text("retry_on"), ",") {
		if word = strings.TrimSpace(word); word != "" {
			p.On = append(p.On, word)
		}
	}
	var codes []string
	for _, v := range o.list("retriable_status_codes") {
		codes = append(codes, fmt.Sprint(v))
	}
	var err error
	p.PerTryTimeout, _, err = o.duration("per_try_timeout")
	x.check(err)
	if b := o.object("retry_back_off"); len(b.fields) > 0 {
		p.Backoff, _, err = b.duration("base_interval")
		x.check(err)
		b.ignore("max_interval")
		x.done(b, "retry_back_off")
	}
	same := true
	for _, predicate := range o.objects("retry_host_predicate") {
		if name := predicate.text("name"); name != "envoy.retry_host_predicates.previous_hosts" {
			x.fail("the retry_host_predicate %s is not understood", name)
		}
		same = false
	}
	p.SameHosts = &same
	p.RemoteLocalities = len(o.object("retry_priority").fields) > 0
	o.ignore("host_selection_retry_max_attempts")
	x.done(o, "retry_policy")
	on := slices.Sorted(slices.Values(p.On))
	if slices.Equal(on, defaultConditions) && slices.Equal(codes, []string{"503"}) {
		x.note("the cluster also retries 503 by default: older versions of Istio do. That is not compared")
		codes = nil
	}
	p.On = append(p.On, codes...)
	if p.Attempts == 0 || len(p.On) == 0 {
		r.Retry = &spec.Retry{}
	}
}
