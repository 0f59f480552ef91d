package resource

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// AddressAt returns the address of an endpoint for a port of its service.
func AddressAt(e *spec.Endpoint, p *spec.ServicePort) string {
	if IsSocket(e.Address) {
		return e.Address
	}
	return net.JoinHostPort(e.Address, strconv.Itoa(cmp.Or(e.Ports[p.Name], p.TargetPort, p.Number)))
}

// IsSocket reports whether an address is that of a Unix socket.
func IsSocket(address string) bool { return strings.HasPrefix(address, "unix:") }

// LocalityOf returns the known parts of the endpoint's locality.
func LocalityOf(e *spec.Endpoint) string {
	if e.Locality != "" {
		return e.Locality
	}
	label := e.Labels["istio-locality"]
	if strings.Contains(label, "/") {
		return label
	}
	return strings.ReplaceAll(label, ".", "/")
}

// topologyLabels are the labels that Istio derives from the parts of a
// locality.
var topologyLabels = []string{"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"}

// EndpointHas reports whether the endpoint has all of the labels. Derived labels
// count too.
func EndpointHas(e *spec.Endpoint, labels map[string]string) bool {
	for key, value := range labels {
		if got, ok := endpointLabel(e, key); !ok || got != value {
			return false
		}
	}
	return true
}

func endpointLabel(e *spec.Endpoint, key string) (value string, ok bool) {
	if i := slices.Index(topologyLabels, key); i >= 0 {
		if parts := strings.SplitN(LocalityOf(e), "/", len(topologyLabels)); i < len(parts) && parts[i] != "" {
			return parts[i], true
		}
	}
	value, ok = e.Labels[key]
	return value, ok
}

// IsAddress reports whether s is an IP address.
func IsAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// AddressMisfit returns why the resolution cannot use the address of a
// WorkloadEntry, or "" if it can.
func AddressMisfit(r spec.Resolution, address string) string {
	switch {
	case IsAddress(address):
		return ""
	case IsSocket(address):
		return fmt.Sprintf("%q is a socket, which only a service that lists it as its endpoint can use", address)
	case r == spec.ResolveStatic:
		return fmt.Sprintf("%q is not an IP address, as resolution STATIC needs", address)
	}
	return ""
}
