package gateway

import (
	"context"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/spec"
)

// A Discovery finds the endpoints of services and follows their changes, for
// example in a registry or a cluster. Builder.Discovery registers it under the name
// in Service.Discovery. Watch is called concurrently, for each port and each set of
// labels that destinations select.
//
// Gateway.Replace keeps a watch if neither the Service nor the Discovery has
// changed. A Discovery is unchanged if it is the same value, such as the same
// pointer.
type Discovery interface {
	// Watch calls update with all endpoints of a service: at once, even if there
	// are none, and again after each change. When ctx ends, Watch returns soon;
	// Gateway.Close waits for it. It may call update from any goroutine, but not
	// after it has returned.
	//
	// If Watch returns earlier, with or without an error, it is called again: at
	// first after half a second at most, and later after up to 30 s, until it has
	// called update. Meanwhile, requests go to the latest endpoints. The first
	// requests wait for the first endpoints, for 15 s at most.
	//
	// Do not change the service, or the endpoints after update. Addresses are IP
	// addresses, or sockets like "unix:///run/x.sock". An invalid endpoint is
	// skipped, with a warning to Builder.Logger.
	Watch(ctx context.Context, service spec.Service, update func([]spec.Endpoint)) error
}

// Discovery registers a Discovery for the services with this name in
// spec.Service.Discovery and with ResolveDiscovery. The name "" is for services
// without a name there.
func (b *Builder) Discovery(name string, d Discovery) *Builder {
	if b.options.Discoveries == nil {
		b.options.Discoveries = map[string]compile.Discovery{}
	}
	b.options.Discoveries[name] = d
	return b
}
