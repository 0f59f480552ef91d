package main

import (
	"strconv"

	"github.com/lateengo/gateway/spec"
)

// declared is a spec.Source of declarations in Go.
type declared spec.Declarations

func (d declared) Declare() (spec.Declarations, error) { return spec.Declarations(d), nil }

// declare converts a table to declarations. The name of a route is the number
// of its rule.
func declare(table []rule, action func(i int) spec.Route) spec.Declarations {
	var d spec.Declarations
	services := map[string]int{}
	for i := range table {
		r := &table[i]
		host := r.host
		if host == "" {
			host = "*"
		}
		at, ok := services[host]
		if !ok {
			at = len(d.VirtualServices)
			services[host] = at
			d.VirtualServices = append(d.VirtualServices, spec.VirtualService{
				Name: "vs-" + strconv.Itoa(at), Hosts: []string{host}, Gateways: []string{"*"},
			})
		}
		m := spec.Match{URI: spec.Prefix(r.prefix)}
		if r.method != "" {
			m.Method = spec.Exact(r.method)
		}
		if r.header.name != "" {
			m.Headers = map[string]spec.StringMatch{r.header.name: r.header.match()}
		}
		if r.query.name != "" {
			m.QueryParams = map[string]spec.StringMatch{r.query.name: r.query.match()}
		}
		route := action(i)
		route.Name, route.Match = strconv.Itoa(i), []spec.Match{m}
		d.VirtualServices[at].Routes = append(d.VirtualServices[at].Routes, route)
	}
	return d
}

func (c *condition) match() spec.StringMatch {
	switch c.kind {
	case exact:
		return spec.Exact(c.value)
	case prefix:
		return spec.Prefix(c.value)
	}
	return spec.StringMatch{}
}
