package compile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A host without a dot is a service in the namespace of its VirtualService.
func TestShortHosts(t *testing.T) {
	everything := spec.Server{Gateway: "gw", Namespace: "team", Port: 80, Hosts: []string{"*"}}
	cluster := everything
	cluster.Hosts = []string{"*.team.svc.cluster.local"}
	tests := []struct {
		name      string
		semantics gateway.Semantics
		servers   []spec.Server
		served    string
		unserved  string
	}{
		{"at a Gateway", gateway.Envoy, []spec.Server{everything}, "shop.team.svc.cluster.local shop.team.svc.cluster.local:80", "shop shop.team shop.team.svc"},
		{"at a Gateway, native", gateway.Native, []spec.Server{everything}, "shop.team.svc.cluster.local shop", "shop.team shop.team.svc"},
		{"at a Gateway of the namespace", gateway.Envoy, []spec.Server{cluster}, "shop.team.svc.cluster.local", "shop"},
		{"without a Gateway", gateway.Envoy, nil, "shop shop:8080 shop.team shop.team:80 shop.team.svc shop.team.svc:80 shop.team.svc.cluster.local shop.team.svc.cluster.local:80", "shop.other other shop.team.svc.cluster"},
		{"without a Gateway, native", gateway.Native, nil, "shop shop.team shop.team.svc shop.team.svc.cluster.local", "shop.other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			vs := spec.VirtualService{
				Name: "shop", Namespace: "team", Hosts: []string{"shop"},
				Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "shop"}}}},
			}
			b := gateway.New().Semantics(tt.semantics).Backend("*", testhttp.Saying("shop"))
			for _, s := range tt.servers {
				b.Server(s)
				vs.Gateways = []string{"gw"}
			}
			b.VirtualService(vs)
			gw := testgateway.Built(t, b)
			for host := range strings.FieldsSeq(tt.served) {
				r := testhttp.Request(t, "GET", "/")
				r.Host = host
				require.Equal(t, 200, testgateway.Serve(gw, r).Code, host)
			}
			for host := range strings.FieldsSeq(tt.unserved) {
				r := testhttp.Request(t, "GET", "/")
				r.Host = host
				require.Equal(t, 404, testgateway.Serve(gw, r).Code, host)
			}
			require.Equal(t, len(tt.servers), len(b.Warnings()))
		})
	}
}

// If two services have one short name, it belongs to the one in the default
// namespace.
func TestShortHostsOfSeveralNamespaces(t *testing.T) {
	shop := func(namespace, host string) spec.VirtualService {
		return spec.VirtualService{
			Name: "shop", Namespace: namespace, Hosts: []string{host},
			Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "shop." + namespace + ".svc.cluster.local"}}}},
		}
	}
	gw := testgateway.Built(t, gateway.New().
		Backend("shop.a.svc.cluster.local", testhttp.Saying("a")).
		Backend("shop.default.svc.cluster.local", testhttp.Saying("default")).
		VirtualService(shop("a", "shop")).
		VirtualService(shop("default", "shop.default.svc.cluster.local")))
	for host, want := range map[string]string{"shop": "default", "shop.default": "default", "shop.a": "a", "shop.a.svc.cluster.local": "a"} {
		r := testhttp.Request(t, "GET", "/")
		r.Host = host
		require.Equal(t, want, testgateway.Serve(gw, r).Body.String(), host)
	}
}
