package program

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/spec"
)

// A Declaration is what a Route was compiled from: to say where its fields were written.
// A Route that is kept for the next program must have the same places there.
type Declaration struct {
	// Route is the declared route, after merging with a delegate. It is nil for a
	// middleware.
	Route *spec.Route
	// Service is the VirtualService with the route at Index: the delegate, if there
	// is one.
	Service *spec.VirtualService
	Index   int
	// Merged is nil if the route was not merged with a delegate's.
	Merged *Merged
}

// Merged is a route that delegates, and the route of the delegate.
type Merged struct {
	Root, Own *spec.Route
	// Service has Root.
	Service *spec.VirtualService
	// Delegate is the namespace and name of the delegate.
	Delegate string
	// Matches are the matches that were merged into each match of the route: of Root,
	// of Own, or one of each in this order.
	Matches [][]*spec.Match
}

// origin returns where the route was declared: in the delegate, if there is one.
func (d *Declaration) origin() *spec.Origin {
	switch {
	case d.Route == nil:
		return nil
	case d.Merged != nil:
		return originOf(d.Merged.Own, d.Service, d.Index)
	}
	return originOf(d.Route, d.Service, d.Index)
}

// originOf returns the origin of route i of a VirtualService. A value in Go may have none:
// it is then found through the VirtualService.
func originOf(r *spec.Route, vs *spec.VirtualService, i int) *spec.Origin {
	if !r.Origin.IsZero() || vs == nil {
		return &r.Origin
	}
	o := vs.Origin
	o.Path = strings.TrimPrefix(o.Path+".http["+strconv.Itoa(i)+"]", ".")
	if o.Kind == "" {
		o.Kind = "VirtualService"
	}
	if o.Name == "" {
		o.Namespace, o.Name = vs.Namespace, vs.Name
	}
	return &o
}

// rootOrigin returns where the route that delegates was declared.
func (m *Merged) rootOrigin() *spec.Origin {
	for i := range m.Service.Routes {
		if &m.Service.Routes[i] == m.Root {
			return originOf(m.Root, m.Service, i)
		}
	}
	return &m.Root.Origin
}

// Place returns the place of a field of the route. has reports whether a route declares
// it: a merged route has a field of its delegate, if that declares it.
func (d *Declaration) Place(field string, has func(*spec.Route) bool) inspect.Place {
	if d.Route == nil {
		return inspect.Place{}
	}
	if m := d.Merged; m != nil && !has(m.Own) && has(m.Root) {
		return inspect.At(m.rootOrigin(), field)
	}
	return inspect.At(d.origin(), field)
}

// matchPlace returns the place of a field of match i of the route, or of the match itself
// for "". Of a merged match it is that of the delegate, if the delegate declares the field.
func (d *Declaration) matchPlace(i int, field string) inspect.Place {
	switch {
	case d.Route == nil:
		return inspect.Place{}
	case i >= len(d.Route.Match):
		return inspect.At(d.origin(), "")
	case d.Merged == nil:
		return inspect.At(d.origin(), matchPath(i, field))
	}
	sources := d.Merged.Matches[i]
	for n := len(sources) - 1; n >= 0; n-- {
		m := sources[n]
		if n > 0 && field != "" && !declares(m, field) {
			continue
		}
		if at := indexOf(d.Merged.Own.Match, m); at >= 0 {
			return inspect.At(d.origin(), matchPath(at, field))
		}
		if at := indexOf(d.Merged.Root.Match, m); at >= 0 {
			return inspect.At(d.Merged.rootOrigin(), matchPath(at, field))
		}
	}
	return inspect.At(d.origin(), "")
}

// declares reports whether a match has a condition that match.Fields gives this path.
func declares(m *spec.Match, field string) bool {
	return slices.Contains(match.Fields(m), field)
}

func matchPath(i int, field string) string {
	path := "match[" + strconv.Itoa(i) + "]"
	if field != "" {
		path += "." + field
	}
	return path
}

func indexOf(list []spec.Match, m *spec.Match) int {
	for i := range list {
		if &list[i] == m {
			return i
		}
	}
	return -1
}
