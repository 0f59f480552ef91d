package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// A Resolver looks host names up. *net.Resolver is one; a test replaces it with a
// table of its own. It is called concurrently, in the background, and has to return
// when its context ends.
//
// An answer without addresses says that the name has none, and so does an error
// that is a *net.DNSError with IsNotFound. Any other error says nothing about the
// name: the addresses known so far stay.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A TTLResolver is a Resolver that knows how long its answers are valid, which Go's
// own does not tell. Where a Resolver is one, only LookupTTL is called.
type TTLResolver interface {
	Resolver
	LookupTTL(ctx context.Context, network, host string) ([]netip.Addr, time.Duration, error)
}

// An Answer is what is known of a host name.
type Answer struct {
	// Addresses are those of the name, in the order of the answer.
	Addresses []netip.Addr
	// TTL is how long they hold. Zero or less is not known.
	TTL time.Duration
}

const (
	// lookupTimeout limits one lookup, as Envoy's resolver does.
	lookupTimeout = 5 * time.Second
	// shortestTTL is what DNS counts in, and keeps a Resolver that counts in
	// something else from being asked without a pause.
	shortestTTL = time.Second
	// longestTTL is what RFC 8767 has resolvers cap a TTL at.
	longestTTL = 7 * 24 * time.Hour
	// lookupJitter bounds the time that is added to each wait, so that gateways which
	// started together do not ask together (Istio's PILOT_DNS_JITTER_DURATION).
	lookupJitter = 100 * time.Millisecond
)

// lookUp asks for the addresses of a name. A name that there is not has none.
func (c *Config) lookUp(ctx context.Context, name string) (answer Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if r, ok := c.Resolver.(TTLResolver); ok {
		answer.Addresses, answer.TTL, err = r.LookupTTL(ctx, "ip", name)
	} else {
		answer.Addresses, err = c.Resolver.LookupNetIP(ctx, "ip", name)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return Answer{}, nil
	}
	return answer, err
}

// untilNextLookup returns how long to wait after an answer, or after a failure,
// which is none.
func (c *Config) untilNextLookup(answer Answer) time.Duration {
	wait := c.Refresh
	if answer.TTL > 0 && len(answer.Addresses) > 0 {
		wait = min(max(answer.TTL, shortestTTL), longestTTL)
	}
	return wait + time.Duration(c.Random()%uint64(lookupJitter))
}

// usable returns the addresses of an answer that are used, at a port: the IPv4
// ones, or if there are none the IPv6 ones.
func usable(answer Answer, port string) []address {
	var v4, v6 []address
	for _, ip := range answer.Addresses {
		if !ip.IsValid() {
			continue
		}
		ip = ip.Unmap()
		a := address{"tcp", net.JoinHostPort(ip.String(), port)}
		if ip.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	if v4 == nil {
		return v6
	}
	return v4
}
