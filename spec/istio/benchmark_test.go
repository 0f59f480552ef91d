package istio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// manyRoutes returns a VirtualService of n routes that differ in their prefix.
func manyRoutes(n int) []byte {
	var b strings.Builder
	b.WriteString("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: many\nspec:\n  hosts:\n  - shop.example.com\n  gateways:\n  - gateway\n  http:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: route-%d\n    match:\n    - uri:\n        prefix: /service-%d/\n    route:\n    - destination:\n        host: service-%d.default.svc.cluster.local\n        port:\n          number: 8080\n", i, i, i)
	}
	return []byte(b.String())
}

func BenchmarkDeclare(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			source := Bytes("many.yaml", manyRoutes(n))
			b.ReportAllocs()
			for b.Loop() {
				declared, err := source.Declare()
				require.NoError(b, err)
				require.Len(b, declared.VirtualServices[0].Routes, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/route")
		})
	}
}

func BenchmarkDeclareDocuments(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) {
			var text strings.Builder
			for i := range n {
				fmt.Fprintf(&text, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: shop-%d\nspec:\n  hosts:\n  - shop-%d.example.com\n  gateways:\n  - gateway\n  http:\n  - route:\n    - destination:\n        host: shop-%d\n---\n", i, i, i)
			}
			source := Text(text.String())
			b.ReportAllocs()
			for b.Loop() {
				declared, err := source.Declare()
				require.NoError(b, err)
				require.Len(b, declared.VirtualServices, n)
			}
		})
	}
}
