package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// A Registry knows where one service runs.
type Registry struct {
	mu        sync.Mutex
	endpoints []spec.Endpoint
	// changed is closed when the endpoints change.
	changed chan struct{}
}

// Set sets where the service runs.
func (r *Registry) Set(endpoints ...spec.Endpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endpoints = endpoints
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}

func (r *Registry) get() ([]spec.Endpoint, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endpoints, r.changed
}

// Watch implements gateway.Discovery.
func (r *Registry) Watch(ctx context.Context, _ spec.Service, update func([]spec.Endpoint)) error {
	for {
		endpoints, changed := r.get()
		update(endpoints)
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// The endpoints of a service come from a registry, and change with it.
func ExampleDiscovery() {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "reviews got", r.URL)
	}))
	defer backend.Close()
	at := netip.MustParseAddrPort(backend.Listener.Addr().String())
	registry := new(Registry)
	registry.Set(spec.Endpoint{
		Address: at.Addr().String(),
		Ports:   map[string]int{"http": int(at.Port())}, // 80 without it
		Labels:  map[string]string{"version": "v1"},
	})

	gw, err := gateway.New().
		Discovery("registry", registry).
		Service(spec.Service{
			Hosts:      []string{"reviews.example.com"},
			Ports:      []spec.ServicePort{{Number: 80, Name: "http"}},
			Resolution: spec.ResolveDiscovery,
			Discovery:  "registry",
		}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "reviews.example.com"}}}).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	fmt.Print(get(gw, "/reviews/7").Body)
	// Output:
	// reviews got /reviews/7
}
