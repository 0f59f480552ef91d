package main

import (
	"strconv"

	"github.com/lateengo/gateway"
)

// declared is a gateway.Source of declarations in Go.
type declared gateway.Declarations

func (d declared) Declare() (gateway.Declarations, error) { return gateway.Declarations(d), nil }

// declare says a table in the gateway's words. The name of a route is the
// number of its rule.
func declare(table []rule, action func(i int) gateway.Route) gateway.Declarations {
	var d gateway.Declarations
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
			d.VirtualServices = append(d.VirtualServices, gateway.VirtualService{
				Name: "vs-" + strconv.Itoa(at), Hosts: []string{host}, Gateways: []string{"*"},
			})
		}
		m := gateway.Match{URI: gateway.Prefix(r.prefix)}
		if r.method != "" {
			m.Method = gateway.Exact(r.method)
		}
		if r.header.name != "" {
			m.Headers = map[string]gateway.StringMatch{r.header.name: r.header.match()}
		}
		if r.query.name != "" {
			m.QueryParams = map[string]gateway.StringMatch{r.query.name: r.query.match()}
		}
		route := action(i)
		route.Name, route.Match = strconv.Itoa(i), []gateway.Match{m}
		d.VirtualServices[at].Routes = append(d.VirtualServices[at].Routes, route)
	}
	return d
}

func (c *condition) match() gateway.StringMatch {
	switch c.kind {
	case exact:
		return gateway.Exact(c.value)
	case prefix:
		return gateway.Prefix(c.value)
	}
	return gateway.StringMatch{}
}
