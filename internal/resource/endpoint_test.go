package resource

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// An endpoint's own port number has priority over the service's, and a name of
// another port has no effect.
func TestEndpointAt(t *testing.T) {
	for _, row := range []struct {
		name     string
		endpoint spec.Endpoint
		port     spec.ServicePort
		want     string
	}{
		{"the port's number", spec.Endpoint{Address: "10.0.0.1"}, spec.ServicePort{Number: 80, Name: "http"}, "10.0.0.1:80"},
		{"its target", spec.Endpoint{Address: "10.0.0.1"}, spec.ServicePort{Number: 80, Name: "http", TargetPort: 8080}, "10.0.0.1:8080"},
		{"the endpoint's own", spec.Endpoint{Address: "10.0.0.2", Ports: map[string]int{"http": 9090}}, spec.ServicePort{Number: 80, Name: "http", TargetPort: 8080}, "10.0.0.2:9090"},
		{"that of another port", spec.Endpoint{Address: "10.0.0.2", Ports: map[string]int{"grpc": 9090}}, spec.ServicePort{Number: 80, Name: "http"}, "10.0.0.2:80"},
		{"IPv6", spec.Endpoint{Address: "fd00::1"}, spec.ServicePort{Number: 80}, "[fd00::1]:80"},
		{"a socket", spec.Endpoint{Address: "unix:///run/a.sock"}, spec.ServicePort{Number: 80, TargetPort: 8080}, "unix:///run/a.sock"},
	} {
		require.Equal(t, row.want, AddressAt(&row.endpoint, &row.port), row.name)
	}
}

func TestEndpointHasLabels(t *testing.T) {
	e := spec.Endpoint{Labels: map[string]string{"app": "shop", "empty": "", "topology.kubernetes.io/region": "own", "topology.istio.io/subzone": "own"}, Locality: "r/z"}
	for _, row := range []struct {
		name   string
		labels map[string]string
		want   bool
	}{
		{"none", nil, true},
		{"one", map[string]string{"app": "shop"}, true},
		{"another value", map[string]string{"app": "Shop"}, false},
		{"one that it has, and one that it has not", map[string]string{"app": "shop", "version": "v1"}, false},
		{"an empty value", map[string]string{"empty": ""}, true},
		{"an empty value of another key", map[string]string{"version": ""}, false},
		{"the region that its locality has", map[string]string{"topology.kubernetes.io/region": "r"}, true},
		{"not the one that a label has", map[string]string{"topology.kubernetes.io/region": "own"}, false},
		{"the zone", map[string]string{"topology.kubernetes.io/zone": "z"}, true},
		{"the subzone, of which the locality says nothing", map[string]string{"topology.istio.io/subzone": "own"}, true},
	} {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, EndpointHas(&e, row.labels)) })
	}
}
