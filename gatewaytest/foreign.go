package gatewaytest

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/question"
	"github.com/lateengo/gateway/spec"
)

// A foreignExpectation is what a case of another tool's file expects.
type foreignExpectation interface {
	// compare adds the differences to x.
	compare(x *comparison)
	// https means that only servers with TLS are asked.
	https() bool
}

// askForeign decides about the request of another tool's case. These tools know no
// listeners: the first one at which a route matches decides. If there is none, all
// VirtualServices are asked, also those that no Gateway serves.
func (t *Tester) askForeign(c *Case) (*asked, error) {
	first, err := t.askListeners(c, t.gateway)
	if err != nil || first.decision.Route != nil {
		return t.askRoutes(c, first), err
	}
	if t.unbound == nil {
		gw, _, err := t.build(withoutServers(&t.declared), t.problems, noRandom, http.NotFoundHandler())
		if err != nil {
			// The configuration with its Gateways is good, and has decided.
			return first, nil
		}
		t.unbound = gw
	}
	other, err := t.askListeners(c, t.unbound)
	if err != nil || other.decision.Route == nil {
		return first, err
	}
	other.unbound = true
	return other, nil
}

// askRoutes decides again without faults and CORS, if one of them answers the request:
// router_check_tool knows only routes.
func (t *Tester) askRoutes(c *Case, a *asked) *asked {
	if _, ok := c.foreign.(*routerCheck); !ok || a == nil {
		return a
	}
	if a.decision.Kind != gateway.DecisionAbort && a.decision.Kind != gateway.DecisionPreflight {
		return a
	}
	if t.routes == nil {
		d := t.declared
		d.VirtualServices = changedRoutes(d.VirtualServices, func(r *spec.Route) { r.CORS = nil })
		gw, _, err := t.build(d, t.problems, noRandom, http.NotFoundHandler())
		if err != nil {
			return a
		}
		t.routes = gw
	}
	a.decision = a.q.Ask(t.routes)
	return a
}

// An asked is a question with the decision about it.
type asked struct {
	q        *question.Question
	decision gateway.Decision
	// unbound means that it is not a decision of the gateway's servers.
	unbound bool
}

// askListeners asks the listeners of a gateway in order.
func (t *Tester) askListeners(c *Case, gw *gateway.Gateway) (*asked, error) {
	var first *asked
	for _, l := range gw.Listeners() {
		if c.foreign.https() && !l.TLS() && slices.ContainsFunc(gw.Listeners(), (*gateway.Listener).TLS) {
			continue
		}
		scheme := "http"
		if l.TLS() {
			scheme = "https"
		}
		q, err := c.foreignQuestion(scheme, l.Port())
		if err != nil {
			return nil, err
		}
		if c.foreign.https() && !l.TLS() {
			q.Secure()
		}
		a := &asked{q: q, decision: q.Ask(gw)}
		if a.decision.Route != nil {
			return a, nil
		}
		if first == nil {
			first = a
		}
	}
	if first == nil {
		q, err := c.question()
		if err != nil {
			return nil, err
		}
		first = &asked{q: q, decision: q.Ask(gw)}
	}
	return first, nil
}

// foreignQuestion returns the question to a listener. The URL of the case is a path, and
// the authority is in the Host header.
func (c *Case) foreignQuestion(scheme string, port int) (*question.Question, error) {
	var lines []string
	for _, name := range slices.Sorted(headerNames(c.Request.Header)) {
		for _, value := range c.Request.Header[name] {
			lines = append(lines, name+": "+value)
		}
	}
	host := strings.Join(c.Request.Header["Host"], "")
	name, _, _ := strings.Cut(host, ":")
	url := fmt.Sprintf("%s://%s:%d%s", scheme, cmp.Or(name, "localhost"), port, c.Request.URL)
	return question.New(cmp.Or(c.Request.Method, http.MethodGet), url, lines)
}

func headerNames(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}
}

// withoutServers returns declarations in which no VirtualService needs a Gateway.
func withoutServers(d *spec.Declarations) *spec.Declarations {
	out := *d
	out.Servers = nil
	out.RateLimits, out.RateLimitDomains = nil, nil
	out.VirtualServices = slices.Clone(d.VirtualServices)
	for i := range out.VirtualServices {
		// Without hosts it is a delegate.
		if len(out.VirtualServices[i].Hosts) > 0 {
			out.VirtualServices[i].Gateways = nil
		}
	}
	return &out
}

// declaredRoute returns the declaration of the decision's route.
func (x *comparison) declaredRoute() *spec.Route {
	if x.d.Route == nil {
		return nil
	}
	at := x.d.Route.Origin
	for i := range x.tester.declared.VirtualServices {
		vs := &x.tester.declared.VirtualServices[i]
		for j := range vs.Routes {
			if sameOrigin(&vs.Routes[j].Origin, &at) {
				return &vs.Routes[j]
			}
		}
	}
	return nil
}

func sameOrigin(a, b *spec.Origin) bool {
	return a.File == b.File && a.Line == b.Line && a.Column == b.Column &&
		a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name && a.Path == b.Path
}

// declarationText writes a declaration with those fields that are not zero.
func declarationText(v any) string {
	text := valueText(reflect.ValueOf(v))
	return cmp.Or(text, "none")
}

func valueText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return valueText(v.Elem())
	case reflect.Struct:
		var words []string
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || v.Field(i).IsZero() || f.Name == "Origin" {
				continue
			}
			words = append(words, fieldName(f.Name)+": "+valueText(v.Field(i)))
		}
		return "{" + strings.Join(words, ", ") + "}"
	case reflect.Slice:
		var words []string
		for i := range v.Len() {
			words = append(words, valueText(v.Index(i)))
		}
		return "[" + strings.Join(words, ", ") + "]"
	case reflect.Map:
		var words []string
		for _, k := range v.MapKeys() {
			words = append(words, fmt.Sprintf("%v: %s", k, valueText(v.MapIndex(k))))
		}
		slices.Sort(words)
		return "{" + strings.Join(words, ", ") + "}"
	}
	return fmt.Sprint(v.Interface())
}

// fieldName writes the name of a Go field as YAML does.
func fieldName(name string) string {
	upper := 0
	for upper < len(name) && unicode.IsUpper(rune(name[upper])) {
		upper++
	}
	if upper == len(name) {
		return strings.ToLower(name)
	}
	if upper > 1 {
		upper--
	}
	return strings.ToLower(name[:upper]) + name[upper:]
}
