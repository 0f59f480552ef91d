package shadow_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// BenchmarkShadows analyzes ten thousand routes.
func BenchmarkShadows(b *testing.B) {
	const n = 10_000
	one := func(route func(i int) spec.Match) []spec.VirtualService {
		vs := spec.VirtualService{Name: "s", Hosts: []string{"shop.test"}, Gateways: []string{"*"}}
		for i := range n {
			vs.Routes = append(vs.Routes, spec.Route{Name: fmt.Sprint(i), Match: []spec.Match{route(i)}, DirectResponse: &spec.DirectResponse{Status: 200}})
		}
		return []spec.VirtualService{vs}
	}
	for _, shape := range []struct {
		name     string
		services []spec.VirtualService
		shadows  int
	}{
		{"prefixes", one(func(i int) spec.Match {
			return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/v%d/service-%d/", i%3, i))}
		}), 0},
		{"dead", one(func(i int) spec.Match { return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/service-%04d", i%5000))} }), n / 2},
		{"exact", one(func(i int) spec.Match { return spec.Match{URI: spec.Exact(fmt.Sprintf("/api/v%d/service-%d", i%3, i))} }), 0},
		{"headers", one(func(i int) spec.Match {
			return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/service-%04d", i/10)), Headers: map[string]spec.StringMatch{"x-version": spec.Exact(fmt.Sprint(i % 10))}}
		}), 0},
		{"one path", one(func(i int) spec.Match {
			return spec.Match{URI: spec.Prefix("/api"), Headers: map[string]spec.StringMatch{"x-tenant": spec.Exact(fmt.Sprint(i))}}
		}), 0},
		{"regexes", one(func(i int) spec.Match {
			return spec.Match{URI: spec.Regex(fmt.Sprintf("/api/service-%d/[0-9]+(/.*)?", i))}
		}), 0},
		{"regexes behind a prefix", one(func(i int) spec.Match {
			if i < n/2 {
				return spec.Match{URI: spec.Regex(fmt.Sprintf("/api/service-%d/[0-9]+(/.*)?", i))}
			}
			return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/service-%d/", i-n/2))}
		}), 0},
		{"hosts", func() (out []spec.VirtualService) {
			for i := range n {
				out = append(out, spec.VirtualService{Name: fmt.Sprint("s", i), Hosts: []string{fmt.Sprintf("shop-%d.test", i)}, Gateways: []string{"*"}, Routes: []spec.Route{{DirectResponse: &spec.DirectResponse{Status: 200}}}})
			}
			return out
		}(), 0},
		{"catch-all", one(func(i int) spec.Match {
			if i == 0 {
				return spec.Match{URI: spec.Prefix("/")}
			}
			return spec.Match{URI: spec.Prefix(fmt.Sprintf("/api/service-%d", i))}
		}), n - 1},
	} {
		b.Run(shape.name, func(b *testing.B) {
			builder := gateway.New()
			for _, vs := range shape.services {
				builder.VirtualService(vs)
			}
			gw, err := builder.Build()
			require.NoError(b, err)
			defer gw.Close()
			b.ReportAllocs()
			for b.Loop() {
				if found := gw.Shadows(); len(found) != shape.shadows {
					b.Fatalf("%d shadows, the first is %s", len(found), found[0])
				}
			}
		})
	}
}
