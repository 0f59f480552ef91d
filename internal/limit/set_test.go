package limit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A policy of a VirtualService and one of its Gateway.
func TestInheritance(t *testing.T) {
	perUser := []spec.RateLimit{{Requests: 1, Unit: time.Hour, Per: []spec.LimitKey{{Header: "x-user"}}}}
	perAll := func(n int) []spec.RateLimit { return []spec.RateLimit{{Requests: n, Unit: time.Hour}} }
	service := []spec.TargetRef{{Kind: "VirtualService", Name: "vs"}}
	route := []spec.TargetRef{{Kind: "VirtualService", Name: "vs", SectionName: "cart"}}
	general := spec.RateLimitPolicy{Name: "general", Limits: perAll(2)}
	for _, row := range []struct {
		name     string
		policies []spec.RateLimitPolicy
		steps    []string
	}{
		{"the more specific policy counts", []spec.RateLimitPolicy{{Name: "own", Targets: service, Limits: perAll(3)}, general}, []string{"- 200 200 200 429"}},
		{"without something to count the other policy counts", []spec.RateLimitPolicy{{Name: "own", Targets: service, Limits: perUser}, general},
			[]string{"alice 200 429", "bob 200 429", "- 200 200 429"}},
		{"both count", []spec.RateLimitPolicy{{Name: "own", Targets: service, Limits: perUser, Inheritance: spec.InheritInclude}, general},
			[]string{"alice 200 429", "bob 200", "carol 429"}},
		{"only the more specific policy counts", []spec.RateLimitPolicy{{Name: "own", Targets: service, Limits: perUser, Inheritance: spec.InheritIgnore}, general},
			[]string{"alice 200 429", "- 200 200 200"}},
		{"a policy that only stops others", []spec.RateLimitPolicy{{Name: "own", Targets: service, Inheritance: spec.InheritIgnore}, general}, []string{"- 200 200 200"}},
		{"three levels", []spec.RateLimitPolicy{
			{Name: "route", Targets: route, Limits: perUser, Inheritance: spec.InheritInclude}, {Name: "own", Targets: service, Limits: perAll(2)}, {Name: "general", Limits: perAll(1)},
		}, []string{"alice 200 429", "bob 200", "- 429"}},
		{"of one level the least strict setting counts", []spec.RateLimitPolicy{
			{Name: "p", Targets: service, Limits: perUser, Inheritance: spec.InheritIgnore}, {Name: "q", Targets: service, Limits: perAll(5), Inheritance: spec.InheritInclude}, general,
		}, []string{"alice 200 429", "bob 200", "carol 429"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := gateway.New().Backend("*", testhttp.AnswerOK).
					Server(spec.Server{Gateway: "gw", Port: 80, Protocol: "HTTP", Hosts: []string{"*"}}).
					VirtualService(spec.VirtualService{Name: "vs", Hosts: []string{"*"}, Gateways: []string{"gw"}, Routes: []spec.Route{{Name: "cart", Destinations: []spec.Destination{{Host: "a"}}}}})
				for _, p := range row.policies {
					b.RateLimit(p)
				}
				play(t, testgateway.Built(t, b), row.steps...)
			})
		})
	}
}

func TestSelectors(t *testing.T) {
	selecting := func(namespace string, labels map[string]string) spec.RateLimitPolicy {
		return spec.RateLimitPolicy{Name: "p", Namespace: namespace, Selector: labels, Limits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}}}
	}
	ingress := map[string]string{"istio": "ingress"}
	for _, row := range []struct {
		name     string
		policy   spec.RateLimitPolicy
		gateway  map[string]string
		workload map[string]string
		limited  bool
	}{
		{"labels of the Gateway's workload", selecting("shop", ingress), ingress, nil, true},
		{"other labels", selecting("shop", map[string]string{"istio": "egress"}), ingress, nil, false},
		{"more labels than the Gateway selects", selecting("shop", map[string]string{"istio": "ingress", "a": "b"}), ingress, nil, false},
		{"labels of the workload", selecting("shop", map[string]string{"istio": "ingress", "a": "b"}), ingress, map[string]string{"istio": "ingress", "a": "b"}, true},
		{"another namespace", selecting("other", ingress), ingress, nil, false},
		{"the root namespace", selecting(resource.RootNamespace, ingress), ingress, nil, true},
		{"other labels in the root namespace", selecting(resource.RootNamespace, map[string]string{"a": "b"}), ingress, nil, false},
		{"a Gateway without labels", selecting("shop", ingress), nil, nil, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := gateway.New().Backend("*", testhttp.AnswerOK).Workload("shop", row.workload).RateLimit(row.policy).
				Server(spec.Server{Gateway: "gw", Namespace: "shop", Port: 80, Protocol: "HTTP", Hosts: []string{"*"}, Selector: row.gateway}).
				VirtualService(spec.VirtualService{Name: "vs", Namespace: "shop", Hosts: []string{"*"}, Gateways: []string{"gw"}, Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "a"}}}}})
			gw := testgateway.Built(t, b)
			want := []int{200, 200}
			if row.limited {
				want[1] = 429
			}
			require.Equal(t, want, testhttp.Codes(gw, 2))
		})
	}
}

// A policy for a virtual host limits only requests to that host on that port.
func TestVirtualHosts(t *testing.T) {
	b := gateway.New().Backend("*", testhttp.AnswerOK).
		RateLimit(spec.RateLimitPolicy{Name: "p", VirtualHosts: []string{"A.com:80", "*.c.com:81"}, Limits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}}}).
		VirtualService(spec.VirtualService{Name: "vs", Hosts: []string{"a.com", "b.com", "*.c.com"}, Gateways: []string{"gw"}, Routes: []spec.Route{{Destinations: []spec.Destination{{Host: "a"}}}}})
	for _, port := range []int{80, 81} {
		b.Server(spec.Server{Gateway: "gw", Port: port, Protocol: "HTTP", Hosts: []string{"*"}})
	}
	gw := testgateway.Built(t, b)
	for _, row := range []struct {
		port  int
		host  string
		codes []int
	}{
		{80, "a.com", []int{200, 429}},
		{80, "b.com", []int{200, 200}},
		{81, "a.com", []int{200, 200}},
		{80, "x.c.com", []int{200, 200}},
		{81, "x.c.com", []int{429}},
	} {
		for _, want := range row.codes {
			require.Equal(t, want, testgateway.Serve(gw.Listener(row.port), testhttp.Request(t, "GET", "http://"+row.host+"/")).Code, "%d %s", row.port, row.host)
		}
	}
}

// A policy can name a route without its VirtualService.
func TestRouteOfAnyVirtualService(t *testing.T) {
	b := gateway.New().Backend("*", testhttp.AnswerOK).
		RateLimit(spec.RateLimitPolicy{Name: "p", Namespace: "anywhere", Targets: []spec.TargetRef{{Kind: "VirtualService", SectionName: "cart"}}, Limits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}}})
	for _, host := range []string{"a.com", "b.com"} {
		b.VirtualService(spec.VirtualService{Name: host, Hosts: []string{host}, Gateways: []string{"*"}, Routes: []spec.Route{
			{Name: "cart", Match: []spec.Match{{URI: spec.Prefix("/cart")}}, Destinations: []spec.Destination{{Host: "a"}}}, {Destinations: []spec.Destination{{Host: "a"}}},
		}})
	}
	gw := testgateway.Built(t, b)
	for i, want := range []int{200, 429, 200} {
		target := []string{"http://a.com/cart", "http://b.com/cart", "http://b.com/"}[i]
		require.Equal(t, want, testgateway.Serve(gw, testhttp.Request(t, "GET", target)).Code, target)
	}
}
