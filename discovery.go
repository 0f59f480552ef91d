package gateway

import (
	"context"
	"net/netip"
	"time"

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

// A Resolver looks up host names. *net.Resolver implements it; tests can use a
// table instead. It is called concurrently, in the background, and must return when
// its context ends.
//
// An answer without addresses means that the name has none, and so does a
// *net.DNSError with IsNotFound. After any other error the known addresses stay in
// use.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A TTLResolver is a Resolver that also knows how long an answer is valid, unlike
// Go's own resolver. If a Resolver is a TTLResolver, only LookupTTL is called.
type TTLResolver interface {
	Resolver
	// LookupTTL is like LookupNetIP, and also returns how long the answer is valid.
	// The name is looked up again after that time, at least 1 s and at most a week.
	// If the time is zero or less, the name is looked up again after 5 s.
	LookupTTL(ctx context.Context, network, host string) ([]netip.Addr, time.Duration, error)
}

// Resolver sets the resolver that looks up the endpoints of services with DNS
// resolution and, with dynamic DNS, the hosts of requests. The default is
// net.DefaultResolver.
func (b *Builder) Resolver(r Resolver) *Builder {
	b.options.Resolver = r
	return b
}
