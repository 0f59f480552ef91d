package compile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

func TestServicesOfOneHostAndNamespaceArePooled(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	old := spec.Service{Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic, Created: at(1),
		Ports:           []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP2", TargetPort: 8080}, {Number: 81, Name: "old"}},
		Endpoints:       []spec.Endpoint{{Address: "10.0.0.1", Ports: map[string]int{"old": 8181}}, {Address: "10.0.0.2", Labels: map[string]string{"v": "2"}}},
		SubjectAltNames: []string{"old.test", "both.test"}}
	young := spec.Service{Hosts: []string{"b.test", "a.test", "a.test"}, Resolution: spec.ResolveDNS, Created: at(2),
		Ports:           []spec.ServicePort{{Number: 80, Name: "web", Protocol: "HTTP"}, {Number: 82, Name: "young"}},
		Endpoints:       []spec.Endpoint{{Address: "10.0.0.3", Labels: map[string]string{"v": "2"}}, {Address: "::1"}, {Address: "name.test"}, {Address: "10.0.0.1", Ports: map[string]int{"web": 8080}}},
		SubjectAltNames: []string{"both.test", "young.test"}}
	elsewhere := spec.Service{Namespace: "other", Hosts: []string{"a.test"}, Resolution: spec.ResolveDNS, Created: at(0),
		Ports: []spec.ServicePort{{Number: 90}}}
	unseen := spec.Service{Hosts: []string{"a.test"}, ExportTo: []string{"nowhere"}, Ports: []spec.ServicePort{{Number: 91}}}
	x := NewServiceIndex(&Compiler{List: new(findings.List), O: new(DefaultOptions()), D: &spec.Declarations{Services: []spec.Service{young, elsewhere, unseen, old}}})
	h := x.Find("a.test", "default")
	addresses := func(h *hostService, port int, labels map[string]string) []string {
		var out []string
		for _, e := range h.Endpoints("a.test", port, labels) {
			out = append(out, e.Address)
		}
		return out
	}
	require.Equal(t, []int{80, 81, 82}, h.ports())
	require.Equal(t, spec.ResolveStatic, h.resolution())
	require.Equal(t, []string{"10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:80", "[::1]:80"}, addresses(h, 80, nil), "the address that both have is one endpoint")
	require.Equal(t, []string{"10.0.0.2:8080", "10.0.0.3:80"}, addresses(h, 80, map[string]string{"v": "2"}))
	require.Equal(t, []string{"10.0.0.1:8181", "10.0.0.2:81"}, addresses(h, 81, nil))
	require.Equal(t, []string{"10.0.0.3:82", "[::1]:82", "10.0.0.1:82"}, addresses(h, 82, nil))
	require.Empty(t, addresses(h, 90, nil))
	require.Equal(t, "HTTP2", h.protocol(80))
	require.Equal(t, []string{"old.test", "both.test", "young.test"}, h.subjectAltNames(80))
	require.Equal(t, []string{"both.test", "young.test"}, h.subjectAltNames(82))

	require.Equal(t, []int{90}, x.Find("a.test", "other").ports())
	require.Equal(t, []string{"a.test:90"}, addresses(x.Find("a.test", "third"), 90, nil), "the oldest of all is it for a third namespace")
	require.Nil(t, x.Find("c.test", "default"))
}

func TestResolutionOfPooledServices(t *testing.T) {
	tests := []struct {
		name string
		of   []spec.Service
		want []string
	}{
		{"names of DNS", []spec.Service{{Resolution: spec.ResolveDNS}}, []string{"a.test:80"}},
		{"both without endpoints", []spec.Service{{Resolution: spec.ResolveDNS}, {Resolution: spec.ResolveDNS}}, []string{"a.test:80"}},
		{"none for NONE", []spec.Service{{Resolution: spec.ResolveNone}, {Resolution: spec.ResolveStatic, Endpoints: []spec.Endpoint{{Address: "10.0.0.1"}}}}, nil},
		{"one for DNS_ROUND_ROBIN", []spec.Service{
			{Resolution: spec.ResolveDNSRoundRobin, Endpoints: []spec.Endpoint{{Address: "b.test"}}},
			{Resolution: spec.ResolveDNS, Endpoints: []spec.Endpoint{{Address: "c.test"}}},
		}, []string{"b.test:80"}},
		{"one wildcard for DYNAMIC_DNS, at the port of the oldest", []spec.Service{
			{Resolution: spec.ResolveDynamicDNS, Ports: []spec.ServicePort{{Number: 80, TargetPort: 8080}}},
			{Resolution: spec.ResolveDynamicDNS}, {Resolution: spec.ResolveStatic, Endpoints: []spec.Endpoint{{Address: "10.0.0.1"}}},
		}, []string{"a.test:8080"}},
		{"no wildcard for DNS", []spec.Service{{Resolution: spec.ResolveDNS, Endpoints: []spec.Endpoint{{Address: "b.test"}}}, {Resolution: spec.ResolveDynamicDNS}}, []string{"b.test:80"}},
		{"not the host where nothing is selected", []spec.Service{{Resolution: spec.ResolveDNS, WorkloadSelector: map[string]string{"app": "a"}}}, nil},
		{"a socket", []spec.Service{{Resolution: spec.ResolveStatic, Endpoints: []spec.Endpoint{{Address: "unix:///run/a.sock"}}}}, []string{"unix:///run/a.sock"}},
		{"one address twice in one service", []spec.Service{{Resolution: spec.ResolveStatic, Endpoints: []spec.Endpoint{{Address: "10.0.0.1"}, {Address: "10.0.0.1"}}}},
			[]string{"10.0.0.1:80", "10.0.0.1:80"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &hostService{}
			for i := range tt.of {
				if tt.of[i].Ports == nil {
					tt.of[i].Ports = []spec.ServicePort{{Number: 80}}
				}
				h.parts = append(h.parts, servicePart{&tt.of[i], tt.of[i].Endpoints})
			}
			var got []string
			for _, e := range h.Endpoints("a.test", 80, nil) {
				got = append(got, e.Address)
			}
			require.Equal(t, tt.want, got)
		})
	}
}
