package program

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A VirtualHost is the routes of one domain, in order.
type VirtualHost struct {
	Domain string
	// redirect answers every plain-text request with a redirect to https.
	redirect bool
	// RedirectedBy is the origin of the first server that redirects, or nil.
	RedirectedBy *spec.Origin
	List         match.List
	// Clauses hold the result for each clause of List, at the same index.
	Clauses []Clause
	// parameters are the names of the query parameters that clauses, and the limits of their
	// routes, compare decoded, and headers those of the headers that they compare.
	parameters doubt.Names
	headers    map[string]bool
}

// Blackhole is the virtual host of a table without any other, as in Istio. It is not
// printed.
var Blackhole = NewVirtualHost("*", false, nil, nil)

// A Clause is a clause with its route.
type Clause struct {
	*match.Clause
	Route *Route
	// Name is made of the route's name and the match's name.
	Name string
	// Position is the clause's position in its virtual host.
	Position int32
	// Match is the index of the match in the declared route.
	Match int32
}

// NewVirtualHost returns a virtual host. It uses Route and Name of the clauses.
func NewVirtualHost(domain string, redirect bool, list []match.Clause, clauses []Clause) *VirtualHost {
	h := &VirtualHost{Domain: domain, redirect: redirect, List: match.NewList(list), Clauses: clauses}
	for i := range list {
		for j := range list[i].Conditions {
			h.note(list[i].Conditions[j].Source())
		}
	}
	for i := range clauses {
		if r := clauses[i].Route; r != nil && (i == 0 || clauses[i-1].Route != r) {
			for s := range r.Limits.Sources() {
				h.note(s)
			}
		}
		clauses[i].Clause, clauses[i].Position = &list[i], int32(i)
	}
	return h
}

// note takes down what a clause, or a limit of its route, asks for.
func (h *VirtualHost) note(s *match.Source) {
	switch s.Part() {
	case match.PartParameter:
		if h.parameters == nil {
			h.parameters = doubt.Names{}
		}
		if _, known := h.parameters[s.Name()]; !known {
			h.parameters[s.Name()] = len(h.parameters)
		}
	case match.PartHeader:
		if h.headers == nil {
			h.headers = map[string]bool{}
		}
		h.headers[s.Name()] = true
	}
}

// Parameters returns the names of the query parameters that may come only once, in order.
func (h *VirtualHost) Parameters() []string {
	if h == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(h.parameters))
}

// Headers returns the canonical names of the headers that routes ask for, and that are the
// gateway's to forward, in order.
func (h *VirtualHost) Headers() []string {
	if h == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(h.headers)), isOfConnection)
}

// isOfConnection reports whether a header belongs to one connection.
func isOfConnection(key string) bool {
	switch key {
	case "Keep-Alive", "Close", "Upgrade", "Http2-Settings", "Te", "Connection":
		return true
	}
	return false
}

// asksNominated reports whether a Connection header names a header that a clause or a limit
// compares, and that belongs to more than the connection.
func (h *VirtualHost) asksNominated(connection []string) bool {
	if len(h.headers) == 0 {
		return false
	}
	for _, line := range connection {
		for token := range strings.SplitSeq(line, ",") {
			if key := http.CanonicalHeaderKey(strings.TrimSpace(token)); h.headers[key] && !isOfConnection(key) {
				return true
			}
		}
	}
	return false
}

// Place returns where the clause's match was declared, or its route if that has none.
func (c *Clause) Place() inspect.Place { return c.Route.Declared.matchPlace(int(c.Match), "") }

// FieldPlace returns the place of condition i of the clause's match, or of its URI for -1.
func (c *Clause) FieldPlace(i int) inspect.Place {
	d := &c.Route.Declared
	if d.Route == nil || int(c.Match) >= len(d.Route.Match) {
		return c.Place()
	}
	if fields := match.Fields(&d.Route.Match[c.Match]); 1+i < len(fields) && fields[1+i] != "" {
		return d.matchPlace(int(c.Match), fields[1+i])
	}
	return c.Place()
}

// FieldPlace returns the place of a field of the route.
func (rp *Route) FieldPlace(field string) inspect.Place {
	return inspect.At(rp.Declared.origin(), field)
}

// RootPlace returns where the route that delegates was declared.
func (m *Merged) RootPlace() inspect.Place { return inspect.At(m.rootOrigin(), "") }

// ServiceOrigin returns the origin of a VirtualService, with its name.
func ServiceOrigin(vs *spec.VirtualService) *spec.Origin {
	o := vs.Origin
	if o.Kind == "" {
		o.Kind = "VirtualService"
	}
	if o.Name == "" {
		o.Namespace, o.Name = vs.Namespace, vs.Name
	}
	return &o
}

// Find returns the first clause that matches, or nil.
func (h *VirtualHost) Find(v *match.View) *Clause {
	if i := h.List.Find(v); i >= 0 {
		return &h.Clauses[i]
	}
	return nil
}

// RedirectsToHTTPS reports whether every plain-text request gets a redirect to https.
func (h *VirtualHost) RedirectsToHTTPS() bool { return h.redirect }
