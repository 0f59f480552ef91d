package gateway

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// addressAt returns the address of an endpoint for a port of its service.
func addressAt(e *spec.Endpoint, p *spec.ServicePort) string {
	if isSocket(e.Address) {
		return e.Address
	}
	return net.JoinHostPort(e.Address, strconv.Itoa(cmp.Or(e.Ports[p.Name], p.TargetPort, p.Number)))
}

func isSocket(address string) bool { return strings.HasPrefix(address, "unix:") }

// placed returns the endpoint as an upstream has it, at an address.
func placed(e *spec.Endpoint, address string) upstream.Endpoint {
	return upstream.Endpoint{Address: address, Weight: e.Weight, Labels: e.Labels, Locality: localityOf(e)}
}

// localityOf returns where the endpoint is, as far as that is known.
func localityOf(e *spec.Endpoint) string {
	if e.Locality != "" {
		return e.Locality
	}
	label := e.Labels["istio-locality"]
	if strings.Contains(label, "/") {
		return label
	}
	return strings.ReplaceAll(label, ".", "/")
}

// topologyLabels are those that Istio derives from the parts of a locality.
var topologyLabels = []string{"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}

// endpointHas reports whether the endpoint has all of the labels, its own or derived.
func endpointHas(e *spec.Endpoint, labels map[string]string) bool {
	for key, value := range labels {
		if got, ok := endpointLabel(e, key); !ok || got != value {
			return false
		}
	}
	return true
}

func endpointLabel(e *spec.Endpoint, key string) (value string, ok bool) {
	if i := slices.Index(topologyLabels, key); i >= 0 {
		if parts := strings.SplitN(localityOf(e), "/", len(topologyLabels)); i < len(parts) && parts[i] != "" {
			return parts[i], true
		}
	}
	value, ok = e.Labels[key]
	return value, ok
}
