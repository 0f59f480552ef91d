package gatewaytest

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// validatorFields are the fields of a VirtualService's route that a case of
// istio-config-validator can have.
var validatorFields = []string{"route", "redirect", "rewrite", "fault", "headers", "delegate"}

// A validatorExpectation is what a case of istio-config-validator expects. All fields that
// the case has must equal the declaration of the route that the request meets, or, if
// wantMatch is false, none of them may.
type validatorExpectation struct {
	wantMatch bool
	// declared has the fields of the case.
	declared spec.Route
	has      map[string]bool
}

// validatorCases reads a document of istio-config-validator.
func (f *caseFile) validatorCases(top node) (cases []Case) {
	top.object(fields{"testCases": func(n node) {
		n.each(func(_ int, item node) { cases = append(cases, item.validatorCase()...) })
	}})
	return cases
}

// validatorCase reads a case of istio-config-validator: one for each combination of an
// authority, a URI and a method. There are none if it has errors.
func (n node) validatorCase() (cases []Case) {
	before := len(n.file.errors)
	e := &validatorExpectation{has: map[string]bool{}}
	var description string
	var authorities, methods, uris []string
	var header http.Header
	known := fields{
		"description": text(&description),
		"wantMatch":   boolean(&e.wantMatch),
		"request": func(n node) {
			n.object(fields{
				"authority": texts(&authorities), "method": texts(&methods), "uri": texts(&uris), "headers": headers(&header),
			})
			for _, list := range []struct {
				name   string
				values []string
			}{{"authority", authorities}, {"method", methods}, {"uri", uris}} {
				if len(list.values) == 0 {
					n.failf(spec.CodeMissing, "there is no %s", list.name)
				}
			}
		},
	}
	for _, name := range validatorFields {
		known[name] = func(node) { e.has[name] = true }
	}
	if !n.object(known) {
		return nil
	}
	if !n.has("request") {
		n.failf(spec.CodeMissing, "there is no request")
	}
	n.readDeclared(e)
	if len(n.file.errors) > before {
		return nil
	}
	for _, uri := range uris {
		for _, authority := range authorities {
			for _, method := range methods {
				h := header.Clone()
				if h == nil {
					h = http.Header{}
				}
				h["Host"] = []string{authority}
				c := Case{
					Name:    strings.TrimSpace(description + ": " + method + " " + authority + uri),
					Request: Request{Method: method, URL: uri, Header: h},
					Origin:  n.origin(),
					foreign: e,
				}
				if len(e.has) == 0 {
					c.skip = "the case expects nothing: it has no " + strings.Join(validatorFields, ", ")
				}
				for _, p := range c.problems() {
					n.file.fail(c.finding(p).Finding)
				}
				cases = append(cases, c)
			}
		}
	}
	if len(n.file.errors) > before {
		return nil
	}
	return cases
}

// readDeclared reads the fields that a VirtualService's route has too, as package istio
// reads them.
func (n node) readDeclared(e *validatorExpectation) {
	fields := map[string]*yaml.Node{}
	all, _ := n.pairs()
	left := 10_000
	for _, p := range all {
		if !slices.Contains(validatorFields, p.name) {
			continue
		}
		if fields[p.name] = resolved(p.node.Node, 0, &left); fields[p.name] == nil {
			p.node.failf(spec.CodeInvalid, "the value is too large, or contains itself")
			return
		}
	}
	var routes []any
	var names []string
	for _, name := range validatorFields {
		if e.has[name] {
			names = append(names, name)
			routes = append(routes, map[string]*yaml.Node{name: fields[name]})
		}
	}
	if len(names) == 0 {
		return
	}
	document, err := yaml.Marshal(map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": map[string]string{"name": "expected"},
		"spec": map[string]any{"hosts": []string{"*"}, "http": routes},
	})
	if err != nil {
		n.failf(spec.CodeInvalid, "%v", err)
		return
	}
	d, err := istio.Bytes(n.file.name, document).Declare()
	for problem := range spec.Errors(err) {
		n.failDeclared(problem.Finding, names)
	}
	if err != nil || len(d.VirtualServices) != 1 || len(d.VirtualServices[0].Routes) != len(names) {
		return
	}
	for i, name := range names {
		got := &d.VirtualServices[0].Routes[i]
		switch name {
		case "route":
			e.declared.Destinations = got.Destinations
		case "redirect":
			e.declared.Redirect = got.Redirect
		case "rewrite":
			e.declared.Rewrite = got.Rewrite
		case "fault":
			e.declared.Fault = got.Fault
		case "headers":
			e.declared.Headers = got.Headers
		case "delegate":
			e.declared.Delegate = got.Delegate
		}
	}
}

// failDeclared reports a problem of readDeclared at its place in the case.
func (n node) failDeclared(problem spec.Finding, names []string) {
	field := problem.Field
	if rest, ok := strings.CutPrefix(field, "spec.http["); ok {
		_, field, _ = strings.Cut(rest, "].")
	}
	line, column, _ := caseFields{n}.Locate(n.path + "." + field)
	n.file.fail(spec.Finding{
		Line: line, Column: column, Field: n.path + "." + cmp.Or(field, names[0]), Code: problem.Code,
		Problem: problem.Problem, Suggestion: problem.Suggestion,
	})
}

func (e *validatorExpectation) https() bool { return false }

// compare implements foreignExpectation.
func (e *validatorExpectation) compare(x *comparison) {
	got := x.declaredRoute()
	if got == nil {
		got = new(spec.Route)
	}
	// Without destinations, it is the delegating route that counts.
	root := x.delegating()
	rest := got
	if root != nil && !e.has["route"] {
		rest = root
	}
	for _, name := range validatorFields {
		if !e.has[name] {
			continue
		}
		var want, have any
		switch name {
		case "route":
			want, have = e.declared.Destinations, got.Destinations
		case "redirect":
			want, have = e.declared.Redirect, rest.Redirect
		case "rewrite":
			want, have = e.declared.Rewrite, rest.Rewrite
		case "fault":
			want, have = e.declared.Fault, rest.Fault
		case "headers":
			want, have = e.declared.Headers, rest.Headers
		case "delegate":
			var d *spec.Delegate
			if root != nil {
				d = root.Delegate
			}
			want, have = e.declared.Delegate, d
		}
		equal := reflect.DeepEqual(want, have)
		switch {
		case e.wantMatch && !equal:
			x.differ(name, declarationText(want), declarationText(have)+x.ofRoute())
		case !e.wantMatch && equal:
			x.differ(name, "something else than "+declarationText(want), "the same"+x.ofRoute())
		}
	}
}

// ofRoute says which route a declaration is of.
func (x *comparison) ofRoute() string {
	if x.d.Route == nil {
		return ": no route, " + kindText(x.d)
	}
	return ", of " + routeText(x.d.Route)
}

// delegating returns the route of the root that delegates to the decision's route, or nil.
func (x *comparison) delegating() *spec.Route {
	r := x.d.Route
	if r == nil {
		return nil
	}
	namespace, name, _ := strings.Cut(r.VirtualService, "/")
	if r.Origin.Kind != "VirtualService" || r.Origin.Name == name && r.Origin.Namespace == namespace {
		return nil
	}
	for i := range x.tester.declared.VirtualServices {
		vs := &x.tester.declared.VirtualServices[i]
		if vs.Name != name || cmp.Or(vs.Namespace, istio.DefaultNamespace) != namespace {
			continue
		}
		at := slices.IndexFunc(vs.Routes, func(root spec.Route) bool {
			d := root.Delegate
			return d != nil && d.Name == r.Origin.Name && cmp.Or(d.Namespace, namespace) == r.Origin.Namespace
		})
		if at >= 0 {
			return &vs.Routes[at]
		}
	}
	return nil
}
