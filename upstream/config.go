package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Defaults of a Config.
const (
	// DefaultConnectTimeout is Istio's mesh-wide connectTimeout.
	DefaultConnectTimeout = 10 * time.Second
	// DefaultIdleTimeout is Envoy's.
	DefaultIdleTimeout = time.Hour
	// DefaultMaxIdle is the number of idle connections kept to one endpoint.
	DefaultMaxIdle = 1024
	// DefaultRefresh is the time between two lookups of a DNS name.
	DefaultRefresh = 5 * time.Second
	// DefaultMaxHeaderBytes limits the head of a response.
	DefaultMaxHeaderBytes = 64 << 10
	// DefaultMaxHeaders limits the number of header lines in the head of a
	// response, and in its trailer.
	DefaultMaxHeaders = 1000
)

// A Resolution says how a Config's endpoints become addresses.
type Resolution uint8

const (
	// Static takes the endpoints' addresses as they are: "ip:port", or
	// "unix:" and the path of a socket.
	Static Resolution = iota
	// DNS looks the endpoints' names up in the background, and balances over
	// all addresses found: the IPv4 addresses of a name, or if it has none, its
	// IPv6 addresses. (Envoy's STRICT_DNS; Istio's ServiceEntry resolution DNS)
	DNS
	// DNSRoundRobin looks the names up in the same way. Each name is one
	// endpoint, whose new connections go to the first address of the latest
	// answer; open ones are kept. (Envoy's LOGICAL_DNS; Istio's
	// DNS_ROUND_ROBIN)
	DNSRoundRobin
)

// A Protocol is what a backend speaks.
type Protocol uint8

const (
	// HTTP1 is HTTP/1.1.
	HTTP1 Protocol = iota
	// HTTP2 is HTTP/2: with prior knowledge in plain text (h2c), or over TLS,
	// where the backend must agree to "h2". It is net/http's implementation.
	HTTP2
)

// A Transport is an implementation of the client side of HTTP/1.1.
type Transport uint8

const (
	// Direct writes a request and reads its response in the handler's own
	// goroutine, and is strict about what it reads.
	Direct Transport = iota
	// NetHTTP is net/http's Transport. It is more lenient: among other things it
	// accepts lines that end in a bare LF or are folded, repeats of a
	// Content-Length, and lets Transfer-Encoding win over a Content-Length in the
	// same head. It may take a response that a backend sent unasked for that to
	// the next request, and it may fail a request on a connection that the backend
	// has closed a moment before. A path that begins with two slashes and has bytes
	// which net/url would encode is sent encoded over HTTP/1.1.
	NetHTTP
)

// An Endpoint is one place where a destination runs.
type Endpoint struct {
	// Address is "host:port", where host is an IP address or, with DNS, also a
	// name; or "unix:" and the path of a socket, as in "unix:/run/x.sock" or
	// "unix:///run/x.sock".
	Address string
	// Weight is the share of requests relative to the other endpoints. Zero
	// counts as 1. Each of the addresses of a name has all of the weight.
	Weight int
}

// A Resolver looks host names up. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says where the requests of a destination go, and how. The zero value of
// every field is its default.
type Config struct {
	// Name is the destination in errors, such as
	// "outbound|8080||reviews.default.svc.cluster.local".
	Name string

	// Endpoints are where the destination runs. None is valid: every request
	// fails with "no healthy upstream".
	Endpoints []Endpoint
	// Resolution says how the endpoints become addresses.
	Resolution Resolution
	// Resolver looks names up. Nil is net.DefaultResolver.
	Resolver Resolver
	// Refresh is the time between two lookups of a name. 0 is DefaultRefresh.
	Refresh time.Duration

	// Protocol is what the endpoints speak.
	Protocol Protocol
	// Transport is the implementation of HTTP/1.1.
	Transport Transport
	// TLS encrypts connections; nil is plain text. If its ServerName is empty,
	// the host of each request is sent as SNI, and verified, in its place.
	// NextProtos is set from Protocol. The Config is cloned.
	TLS *tls.Config

	// BasePath is put before the path of each request, in its encoded form.
	// Slashes at its end are ignored.
	BasePath string

	// ConnectTimeout limits connecting, TLS included. 0 is
	// DefaultConnectTimeout.
	ConnectTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept. 0 is
	// DefaultIdleTimeout, and less keeps connections without limit.
	IdleTimeout time.Duration
	// MaxIdle is how many unused connections to each endpoint are kept. 0 is
	// DefaultMaxIdle, and less keeps none: each request has a connection of its
	// own. It does not limit connections in use.
	MaxIdle int
	// MaxHeaderBytes limits the head of a response, and its trailer. 0 is
	// DefaultMaxHeaderBytes.
	MaxHeaderBytes int
	// MaxHeaders limits the header lines in a response's head, and in its
	// trailer. 0 is DefaultMaxHeaders. NetHTTP has no such limit.
	MaxHeaders int

	// Random is the source of randomness of the balancer. It must be safe for
	// concurrent use. Nil is math/rand/v2's Uint64.
	Random func() uint64
	// Dial opens a connection to an address ("tcp", "127.0.0.1:80", or "unix" and
	// a path). Nil is a net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// check returns all that is wrong with c.
func (c *Config) check() error {
	var errs []error
	report := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("upstream %q: "+format, append([]any{c.Name}, args...)...))
	}
	if c.Resolution > DNSRoundRobin {
		report("unknown resolution %d", c.Resolution)
	}
	if c.Protocol > HTTP2 {
		report("unknown protocol %d", c.Protocol)
	}
	if c.Transport > NetHTTP {
		report("unknown transport %d", c.Transport)
	}
	if c.BasePath != "" && c.BasePath[0] != '/' {
		report("base path %q does not begin with a slash", c.BasePath)
	}
	if strings.ContainsAny(c.BasePath, "?#") {
		report("base path %q has a query or a fragment", c.BasePath)
	}
	for name, d := range map[string]time.Duration{"connect timeout": c.ConnectTimeout, "refresh interval": c.Refresh} {
		if d < 0 {
			report("negative %s %v", name, d)
		}
	}
	if c.MaxHeaderBytes < 0 || c.MaxHeaders < 0 {
		report("negative header limit")
	}
	for _, e := range c.Endpoints {
		if e.Weight < 0 {
			report("endpoint %q: negative weight %d", e.Address, e.Weight)
		}
		if err := e.check(c.Resolution); err != nil {
			report("%w", err)
		}
	}
	return errors.Join(errs...)
}

func (e *Endpoint) check(resolution Resolution) error {
	if path, ok := socketPath(e.Address); ok {
		if path == "" {
			return fmt.Errorf("endpoint %q: no path of a socket", e.Address)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		return fmt.Errorf("endpoint %q: expected host:port or unix:path", e.Address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("endpoint %q: port %q is not a number from 1 to 65535", e.Address, port)
	}
	if host == "" {
		return fmt.Errorf("endpoint %q: no host", e.Address)
	}
	if _, err := netip.ParseAddr(host); err != nil && resolution == Static {
		return fmt.Errorf("endpoint %q: %q is not an IP address, which static resolution needs", e.Address, host)
	}
	return nil
}

// socketPath returns the path of a "unix:" address.
func socketPath(address string) (string, bool) {
	path, ok := strings.CutPrefix(address, "unix:")
	if rest, found := strings.CutPrefix(path, "//"); ok && found {
		path = rest
	}
	return path, ok
}
