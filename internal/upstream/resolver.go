package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// A Resolver looks up host names. *net.Resolver is one; a test can use its own
// table instead. It is called concurrently, in the background, and must return
// when its context ends.
//
// An answer without addresses means that the name has none, and so does an
// error that is a *net.DNSError with IsNotFound. After any other error the
// known addresses stay.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A TTLResolver is a Resolver that knows how long its answers are valid. Go's
// own resolver does not. For a TTLResolver only LookupTTL is called.
type TTLResolver interface {
	Resolver
	LookupTTL(ctx context.Context, network, host string) ([]netip.Addr, time.Duration, error)
}

// An Answer is what is known about a host name.
type Answer struct {
	// Addresses are the name's addresses, in the order of the answer.
	Addresses []netip.Addr
	// TTL is how long they are valid. Zero or less means unknown.
	TTL time.Duration
}

const (
	// lookupTimeout limits one lookup, as Envoy's resolver does.
	lookupTimeout = 5 * time.Second
	// shortestTTL is the unit of DNS TTLs. It also limits how often a Resolver
	// with shorter TTLs is called.
	shortestTTL = time.Second
	// longestTTL is the maximum TTL for resolvers in RFC 8767.
	longestTTL = 7 * 24 * time.Hour
	// lookupJitter limits the random time added to each wait, so that gateways
	// that started together do not send lookups together (Istio's
	// PILOT_DNS_JITTER_DURATION).
	lookupJitter = 100 * time.Millisecond
)

// lookUp asks for the addresses of a name. A name that does not exist has none.
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

// untilNextLookup returns how long to wait after an answer. A failure counts as
// the zero Answer.
func (c *Config) untilNextLookup(answer Answer) time.Duration {
	wait := c.Refresh
	if answer.TTL > 0 && len(answer.Addresses) > 0 {
		wait = min(max(answer.TTL, shortestTTL), longestTTL)
	}
	return wait + time.Duration(c.Random()%uint64(lookupJitter))
}

// usable returns the addresses of an answer to use, with a port: the IPv4
// addresses, or if there are none, the IPv6 addresses.
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
