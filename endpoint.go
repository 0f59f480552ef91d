package gateway

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/upstream"
)

// An Endpoint is one place where a Service runs (Istio's WorkloadEntry, written
// in a ServiceEntry).
type Endpoint struct {
	// Address is an IP address, with DNS resolution also a host name, or with
	// static resolution a socket: "unix:///run/x.sock".
	Address string
	// Ports maps names of service ports to the endpoint's own numbers.
	Ports map[string]int
	// Labels are what subsets select by. The topology labels are derived from the
	// locality: topology.kubernetes.io/region and zone, topology.istio.io/subzone.
	Labels map[string]string
	// Weight is the share of requests. Zero counts as 1.
	Weight int
	// Locality is "region/zone/subzone". Empty is that of the label istio-locality,
	// which may have dots for the slashes.
	Locality string
}

// at returns the address of an endpoint for a port of its service.
func (e *Endpoint) at(p *ServicePort) string {
	if isSocket(e.Address) {
		return e.Address
	}
	return net.JoinHostPort(e.Address, strconv.Itoa(cmp.Or(e.Ports[p.Name], p.TargetPort, p.Number)))
}

func isSocket(address string) bool { return strings.HasPrefix(address, "unix:") }

// placed returns the endpoint as an upstream has it, at an address.
func (e *Endpoint) placed(address string) upstream.Endpoint {
	return upstream.Endpoint{Address: address, Weight: e.Weight, Labels: e.Labels, Locality: e.locality()}
}

// locality returns where the endpoint is, as far as that is known.
func (e *Endpoint) locality() string {
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

// has reports whether the endpoint has all of the labels, its own or derived.
func (e *Endpoint) has(labels map[string]string) bool {
	for key, value := range labels {
		if got, ok := e.label(key); !ok || got != value {
			return false
		}
	}
	return true
}

func (e *Endpoint) label(key string) (value string, ok bool) {
	if i := slices.Index(topologyLabels, key); i >= 0 {
		if parts := strings.SplitN(e.locality(), "/", len(topologyLabels)); i < len(parts) && parts[i] != "" {
			return parts[i], true
		}
	}
	value, ok = e.Labels[key]
	return value, ok
}
