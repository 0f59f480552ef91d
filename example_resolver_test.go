package gateway_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// Names is a Resolver for tests: a table of names.
type Names map[string]netip.Addr

// LookupNetIP implements gateway.Resolver.
func (n Names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if ip, ok := n[host]; ok {
		return []netip.Addr{ip}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// Requests go to the host in their Host header, if the wildcard allows it.
func ExampleBuilder_Resolver() {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello", r.Host)
	}))
	defer backend.Close()
	at := netip.MustParseAddrPort(backend.Listener.Addr().String())

	gw, err := gateway.New().
		Resolver(Names{"alice.example.com": at.Addr()}).
		Service(spec.Service{
			Hosts:      []string{"*.example.com"},
			Ports:      []spec.ServicePort{{Number: 80, Name: "http", TargetPort: int(at.Port())}},
			Resolution: spec.ResolveDynamicDNS,
		}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "*.example.com"}}}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	for _, host := range []string{"alice.example.com", "bob.example.com", "example.org"} {
		response := httptest.NewRecorder()
		gw.ServeHTTP(response, httptest.NewRequest("GET", "http://"+host+"/", nil))
		fmt.Println(response.Code, response.Body)
	}
	// Output:
	// 200 hello alice.example.com
	//
	// 503 DNS resolution failure
	// 503 no healthy upstream
}

// A service runs at the WorkloadEntries that it selects.
func ExampleBuilder_WorkloadEntry() {
	gw, err := gateway.New().
		Service(spec.Service{
			Hosts:            []string{"shop.example.com"},
			Ports:            []spec.ServicePort{{Number: 80, Name: "http", TargetPort: 8080}},
			Resolution:       spec.ResolveStatic,
			WorkloadSelector: map[string]string{"app": "shop"},
		}).
		WorkloadEntry(spec.WorkloadEntry{Name: "one", Endpoint: spec.Endpoint{
			Address: "192.0.2.1", Labels: map[string]string{"app": "shop"},
		}}).
		WorkloadEntry(spec.WorkloadEntry{Name: "two", Endpoint: spec.Endpoint{
			Address: "192.0.2.2", Labels: map[string]string{"app": "shop"}, Ports: map[string]int{"http": 9090}, Weight: 3,
		}}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.example.com"}}}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	fmt.Print(gw)
	// Output:
	// semantics native, path normalization BASE
	// listener 80
	//   routes http.80
	//     host *
	//       0 default/: prefix "/"
	//         forward all to outbound|80||shop.example.com
	//           endpoints STATIC 192.0.2.1:8080 app=shop, 192.0.2.2:9090 weight 3 app=shop
}
