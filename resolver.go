package gateway

import (
	"context"
	"net/netip"
	"time"
)

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
