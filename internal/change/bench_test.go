package change_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
)

// shapes are many routes in one virtual host, or in many.
var shapes = []struct {
	name  string
	match func(i int) spec.Match
	host  func(i int) string
}{
	{"exact paths", func(i int) spec.Match { return spec.Match{URI: spec.Exact(fmt.Sprintf("/p%d/x", i))} }, nil},
	{"prefixes", func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/p%d/", i))} }, nil},
	{"nested prefixes", func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/p%d/q%d", i/100, 99-i%100))} }, nil},
	{"values of a header", func(i int) spec.Match {
		return spec.Match{Headers: map[string]spec.StringMatch{"x-tenant": spec.Exact(fmt.Sprint(i))}}
	}, nil},
	{"regexes", func(i int) spec.Match { return spec.Match{URI: spec.Regex(fmt.Sprintf("/p%d/[0-9]+", i))} }, nil},
	{"hosts", func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/p%d", i%10))} }, func(i int) string { return fmt.Sprintf("h%d.test", i/10) }},
}

// large returns a gateway with n routes of a shape, after an edit of the routes.
func large(t testing.TB, shape int, n int, edit func([]spec.Route) []spec.Route) *gateway.Gateway {
	s := shapes[shape]
	routes := make([]spec.Route, 0, n+1)
	for i := range n {
		routes = append(routes, spec.Route{
			Match: []spec.Match{s.match(i)}, Destinations: []spec.Destination{{Host: fmt.Sprintf("s%d", i), Port: 80}},
		})
	}
	routes = edit(routes)
	b := gateway.New().Backend("*", http.NotFoundHandler())
	if s.host == nil {
		routes = append(routes, spec.Route{Destinations: []spec.Destination{{Host: "rest", Port: 80}}})
		b.VirtualService(spec.VirtualService{Name: "all", Hosts: []string{"shop.test"}, Gateways: []string{"*"}, Routes: routes})
	} else {
		for i := 0; i < len(routes); i += 10 {
			b.VirtualService(spec.VirtualService{Name: fmt.Sprint("v", i), Hosts: []string{s.host(i)}, Gateways: []string{"*"}, Routes: routes[i:min(i+10, len(routes))]})
		}
	}
	gw, err := b.Build()
	require.NoError(t, err)
	t.Cleanup(func() { _ = gw.Close() })
	return gw
}

var largeEdits = []struct {
	name string
	edit func([]spec.Route) []spec.Route
}{
	{"a destination", func(r []spec.Route) []spec.Route { r[len(r)/2].Destinations[0].Host = "other"; return r }},
	{"a route less", func(r []spec.Route) []spec.Route { return slices.Delete(r, len(r)/2, len(r)/2+1) }},
	{"a catch-all with a header at the front", func(r []spec.Route) []spec.Route {
		return slices.Insert(r, 0, spec.Route{
			Match:        []spec.Match{{Headers: map[string]spec.StringMatch{"x-beta": spec.Exact("1")}}},
			Destinations: []spec.Destination{{Host: "beta", Port: 80}},
		})
	}},
	{"every timeout", func(r []spec.Route) []spec.Route {
		for i := range r {
			r[i].Timeout = 1e9
		}
		return r
	}},
	{"the reverse order", func(r []spec.Route) []spec.Route { slices.Reverse(r); return r }},
}

func same(r []spec.Route) []spec.Route { return r }

// TestLarge compares many routes. It finds what one edit changes.
func TestLarge(t *testing.T) {
	for i, s := range shapes {
		old := large(t, i, 300, same)
		for _, e := range largeEdits {
			c := old.Changes(large(t, i, 300, e.edit), inspect.Comparing{})
			require.True(t, c.Proved, "%s, %s: %v", s.name, e.name, c.Unproved)
			if e.name == "the reverse order" && s.name != "nested prefixes" && s.name != "hosts" {
				require.True(t, c.Empty(), "%s, %s: %v", s.name, e.name, c)
			} else {
				require.NotEmpty(t, c.Requests, "%s, %s", s.name, e.name)
			}
			if s.host == nil && e.name != "the reverse order" {
				require.LessOrEqual(t, len(c.Requests), 2, "%s, %s: too many kinds for a person", s.name, e.name)
			}
		}
	}
}

// BenchmarkChanges compares 10,000 routes with those after one edit.
func BenchmarkChanges(b *testing.B) {
	for i, s := range shapes {
		old := large(b, i, 10_000, same)
		for _, e := range largeEdits {
			b.Run(s.name+"/"+e.name, func(b *testing.B) {
				new := large(b, i, 10_000, e.edit)
				b.ResetTimer()
				for range b.N {
					c := old.Changes(new, inspect.Comparing{})
					b.ReportMetric(float64(len(c.Unproved)), "unproved")
					b.ReportMetric(float64(len(c.Requests)), "changes")
				}
			})
		}
	}
}
