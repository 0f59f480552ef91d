package istio_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

var updatePrinted = flag.Bool("update-printed", false, "write the printed form of every good fixture")

// TestPrinted compares the compiled program of every good fixture with the text in
// its file.
func TestPrinted(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			gw, err := gateway.New().Backend("*", http.NotFoundHandler()).Load(istio.Files(file)).Build()
			require.NoError(t, err)
			defer gw.Close()
			printed := strings.TrimSuffix(file, ".yaml") + ".printed"
			if *updatePrinted {
				require.NoError(t, os.WriteFile(printed, []byte(gw.String()), 0o644))
			}
			want, err := os.ReadFile(printed)
			require.NoError(t, err)
			require.Equal(t, string(want), gw.String())
		})
	}
}

// TestDeclaredInGo compares the seed's gateway with the same gateway declared in
// Go.
func TestDeclaredInGo(t *testing.T) {
	handler := http.NotFoundHandler()
	backends := func(b *gateway.Builder) *gateway.Builder {
		return b.Backend("product-service:8080", handler).Backend("product-service-v2:8080", handler)
	}
	fromYAML, err := backends(gateway.New()).Load(istio.Files("testdata/good/product.yaml")).Build()
	require.NoError(t, err)
	fromGo, err := backends(gateway.New()).
		Server(spec.Server{
			Gateway: "product-gateway", Port: 80, PortName: "http", Protocol: "HTTP", Hosts: []string{"*"},
			Selector: map[string]string{"istio": "ingressgateway"},
		}).
		VirtualService(spec.VirtualService{
			Name: "product-virtualservice", Hosts: []string{"*"}, Gateways: []string{"product-gateway"},
			Routes: []spec.Route{{
				Match:   []spec.Match{{URI: spec.Prefix("/products")}},
				Rewrite: &spec.Rewrite{URI: "/"},
				Headers: spec.Headers{Request: spec.HeaderOperations{Add: map[string]string{"X-Forwarded-Proto": "https"}}},
				Destinations: []spec.Destination{
					{Host: "product-service.default.svc.cluster.local", Port: 8080, Weight: 90},
					{Host: "product-service-v2.default.svc.cluster.local", Port: 8080, Weight: 10},
				},
			}},
		}).
		RateLimit(spec.RateLimitPolicy{
			Name:    "product-ratelimit",
			Targets: []spec.TargetRef{{Kind: "VirtualService", Name: "product-virtualservice"}},
			Limits: []spec.RateLimit{
				{Requests: 100, Unit: time.Second},
				{Requests: 600, Unit: time.Minute, Per: []spec.LimitKey{{RemoteAddress: true}}},
			},
		}).
		Build()
	require.NoError(t, err)
	require.Equal(t, fromYAML.String(), fromGo.String())

	other, err := backends(gateway.New()).Semantics(gateway.Envoy).Load(istio.Files("testdata/good/product.yaml")).Build()
	require.NoError(t, err)
	require.NotEqual(t, fromYAML.String(), other.String())
}
