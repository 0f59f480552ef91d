package compile_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// serviceOfKubernetes is a Service in the default namespace.
func serviceOfKubernetes(name string, ports ...int) spec.Service {
	s := spec.Service{
		Name: name, Namespace: "default", Hosts: []string{name + ".default.svc.cluster.local"},
		Resolution: spec.ResolveStatic, Kubernetes: true,
		Origin: spec.Origin{File: "shop.yaml", Line: 3, Kind: "Service", Namespace: "default", Name: name, Path: "spec"},
	}
	for _, p := range ports {
		s.Ports = append(s.Ports, spec.ServicePort{Number: p, Name: fmt.Sprintf("http-%d", p), Protocol: "HTTP"})
	}
	return s
}

// at returns the service with an endpoint that has some of its ports.
func at(s spec.Service, address string, ports ...string) spec.Service {
	e := spec.Endpoint{Address: address, Ports: map[string]int{}}
	for _, p := range ports {
		e.Ports[p] = 8080
	}
	s.Endpoints = append(s.Endpoints, e)
	return s
}

func external(name, host string, ports ...int) spec.Service {
	s := serviceOfKubernetes(name, ports...)
	s.Alias, s.Resolution, s.Endpoints = host, spec.ResolveDNS, []spec.Endpoint{{Address: host}}
	return s
}

const needsBackend = `shop.yaml:3: Service default/shop: has no endpoints here, so requests get 503: it needs a backend, such as --backend shop=http://127.0.0.1:%d, or Builder.Backend("shop", …)`

func TestServicesOfKubernetes(t *testing.T) {
	entry := spec.Service{
		Name: "entry", Namespace: "default", Hosts: []string{"shop.default.svc.cluster.local"}, Resolution: spec.ResolveStatic,
		Ports: []spec.ServicePort{{Number: 80, Name: "http-80", Protocol: "HTTP"}}, Endpoints: []spec.Endpoint{{Address: "10.9.9.9"}},
	}
	none := serviceOfKubernetes("shop", 80)
	none.Endpoints = []spec.Endpoint{}
	for _, row := range []struct {
		name     string
		services []spec.Service
		to       spec.Destination
		backends []string
		// cluster is the destination, followed by its endpoints or the reason that it has none.
		cluster  string
		warnings []string
	}{
		{"its only port", []spec.Service{at(serviceOfKubernetes("shop", 9080), "10.0.0.1", "http-9080")}, spec.Destination{Host: "shop"}, nil,
			"outbound|9080||shop.default.svc.cluster.local 10.0.0.1:8080", nil},
		{"two ports and none chosen", []spec.Service{at(serviceOfKubernetes("shop", 9080, 9090), "10.0.0.1", "http-9080")}, spec.Destination{Host: "shop"}, nil,
			"outbound|80||shop.default.svc.cluster.local its Service has no port 80",
			[]string{"Route: Destinations[0]: the service shop.default.svc.cluster.local has 2 ports and none is chosen: the port with the server's number is used"}},
		{"two ports, one that of the server", []spec.Service{at(serviceOfKubernetes("shop", 80, 9090), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop"}, nil,
			"outbound|80||shop.default.svc.cluster.local 10.0.0.1:8080",
			[]string{"Route: Destinations[0]: the service shop.default.svc.cluster.local has 2 ports and none is chosen: the port with the server's number is used"}},
		{"a port that it has not", []spec.Service{at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop", Port: 81}, nil,
			"outbound|81||shop.default.svc.cluster.local its Service has no port 81",
			[]string{"Route: Destinations[0].Port: the service shop.default.svc.cluster.local has no port 81: requests get 503"}},
		{"a port that one endpoint has", []spec.Service{at(at(serviceOfKubernetes("shop", 80, 81), "10.0.0.1", "http-80", "http-81"), "10.0.0.2", "http-80")}, spec.Destination{Host: "shop", Port: 81}, nil,
			"outbound|81||shop.default.svc.cluster.local 10.0.0.1:8080", nil},
		{"the full host", []spec.Service{at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop.default.svc.cluster.local"}, nil,
			"outbound|80||shop.default.svc.cluster.local 10.0.0.1:8080", nil},
		{"half of the host", []spec.Service{at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop.default"}, nil,
			"outbound|80||shop.default no backend and no ServiceEntry has its name", nil},
		{"no endpoints here", []spec.Service{serviceOfKubernetes("shop", 9080)}, spec.Destination{Host: "shop"}, nil,
			"outbound|9080||shop.default.svc.cluster.local its Service has no endpoints here, and it has no backend", []string{fmt.Sprintf(needsBackend, 9080)}},
		{"a backend for it", []spec.Service{serviceOfKubernetes("shop", 9080)}, spec.Destination{Host: "shop"}, []string{"shop"},
			"outbound|9080||shop.default.svc.cluster.local backend", nil},
		{"a backend for all", []spec.Service{serviceOfKubernetes("shop", 9080)}, spec.Destination{Host: "shop"}, []string{"*"},
			"outbound|9080||shop.default.svc.cluster.local backend", nil},
		{"endpoints before a backend for all", []spec.Service{at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop"}, []string{"*"},
			"outbound|80||shop.default.svc.cluster.local 10.0.0.1:8080", nil},
		{"a backend before endpoints", []spec.Service{at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop"}, []string{"shop"},
			"outbound|80||shop.default.svc.cluster.local backend", nil},
		{"none ready", []spec.Service{none}, spec.Destination{Host: "shop"}, []string{"*"},
			"outbound|80||shop.default.svc.cluster.local ", []string{"shop.yaml:3: Service default/shop: none of its endpoints is ready: requests get 503"}},
		{"a ServiceEntry with its endpoints", []spec.Service{entry, serviceOfKubernetes("shop", 80)}, spec.Destination{Host: "shop"}, nil,
			"outbound|80||shop.default.svc.cluster.local 10.9.9.9:80", nil},
		{"a ServiceEntry beside it", []spec.Service{entry, at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "shop"}, nil,
			"outbound|80||shop.default.svc.cluster.local 10.0.0.1:8080 10.9.9.9:80", nil},
		{"another name of a Service", []spec.Service{external("old", "shop.default.svc.cluster.local", 80), at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "old"}, nil,
			"outbound|80||shop.default.svc.cluster.local 10.0.0.1:8080", nil},
		{"another name with a backend", []spec.Service{external("old", "shop.default.svc.cluster.local", 80), at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80")}, spec.Destination{Host: "old"}, []string{"old"},
			"outbound|80||old.default.svc.cluster.local backend", nil},
		{"an external name", []spec.Service{external("old", "127.0.0.1")}, spec.Destination{Host: "old", Port: 8443}, nil,
			"outbound|8443||old.default.svc.cluster.local 127.0.0.1:8443",
			[]string{"shop.yaml:3: Service default/old: spec.externalName: no ServiceEntry and no Service has the host 127.0.0.1: its name is looked up, but Istio answers 503"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := gateway.New().Load(spec.Declarations{Services: row.services})
			for _, name := range row.backends {
				b.Backend(name, testhttp.AnswerOK)
			}
			// Two routes have the destination, but each problem is reported once.
			b.Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/other")}}, Destinations: []spec.Destination{row.to}})
			b.Route(spec.Route{Destinations: []spec.Destination{row.to}})
			gw := testgateway.Built(t, b)
			d := gw.Decide(testhttp.Request(t, "GET", "/"))
			to := d.Destinations[0]
			got := to.Cluster + " " + to.Reason
			if !to.Missing {
				got = to.Cluster + " backend"
			}
			for _, c := range gw.Clusters() {
				var endpoints []string
				for _, e := range c.Endpoints {
					endpoints = append(endpoints, e.Address)
				}
				got = c.Name + " " + strings.Join(endpoints, " ")
			}
			require.Equal(t, row.cluster, got)
			var warnings []string
			seen := map[string]bool{}
			for _, w := range gw.Warnings() {
				text := w.String()
				if w.Kind == "Route" {
					text = "Route: " + w.Field + ": " + w.Problem
				}
				if !seen[text] || w.Kind != "Route" {
					warnings = append(warnings, text)
				}
				seen[text] = true
			}
			require.Equal(t, row.warnings, warnings)
		})
	}
}

// A Service of two namespaces is that of the namespace in the host.
func TestServicesOfNamespaces(t *testing.T) {
	other := at(serviceOfKubernetes("shop", 80), "10.0.0.2", "http-80")
	other.Namespace, other.Hosts = "team", []string{"shop.team.svc.cluster.local"}
	gw := testgateway.Built(t, gateway.New().Load(spec.Declarations{Services: []spec.Service{
		at(serviceOfKubernetes("shop", 80), "10.0.0.1", "http-80"), other,
	}}).Backend("unused", http.NotFoundHandler()).VirtualService(spec.VirtualService{
		Name: "team", Namespace: "team", Hosts: []string{"*"}, Gateways: []string{"*"},
		Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "shop"}}}},
	}))
	require.Len(t, gw.Clusters(), 1)
	require.Equal(t, "10.0.0.2:8080", gw.Clusters()[0].Endpoints[0].Address)
}
