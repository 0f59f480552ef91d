package gateway

import (
	"context"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/spec"
)

// A Discovery finds the endpoints of services and follows their changes: a
// registry, or a cluster's own. It is registered with Builder.Discovery under the
// name that Service.Discovery gives. Watch is called concurrently, for each port
// and each set of labels that destinations select.
//
// A Gateway.Replace keeps what is watched, where neither the Service nor the
// Discovery has changed: it is the same value then, such as one pointer.
type Discovery interface {
	// Watch calls update with all endpoints of a service: with those that there
	// are at once, be it none, and again whenever they have changed, until ctx
	// ends, and returns soon after; Gateway.Close waits for it. It may call update
	// from any goroutine, but not after it has returned.
	//
	// When it returns earlier, with or without an error, it is called again, at
	// first after half a second at most, and later each time up to 30 s until it
	// has called update. Meanwhile requests go to the latest endpoints. The first
	// requests wait for the first ones, for 15 s at most.
	//
	// Neither the service nor the endpoints that update was given may be changed
	// later. Addresses are IP addresses, or sockets as "unix:///run/x.sock"; an
	// endpoint that is not valid is left out, with a warning to Builder.Logger.
	Watch(ctx context.Context, service spec.Service, update func([]spec.Endpoint)) error
}

// Discovery registers the Discovery of the services that name it and have the
// resolution ResolveDiscovery. "" is the name for services that name none.
func (b *Builder) Discovery(name string, d Discovery) *Builder {
	if b.options.Discoveries == nil {
		b.options.Discoveries = map[string]compile.Discovery{}
	}
	b.options.Discoveries[name] = d
	return b
}
