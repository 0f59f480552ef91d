package explain

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/field"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/spec"
)

// steps says what the route does with the request, in Envoy's order. A step that answers
// is the last one.
func (x *explainer) steps() {
	c := x.clause
	rp := c.Route
	if x.faultSteps() || x.corsSteps() {
		return
	}
	x.limitSteps()
	switch {
	case rp.Redirect != nil:
		x.do("redirect", x.field("redirect", func(r *spec.Route) bool { return r.Redirect != nil }), "%d to %s", x.Decision.Status, x.Decision.Location)
	case rp.Direct != nil:
		text := strconv.Itoa(x.Decision.Status)
		if n := len(x.Decision.Body); n > 0 {
			text += fmt.Sprintf(" with %d bytes", n)
		}
		x.do("respond", x.field("directResponse", func(r *spec.Route) bool { return r.DirectResponse != nil }), "%s", text)
	default:
		x.forwardSteps()
		return
	}
	for _, op := range c.ResponseOperations(nil) {
		x.do("response", op.Place, "%s", op.HeaderOperation.String())
	}
}

// do adds a step of the route.
func (x *explainer) do(kind string, place inspect.Place, format string, args ...any) {
	x.Steps = append(x.Steps, inspect.Step{Kind: kind, Text: fmt.Sprintf(format, args...), Place: place})
}

// field returns the place of a field of the route.
func (x *explainer) field(path string, has func(*spec.Route) bool) inspect.Place {
	return x.clause.Route.Declared.Place(path, has)
}

// faultSteps reports whether a fault answers.
func (x *explainer) faultSteps() bool {
	f := x.clause.Route.Fault
	if f == nil {
		return false
	}
	has := func(r *spec.Route) bool { return r.Fault != nil }
	if f.DelayShare > 0 {
		x.do("fault", x.field("fault.delay", has), "%v%% are delayed by %v", f.DelayShare.Percent(), f.Delay)
	}
	if f.AbortShare > 0 {
		d := f.Described()
		status := strconv.Itoa(d.AbortStatus)
		if d.GRPCStatus != 0 {
			status += fmt.Sprintf(" (gRPC status %d)", d.GRPCStatus)
		}
		x.do("fault", x.field("fault.abort", has), "%v%% are aborted with %s", d.AbortPercent, status)
	}
	return f.AbortShare == program.All
}

// corsSteps reports whether CORS answers.
func (x *explainer) corsSteps() bool {
	rp := x.clause.Route
	if !rp.DeclaresCORS {
		return false
	}
	place := x.field("corsPolicy", func(r *spec.Route) bool { return r.CORS != nil })
	if rp.CORS == nil {
		x.do("cors", place, "has no effect: the route has no destination")
		return false
	}
	r := x.view.Request
	origin := field.One(r.Header, "Origin")
	allowed, answered := rp.CORS.Filter(x.program, &answerWriter{header: http.Header{}}, r)
	switch {
	case origin == "":
		x.do("cors", place, "nothing to do: the request has no origin")
	case answered && x.Decision.Header.Get("Access-Control-Allow-Origin") == "":
		x.do("cors", place, "the preflight is answered; origin %s is not allowed", origin)
	case answered:
		x.do("cors", place, "the preflight is answered; origin %s is allowed", origin)
	case allowed != "":
		x.do("cors", place, "origin %s is allowed: the response says so", origin)
	default:
		x.do("cors", place, "origin %s is not allowed: the response does not have CORS headers", origin)
	}
	return answered
}

func (x *explainer) limitSteps() {
	for i, l := range x.clause.Route.Limits.All() {
		of := &x.Decision.Route.RateLimits[i]
		x.do("rate limit", inspect.At(l.Origin, l.Field), "%s: %s", of.Limit, of.Effect())
	}
}

// forwardSteps says what happens to a request for destinations.
func (x *explainer) forwardSteps() {
	c := x.clause
	rp := c.Route
	if rp.MaxBody > 0 {
		x.do("body", x.field("maxRequestBody", func(r *spec.Route) bool { return r.MaxRequestBody != 0 }), "at most %d bytes, or the answer is 413", rp.MaxBody)
	}
	if rp.IsTooLong(x.view.Request) {
		return
	}
	if n := rp.Load.Most(); n > 0 {
		x.do("in flight", x.field("maxRequests", func(r *spec.Route) bool { return r.MaxRequests != 0 }), "at most %d requests, or the answer is 503", n)
	}
	if rp.Timeout > 0 {
		x.do("timeout", x.field("timeout", func(r *spec.Route) bool { return r.Timeout != 0 }), "%v", rp.Timeout)
	}
	if rp.Retry.Attempts > 0 {
		if rp.Retry.Declared {
			x.do("retries", x.field("retries", func(r *spec.Route) bool { return r.Retry != nil }), "%s", rp.DescribedRetry())
		} else {
			x.do("retries", inspect.Place{}, "%d times, by Istio's default", rp.Retry.Attempts)
		}
	}
	x.rewriteStep()
	x.mirrorSteps()
	for i := range rp.Split.Destinations {
		d := x.Decision.Destinations[i]
		steps := inspect.DestinationSteps{Cluster: d.Cluster, Share: "all", Steps: x.destinationSteps(&rp.Split.Destinations[i])}
		if d.Weight != d.Total {
			steps.Share = fmt.Sprintf("%d/%d", d.Weight, d.Total)
		}
		steps.Place = x.field(fmt.Sprintf("route[%d].destination", rp.Split.Destinations[i].Number), func(r *spec.Route) bool { return len(r.Destinations) > 0 })
		x.Destinations = append(x.Destinations, steps)
	}
}

func (x *explainer) rewriteStep() {
	c := x.clause
	rw := c.Route.Rewrite
	if rw == nil {
		return
	}
	path := x.view.Path
	to, field := rw.Path(path, &c.URI), "rewrite.uri"
	has := func(r *spec.Route) bool { return r.Rewrite != nil }
	switch {
	case rw.Regex != nil:
		field = "rewrite.uriRegexRewrite"
	case rw.Described().URI == "":
		return
	}
	if to == path {
		x.do("rewrite", x.field(field, has), "%s stays as it is", path)
		return
	}
	x.do("rewrite", x.field(field, has), "%s becomes %s", path, to)
}

func (x *explainer) mirrorSteps() {
	rp := x.clause.Route
	for i := range rp.Mirrors {
		m := rp.Mirrors[i].Described()
		missing := ""
		if m.Missing {
			missing = ", but " + m.Reason
		}
		x.do("mirror", x.field(fmt.Sprintf("mirrors[%d]", rp.Mirrors[i].Destination.Number), func(r *spec.Route) bool { return len(r.Mirrors) > 0 }),
			"%v%% are copied to %s%s", m.Percent, m.Cluster, missing)
	}
}

// destinationSteps says what happens to the request that a destination gets.
func (x *explainer) destinationSteps(d *program.Destination) []inspect.Step {
	var steps []inspect.Step
	do := func(kind string, place inspect.Place, format string, args ...any) {
		steps = append(steps, inspect.Step{Kind: kind, Text: fmt.Sprintf(format, args...), Place: place})
	}
	c := x.clause
	for _, op := range x.program.RequestOperations(&x.view, c, d) {
		text := op.HeaderOperation.String()
		switch {
		case op.Kind == "remove":
		case op.Result == "":
			text += ", not written: the value is empty"
		case strconv.Quote(op.Result) != strconv.Quote(strings.ReplaceAll(op.Value, "%%", "%")):
			text += " is " + strconv.Quote(op.Result)
		}
		do("request", op.Place, "%s", text)
	}
	if d.Authority != "" {
		do("host", x.authorityPlace(d), "%s becomes %s", x.request.Host, d.Authority)
	}
	if d.Backend == nil {
		do("missing", inspect.Place{}, "%s: requests get 503", d.Missing)
	}
	if d.Policy != nil {
		for _, line := range d.PolicyLines() {
			do("policy", x.program.PolicyPlace(d), "%s", line)
		}
	}
	for _, op := range c.ResponseOperations(d) {
		do("response", op.Place, "%s", op.HeaderOperation.String())
	}
	return steps
}

// authorityPlace returns the place that sets the Host header for a destination: the
// rewrite, the operations of the route, or those of the destination.
func (x *explainer) authorityPlace(d *program.Destination) inspect.Place {
	r := x.clause.Route.Declared.Route
	if r == nil {
		return inspect.Place{}
	}
	if r.Rewrite != nil && r.Rewrite.Authority != "" {
		return x.field("rewrite.authority", func(r *spec.Route) bool { return r.Rewrite != nil })
	}
	find := func(path string, h *spec.Headers, has func(*spec.Route) bool) inspect.Place {
		for _, kind := range []string{"set", "add"} {
			values := h.Request.Set
			if kind == "add" {
				values = h.Request.Add
			}
			for name := range values {
				if strings.EqualFold(name, "host") || strings.EqualFold(name, ":authority") {
					return x.field(path+"headers.request."+kind+"["+name+"]", has)
				}
			}
		}
		return inspect.Place{}
	}
	place := find("", &r.Headers, func(r *spec.Route) bool { return !r.Headers.IsZero() })
	if place.IsZero() {
		place = find(fmt.Sprintf("route[%d].", d.Number), &r.Destinations[d.Number].Headers, func(r *spec.Route) bool { return len(r.Destinations) > 0 })
	}
	return place
}
