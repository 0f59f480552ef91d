package gateway

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
)

// A names resolver answers from itself.
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

// What stands behind a service where there is no endpoint.
func TestAnswersOfServicesWithoutEndpoints(t *testing.T) {
	const unhealthy, missing = "503 no healthy upstream", "503 "
	subset := DestinationRule{Host: "*.test", Subsets: []Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}, {Name: "all"}}}
	selector := map[string]string{"app": "a"}
	for _, row := range []struct {
		name    string
		service Service
		subset  string
		want    string
	}{
		{"NONE", Service{Resolution: ResolveNone}, "", unhealthy},
		{"STATIC", Service{Resolution: ResolveStatic}, "", unhealthy},
		{"STATIC that selects nothing", Service{Resolution: ResolveStatic, WorkloadSelector: selector}, "", unhealthy},
		{"a subset of STATIC", Service{Resolution: ResolveStatic, Endpoints: []Endpoint{{Address: "127.0.0.1"}}}, "v1", unhealthy},
		{"a subset that is not defined", Service{Resolution: ResolveStatic, Endpoints: []Endpoint{{Address: "127.0.0.1"}}}, "v2", missing},
		{"DNS whose name is not found", Service{Resolution: ResolveDNS}, "", unhealthy},
		{"DNS whose lookup fails", Service{Resolution: ResolveDNS, Endpoints: []Endpoint{{Address: "fail.test"}}}, "", unhealthy},
		{"DNS that selects nothing", Service{Resolution: ResolveDNS, WorkloadSelector: selector}, "", missing},
		{"a subset of DNS, whose host has no labels", Service{Resolution: ResolveDNS}, "v1", missing},
		{"a subset of DNS without labels", Service{Resolution: ResolveDNS}, "all", unhealthy},
		{"DNS_ROUND_ROBIN that selects nothing", Service{Resolution: ResolveDNSRoundRobin, WorkloadSelector: selector}, "", missing},
		{"private to another namespace", Service{Resolution: ResolveStatic, ExportTo: []string{"."}}, "", missing},
		{"for nobody", Service{Resolution: ResolveStatic, ExportTo: []string{"~"}}, "", missing},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.service.Hosts, row.service.Ports = []string{"a.test"}, []ServicePort{{Number: 80}}
			gw := built(t, New().Resolver(names{"fail.test": "fail"}).Service(row.service).DestinationRule(subset).
				Route(Route{Retry: &Retry{}, Split: Split{{Host: "a.test", Subset: row.subset}}}))
			w := serve(gw, httptest.NewRequest("GET", "/", nil))
			require.Equal(t, row.want, fmt.Sprint(w.Code, " ", w.Body))
		})
	}
}

// With dynamic DNS the Host header says where a request goes, after it was rewritten,
// and the service says to which port.
func TestDynamicDNS(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "for ", r.Host) }))
	t.Cleanup(backend.Close)
	at := netip.MustParseAddrPort(backend.Listener.Addr().String())
	gw := built(t, New().Resolver(names{"a.example.com": at.Addr().String(), "example.com": at.Addr().String(), "a.example.org": at.Addr().String()}).
		Service(Service{
			Name: "tenants", Hosts: []string{"*.example.com"}, Resolution: ResolveDynamicDNS,
			Ports: []ServicePort{{Number: 80, Name: "http", TargetPort: int(at.Port())}},
		}).
		DestinationRule(DestinationRule{Host: "*.example.com", Subsets: []Subset{{Name: "v1", Labels: map[string]string{"version": "v1"}}, {Name: "all"}}}).
		Route(Route{Match: []Match{{URI: Prefix("/rewritten")}}, Rewrite: &Rewrite{Authority: "a.example.com"}, Split: Split{{Host: "*.example.com"}}}).
		Route(Route{Match: []Match{{URI: Prefix("/set")}}, Headers: Headers{Request: HeaderOperations{Set: map[string]string{"Host": "b.example.com"}}}, Split: Split{{Host: "*.example.com"}}}).
		Route(Route{Match: []Match{{URI: Prefix("/v1")}}, Split: Split{{Host: "*.example.com", Subset: "v1"}}}).
		Route(Route{Match: []Match{{URI: Prefix("/all")}}, Split: Split{{Host: "*.example.com", Subset: "all"}}}).
		Route(Route{Match: []Match{{URI: Prefix("/literal")}}, Split: Split{{Host: "a.example.com"}}}).
		Route(Route{Split: Split{{Host: "*.example.com"}}}))
	for _, row := range []struct{ name, host, path, want string }{
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
			r := httptest.NewRequest("GET", row.path, nil)
			r.Host = row.host
			w := serve(gw, r)
			require.Equal(t, row.want, fmt.Sprint(w.Code, " ", w.Body))
		})
	}
}

// Of services of one host and namespace, the oldest says what endpoints are.
func TestUnusedEndpoints(t *testing.T) {
	of := func(name string, r Resolution, endpoints ...Endpoint) Service {
		return Service{Name: name, Hosts: []string{"*.a.test"}, Resolution: r, Endpoints: endpoints, Ports: []ServicePort{{Number: 80}}}
	}
	one := Endpoint{Address: "10.0.0.1"}
	for _, row := range []struct {
		name           string
		oldest, second Service
		want           string
	}{
		{"STATIC and DNS", of("old", ResolveStatic, one), of("young", ResolveDNS, one), ""},
		{"DYNAMIC_DNS twice", of("old", ResolveDynamicDNS), of("young", ResolveDynamicDNS), ""},
		{"STATIC and DYNAMIC_DNS", of("old", ResolveStatic, one), of("young", ResolveDynamicDNS),
			`no request names its host: the older service "old" says what the endpoints of *.a.test are`},
		{"DYNAMIC_DNS and STATIC", of("old", ResolveDynamicDNS), of("young", ResolveStatic, one),
			`the endpoints are not used: the older service "old" has the resolution DYNAMIC_DNS for *.a.test`},
		{"NONE and STATIC", of("old", ResolveNone), of("young", ResolveStatic, one),
			`the endpoints are not used: the older service "old" has the resolution NONE for *.a.test`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := New().Service(row.oldest).Service(row.second)
			built(t, b)
			unused := ""
			for _, w := range b.Warnings() {
				if w.Name == "young" && w.Field == "resolution" {
					unused += w.Problem
				}
			}
			require.Equal(t, row.want, unused)
		})
	}
}
