package upstream_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/lateengo/gateway/internal/upstream"
)

// Records are the names of a zone, and how long they are valid.
type Records struct {
	Names map[string][]netip.Addr
	TTL   time.Duration
}

// LookupNetIP implements upstream.Resolver.
func (r Records) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return r.Names[host], nil
}

// LookupTTL implements upstream.TTLResolver. A DNS client that sees the records
// themselves returns the lowest of their TTLs.
func (r Records) LookupTTL(ctx context.Context, network, host string) ([]netip.Addr, time.Duration, error) {
	found, err := r.LookupNetIP(ctx, network, host)
	return found, r.TTL, err
}

// Names are looked up again when their answers are no longer valid.
func ExampleTTLResolver() {
	u, err := upstream.New(upstream.Config{
		Resolution: upstream.DNS,
		Resolver:   Records{map[string][]netip.Addr{"shop.example.com": {netip.MustParseAddr("192.0.2.1")}}, time.Minute},
		Endpoints:  []upstream.Endpoint{{Address: "shop.example.com:80"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer u.Close()

	fmt.Println(u)
	// Output:
	// DNS shop.example.com:80
}
