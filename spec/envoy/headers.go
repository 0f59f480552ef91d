package envoy

import (
	"maps"

	"github.com/lateengo/gateway/spec"
)

// operations reads the header operations of a route. istiod joins those of the route and
// of its only destination, so a name may be there twice.
func (x *reader) operations(r *spec.Route, o *object) {
	var more spec.Headers
	r.Headers = x.headersTwice(o, &more)
	switch {
	case more.IsZero():
	case len(r.Destinations) == 1 && r.Destinations[0].Headers.IsZero():
		r.Destinations[0].Headers = more
	default:
		x.fail("several operations of a kind on one header are not understood")
	}
}

// headers reads the header operations of a message.
func (x *reader) headers(o *object) spec.Headers {
	var more spec.Headers
	h := x.headersTwice(o, &more)
	if !more.IsZero() {
		x.fail("several operations of a kind on one header are not understood")
	}
	return h
}

// headersTwice reads the header operations of a message. more gets the second operation
// of a kind on a header.
func (x *reader) headersTwice(o *object, more *spec.Headers) (h spec.Headers) {
	h.Request.Remove = o.texts("request_headers_to_remove")
	h.Response.Remove = o.texts("response_headers_to_remove")
	x.added(o.objects("request_headers_to_add"), &h.Request, &more.Request)
	x.added(o.objects("response_headers_to_add"), &h.Response, &more.Response)
	return h
}

// added reads a list of HeaderValueOption.
func (x *reader) added(list []*object, to, more *spec.HeaderOperations) {
	for _, o := range list {
		v := o.object("header")
		key, value := v.text("key"), v.text("value")
		if v.has("raw_value") {
			x.fail("raw_value of a header is not understood")
		}
		add := true
		switch action := o.text("append_action"); action {
		case "", "APPEND_IF_EXISTS_OR_ADD":
			add = action != "" || o.boolean("append", true)
		case "OVERWRITE_IF_EXISTS_OR_ADD":
			add = false
		default:
			x.fail("append_action %s is not understood", action)
		}
		if o.boolean("keep_empty_value", false) && value == "" {
			x.fail("keep_empty_value is not understood")
		}
		o.ignore("append")
		x.done(v, "header")
		x.done(o, "header to add")
		if !put(to, key, value, add) && !put(more, key, value, add) {
			x.fail("three operations of a kind on the header %s are not understood", key)
		}
	}
}

// put adds an operation, if there is none of its kind on the header.
func put(to *spec.HeaderOperations, key, value string, add bool) bool {
	m := &to.Set
	if add {
		m = &to.Add
	}
	if _, twice := (*m)[key]; twice {
		return false
	}
	own := maps.Clone(*m)
	*m = with(own, key, value)
	return true
}
