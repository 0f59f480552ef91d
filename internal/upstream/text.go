package upstream

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// String returns Istio's word for the resolution.
func (r Resolution) String() string {
	switch r {
	case Static:
		return "STATIC"
	case DNS:
		return "DNS"
	case DNSRoundRobin:
		return "DNS_ROUND_ROBIN"
	case DynamicDNS:
		return "DYNAMIC_DNS"
	}
	return strconv.Itoa(int(r))
}

// String returns where requests go, as configured: the resolution and the
// endpoints in their order with their properties, such as "STATIC 10.0.0.1:80
// weight 3 in eu/eu-1 version=v1, 10.0.0.2:80".
func (u *Upstream) String() string {
	c := &u.config
	if c.Discovery != nil {
		return "discovered"
	}
	if len(c.Endpoints) == 0 {
		return c.Resolution.String() + " none"
	}
	endpoints := make([]string, 0, len(c.Endpoints))
	for i := range c.Endpoints {
		endpoints = append(endpoints, c.Endpoints[i].text())
	}
	return c.Resolution.String() + " " + strings.Join(endpoints, ", ")
}

// text returns the endpoint's address and its other properties.
func (e *Endpoint) text() string {
	text := e.Address
	if e.Weight != 0 {
		text += " weight " + strconv.Itoa(e.Weight)
	}
	if e.Locality != "" {
		text += " in " + e.Locality
	}
	for _, key := range slices.Sorted(maps.Keys(e.Labels)) {
		text += " " + key + "=" + e.Labels[key]
	}
	return text
}
