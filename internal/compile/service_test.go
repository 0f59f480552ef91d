package compile_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
)

// A names resolver answers from its own table.
type names map[string]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if n[host] == "fail" {
		return nil, errors.New("server failure")
	}
	if n[host] == "" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{netip.MustParseAddr(n[host])}, nil
}

// What is behind a service without endpoints.
func TestAnswersOfServicesWithoutEndpoints(t *testing.T) {
	const unhealthy, missing = "503 no healthy upstream", "503 "
	subset := spec.DestinationRule{Host: "*.test", Subsets: []spec.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}, {Name: "all"}}}
	selector := map[string]string{"app": "a"}
	for _, row := range []struct {
		name    string
		service spec.Service
		subset  string
		want    string
	}{
		{"NONE", spec.Service{Resolution: spec.ResolveNone}, "", unhealthy},
		{"STATIC", spec.Service{Resolution: spec.ResolveStatic}, "", unhealthy},
		{"STATIC that selects nothing", spec.Service{Resolution: spec.ResolveStatic, WorkloadSelector: selector}, "", unhealthy},
		{"a subset of STATIC", spec.Service{Resolution: spec.ResolveStatic, Endpoints: []spec.Endpoint{{Address: "127.0.0.1"}}}, "v1", unhealthy},
		{"a subset that is not defined", spec.Service{Resolution: spec.ResolveStatic, Endpoints: []spec.Endpoint{{Address: "127.0.0.1"}}}, "v2", missing},
		{"DNS whose name is not found", spec.Service{Resolution: spec.ResolveDNS}, "", unhealthy},
		{"DNS whose lookup fails", spec.Service{Resolution: spec.ResolveDNS, Endpoints: []spec.Endpoint{{Address: "fail.test"}}}, "", unhealthy},
		{"DNS that selects nothing", spec.Service{Resolution: spec.ResolveDNS, WorkloadSelector: selector}, "", missing},
		{"a subset of DNS, whose host has no labels", spec.Service{Resolution: spec.ResolveDNS}, "v1", missing},
		{"a subset of DNS without labels", spec.Service{Resolution: spec.ResolveDNS}, "all", unhealthy},
		{"DNS_ROUND_ROBIN that selects nothing", spec.Service{Resolution: spec.ResolveDNSRoundRobin, WorkloadSelector: selector}, "", missing},
		{"private to another namespace", spec.Service{Resolution: spec.ResolveStatic, ExportTo: []string{"."}}, "", missing},
		{"for nobody", spec.Service{Resolution: spec.ResolveStatic, ExportTo: []string{"~"}}, "", missing},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.service.Hosts, row.service.Ports = []string{"a.test"}, []spec.ServicePort{{Number: 80}}
			gw := testgateway.Built(t, gateway.New().Resolver(names{"fail.test": "fail"}).Service(row.service).DestinationRule(subset).
				Route(spec.Route{Retry: &spec.Retry{}, Destinations: []spec.Destination{{Host: "a.test", Subset: row.subset}}}))
			w := testgateway.Serve(gw, httptest.NewRequest("GET", "/", nil))
			require.Equal(t, row.want, fmt.Sprint(w.Code, " ", w.Body))
		})
	}
}

// With dynamic DNS the Host header, after rewrites, selects the host of a request,
// and the service selects the port.
func TestDynamicDNS(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "for ", r.Host) }))
	t.Cleanup(backend.Close)
	at := netip.MustParseAddrPort(backend.Listener.Addr().String())
	gw := testgateway.Built(t, gateway.New().Resolver(names{"a.example.com": at.Addr().String(), "example.com": at.Addr().String(), "a.example.org": at.Addr().String()}).
		Service(spec.Service{
			Name: "tenants", Hosts: []string{"*.example.com"}, Resolution: spec.ResolveDynamicDNS,
			Ports: []spec.ServicePort{{Number: 80, Name: "http", TargetPort: int(at.Port())}},
		}).
		DestinationRule(spec.DestinationRule{Host: "*.example.com", Subsets: []spec.Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}, {Name: "all"}}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/rewritten")}}, Rewrite: &spec.Rewrite{Authority: "a.example.com"}, Destinations: []spec.Destination{{Host: "*.example.com"}}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/set")}}, Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"Host": "b.example.com"}}}, Destinations: []spec.Destination{{Host: "*.example.com"}}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/v1")}}, Destinations: []spec.Destination{{Host: "*.example.com", Subset: "v1"}}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/all")}}, Destinations: []spec.Destination{{Host: "*.example.com", Subset: "all"}}}).
		Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/literal")}}, Destinations: []spec.Destination{{Host: "a.example.com"}}}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "*.example.com"}}}))
	for _, row := range []struct{ name, host, Path, want string }{
		{"under the wildcard", "a.example.com", "/", "200 for a.example.com"},
		{"at another port", "a.example.com:22", "/", "200 for a.example.com:22"},
		{"without an address", "b.example.com", "/", "503 DNS resolution failure"},
		{"the domain itself", "example.com", "/", "503 no healthy upstream"},
		{"another domain", "a.example.org", "/", "503 no healthy upstream"},
		{"an address", at.Addr().String(), "/", "503 no healthy upstream"},
		{"rewritten", at.String(), "/rewritten", "200 for a.example.com"},
		{"set", "a.example.com", "/set", "503 DNS resolution failure"},
		{"a subset with labels", "a.example.com", "/v1", "503 "},
		{"a subset without labels", "a.example.com", "/all", "200 for a.example.com"},
		{"a destination under the wildcard", "a.example.com", "/literal", "503 "},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", row.Path, nil)
			r.Host = row.host
			w := testgateway.Serve(gw, r)
			require.Equal(t, row.want, fmt.Sprint(w.Code, " ", w.Body))
		})
	}
}

// Among services of one host and namespace, the oldest defines the endpoints.
func TestUnusedEndpoints(t *testing.T) {
	of := func(name string, r spec.Resolution, endpoints ...spec.Endpoint) spec.Service {
		return spec.Service{Name: name, Hosts: []string{"*.a.test"}, Resolution: r, Endpoints: endpoints, Ports: []spec.ServicePort{{Number: 80}}}
	}
	one := spec.Endpoint{Address: "10.0.0.1"}
	for _, row := range []struct {
		name           string
		oldest, second spec.Service
		want           string
	}{
		{"STATIC and DNS", of("old", spec.ResolveStatic, one), of("young", spec.ResolveDNS, one), ""},
		{"DYNAMIC_DNS twice", of("old", spec.ResolveDynamicDNS), of("young", spec.ResolveDynamicDNS), ""},
		{"STATIC and DYNAMIC_DNS", of("old", spec.ResolveStatic, one), of("young", spec.ResolveDynamicDNS),
			`no request names its host: the older service "old" defines the endpoints of *.a.test`},
		{"DYNAMIC_DNS and STATIC", of("old", spec.ResolveDynamicDNS), of("young", spec.ResolveStatic, one),
			`the endpoints are not used: the older service "old" has the resolution DYNAMIC_DNS for *.a.test`},
		{"NONE and STATIC", of("old", spec.ResolveNone), of("young", spec.ResolveStatic, one),
			`the endpoints are not used: the older service "old" has the resolution NONE for *.a.test`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := gateway.New().Service(row.oldest).Service(row.second)
			testgateway.Built(t, b)
			unused := ""
			for _, w := range b.Warnings() {
				if w.Name == "young" && w.Field == "Resolution" {
					unused += w.Problem
				}
			}
			require.Equal(t, row.want, unused)
		})
	}
}
