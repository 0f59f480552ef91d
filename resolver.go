package gateway

import (
	"context"
	"net/netip"
	"time"
)

// A Resolver looks host names up. *net.Resolver is one; a test replaces it with a
// table of its own. It is called concurrently, in the background, and must return
// when its context ends.
//
// An answer without addresses means that the name has none, and so does a
// *net.DNSError with IsNotFound. After any other error the addresses known so far
// stay in use.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A TTLResolver is a Resolver that also knows how long an answer is valid, which
// Go's own resolver does not tell. Where a Resolver is a TTLResolver, only
// LookupTTL is called.
type TTLResolver interface {
	Resolver
	// LookupTTL is LookupNetIP with the time that the answer is valid for. The
	// name is looked up again after that time, at least 1 s and at most a week. If
	// it is zero or less, the name is looked up again after 5 s.
	LookupTTL(ctx context.Context, network, host string) ([]netip.Addr, time.Duration, error)
}

// Resolver replaces net.DefaultResolver, which finds the endpoints of services
// with DNS resolution, and the hosts that requests name with dynamic DNS.
func (b *Builder) Resolver(r Resolver) *Builder {
	b.options.Resolver = r
	return b
}
