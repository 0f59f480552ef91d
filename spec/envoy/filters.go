package envoy

import (
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/grpccode"
	"github.com/lateengo/gateway/spec"
)

// Names of filters.
const (
	faultFilter = "envoy.filters.http.fault"
	corsFilter  = "envoy.filters.http.cors"
)

// filters reads what a route has for filters.
func (x *reader) filters(r *spec.Route, o *object) {
	for _, name := range o.rest() {
		config := objectOf(o.fields[name])
		switch name {
		case faultFilter:
			x.fault(r, config)
		case corsFilter:
			x.cors(r, config)
		case "envoy.filters.http.local_ratelimit", "envoy.filters.http.ratelimit":
			x.note("rate limits are not compared")
		default:
			x.note("%s is not compared", name)
		}
	}
}

// fault reads an HTTPFault.
func (x *reader) fault(r *spec.Route, o *object) {
	f := new(spec.Fault)
	if d := o.object("delay"); len(d.fields) > 0 {
		fixed, _, err := d.duration("fixed_delay")
		x.check(err)
		percent, err := d.object("percentage").percent()
		x.check(err)
		f.Delay = &spec.FaultDelay{Fixed: fixed, Percent: percent}
		x.done(d, "delay")
	}
	if a := o.object("abort"); len(a.fields) > 0 {
		percent, err := a.object("percentage").percent()
		x.check(err)
		f.Abort = &spec.FaultAbort{HTTPStatus: a.number("http_status", 0), Percent: percent}
		if code := a.number("grpc_status", -1); code >= 0 {
			for name, number := range grpccode.Numbers {
				if number == code {
					f.Abort.GRPCStatus = name
				}
			}
		}
		x.done(a, "abort")
	}
	o.ignore("upstream_cluster", "disable_downstream_cluster_stats")
	x.done(o, "fault")
	if f.Delay != nil || f.Abort != nil {
		r.Fault = f
	}
}

// cors reads a CorsPolicy.
func (x *reader) cors(r *spec.Route, o *object) {
	c := &spec.CORS{AllowCredentials: o.boolean("allow_credentials", false)}
	for _, origin := range o.objects("allow_origin_string_match") {
		c.AllowOrigins = append(c.AllowOrigins, x.stringMatch(origin))
	}
	for _, f := range []struct {
		name string
		to   *[]string
	}{{"allow_methods", &c.AllowMethods}, {"allow_headers", &c.AllowHeaders}, {"expose_headers", &c.ExposeHeaders}} {
		for word := range strings.SplitSeq(o.text(f.name), ",") {
			if word = strings.TrimSpace(word); word != "" {
				*f.to = append(*f.to, word)
			}
		}
	}
	if text := o.text("max_age"); text != "" {
		seconds, err := strconv.Atoi(text)
		x.check(err)
		age := time.Duration(seconds) * time.Second
		c.MaxAge = &age
	}
	if !o.boolean("forward_not_matching_preflights", true) {
		c.UnmatchedPreflights = spec.UnmatchedPreflightsIgnore
	}
	if f := o.object("filter_enabled"); len(f.fields) > 0 {
		percent, err := f.object("default_value").percent()
		x.check(err)
		if percent == 0 {
			return
		}
	}
	x.done(o, "CORS policy")
	r.CORS = c
}
