package main

import (
	"cmp"
	"errors"
	"flag"
	"net/netip"
	"strings"
	"time"

	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// clientLimits are the flags for what clients may hold. Zero is no limit.
type clientLimits struct {
	header, idle, grace time.Duration
	// stream is -1 for the default.
	stream         time.Duration
	headerBytes    int
	body, response int
	// connections is -1 for the default.
	connections, perAddress, streams int
	many                             []netip.Prefix
}

func (l *clientLimits) addFlags(flags *flag.FlagSet) {
	flags.DurationVar(&l.header, "header-timeout", server.DefaultReadHeaderTimeout, "`DURATION` in which a client must send the header of a request, or finish a TLS handshake (10s by default)")
	flags.DurationVar(&l.idle, "idle-timeout", server.DefaultIdleTimeout, "`DURATION` that a connection may be without a request (1h by default)")
	flags.IntVar(&l.headerBytes, "max-header-bytes", server.DefaultMaxHeaderBytes, "`BYTES` that the header of a request may have (61440 by default)")
	flags.IntVar(&l.body, "min-body-rate", server.DefaultMinRate, "`BYTES` a second that a client must send of a body, on average; 408 otherwise (240 by default)")
	flags.IntVar(&l.response, "min-response-rate", server.DefaultMinRate, "`BYTES` a second that a client must take of a response, on average (240 by default)")
	flags.DurationVar(&l.grace, "rate-grace", server.DefaultRateGrace, "`DURATION` in which the speed of a client does not count at first; later it may pause for four times as long (5s by default)")
	flags.DurationVar(&l.stream, "stream-idle-timeout", -1, "`DURATION` in which no byte of a request's body and none of its response may move; 504 or 408 then (no limit by default; 5m with --edge)")
	flags.IntVar(&l.connections, "max-connections", -1, "`NUMBER` of connections of all clients together (by default half of the files that the process may open)")
	flags.IntVar(&l.perAddress, "max-connections-per-address", 0, "`NUMBER` of connections from an IPv4 address, or a /64 of IPv6 (no limit by default)")
	flags.Func("many-connections-from", "`NETWORK,…` or addresses that --max-connections-per-address is not for, such as those of proxies", l.addMany)
	flags.IntVar(&l.streams, "max-concurrent-streams", server.DefaultMaxConcurrentStreams, "`NUMBER` of requests at a time on a connection with HTTP/2 (100 by default)")
}

func (l *clientLimits) addMany(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		network, err := netip.ParsePrefix(part)
		if address, other := netip.ParseAddr(part); other == nil {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return errors.New("NETWORK,… is expected, such as 10.0.0.0/8,192.0.2.7")
		}
		l.many = append(l.many, network)
	}
	return nil
}

// apply sets the limits.
func (l *clientLimits) apply(c *server.Config) {
	c.ReadHeaderTimeout = cmp.Or(l.header, spec.NoLimit)
	c.IdleTimeout = cmp.Or(l.idle, spec.NoLimit)
	c.MaxHeaderBytes = l.headerBytes
	c.MinBodyRate, c.MinResponseRate = cmp.Or(l.body, spec.NoLimit), cmp.Or(l.response, spec.NoLimit)
	c.RateGrace = l.grace
	c.StreamIdleTimeout = max(l.stream, 0)
	switch {
	case l.connections > 0:
		c.MaxConnections = l.connections
	case l.connections == 0:
		c.MaxConnections = spec.NoLimit
	}
	c.MaxConnectionsPerAddress, c.ManyConnections = l.perAddress, l.many
	c.MaxConcurrentStreams = l.streams
}

// setEdge sets the limits of a gateway that everybody can reach, but for those that were given.
func (l *clientLimits) setEdge() {
	if l.stream < 0 {
		l.stream = edgeStreamIdle
	}
}

// edgeStreamIdle is Envoy's stream_idle_timeout, which Istio turns off.
const edgeStreamIdle = 5 * time.Minute
