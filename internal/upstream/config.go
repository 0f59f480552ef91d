package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/http"
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
	// DefaultRefresh is the time between two lookups of a DNS name whose answers
	// do not say how long they hold. Istio's is 60 s, beside a TTL that is known.
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
	// DynamicDNS sends a request to the host that its Host header names. There is
	// one endpoint, a wildcard such as "*.example.com:80": it says which names may
	// be asked for, and the port. A port in the header does not count. Names are
	// looked up when they are first asked for, and forgotten when nobody has for
	// five minutes; there are at most 1024 at a time. Balancing and Hash have
	// nothing to choose from. (Envoy's dynamic_forward_proxy; Istio's DYNAMIC_DNS)
	DynamicDNS
)

// A Protocol is what a backend speaks.
type Protocol uint8

const (
	// HTTP1 is HTTP/1.1.
	HTTP1 Protocol = iota
	// HTTP2 is HTTP/2: with prior knowledge in plain text (h2c), or over TLS,
	// where the backend must agree to "h2". It is net/http's implementation.
	HTTP2
	// ClientProtocol is HTTP2 for requests that came over HTTP/2, and HTTP1 for
	// others: the request's ProtoMajor says which. (Istio's useClientProtocol)
	ClientProtocol
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
	// Labels are compared with the proxy's for failover.
	Labels map[string]string
	// Locality is where the endpoint runs: "region/zone/subzone", where parts at
	// the end may be missing.
	Locality string
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
	// Refresh is the time between two lookups of a name where the answer has no
	// TTL, which only an TTLResolver tells, and after a lookup that failed. 0 is
	// DefaultRefresh. To each wait a random part of 100 ms is added.
	Refresh time.Duration
	// Discovery yields the endpoints in place of Endpoints and Resolution. Their
	// addresses are those of Static; those that New would refuse are left out. The
	// first requests wait up to 15 s for the first ones.
	Discovery Discovery

	// Protocol is what the endpoints speak.
	Protocol Protocol
	// Transport is the implementation of HTTP/1.1.
	Transport Transport
	// TLS encrypts connections; nil is plain text. If its ServerName is empty,
	// the host of each request is sent as SNI, and verified, in its place.
	// NextProtos is set from Protocol. The Config is cloned.
	//
	// Where SubjectAltNames are given, or AnyName is set, these say which names a
	// certificate must have, in place of the server's name. Its InsecureSkipVerify
	// accepts any certificate in any case.
	TLS *tls.Config
	// SubjectAltNames are the names of which the certificate of an endpoint must
	// have one: DNS names, IP addresses, URIs or mail addresses.
	SubjectAltNames []string
	// AnyName accepts any certificate of a trusted authority, whatever its name.
	// It has no meaning beside SubjectAltNames.
	AnyName bool

	// CRLs are lists of revoked certificates. If there are any, each certificate in
	// the chain of an endpoint's, the root included, must be covered by a list of its
	// issuer that is in force, and not be in it. A list with a critical extension,
	// which is about some of an issuer's certificates only, covers none. They have no
	// meaning where any certificate is accepted.
	CRLs []*x509.RevocationList

	// ProxyProtocol begins each connection with a PROXY header that says for which
	// connection of a client it is made, by the request's RemoteAddr and its context's
	// http.LocalAddrContextKey. Only requests that came on that one share it.
	ProxyProtocol ProxyProtocol

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
	// MaxRequestsPerConnection is how many requests a connection is used for. 0 is
	// without limit, and 1 gives each request a connection of its own.
	MaxRequestsPerConnection int
	// MaxConcurrentStreams is how many requests a connection of HTTP/2 takes at a
	// time, of those that the backend allows. Beyond them another connection is made,
	// or waited for where Limits allow no more. 0 is without limit.
	MaxConcurrentStreams int
	// MaxConnectionDuration is the age from which a connection gets no more
	// requests. 0 is without limit.
	MaxConnectionDuration time.Duration
	// PingInterval is how long nothing may arrive on a connection of HTTP/2 before
	// its peer is sent a PING, and PingTimeout how long it may take to answer before
	// the connection is closed. A PingInterval of 0 sends none, and a PingTimeout of
	// 0 is 15s. (Istio's http2KeepAlive)
	PingInterval, PingTimeout time.Duration
	// KeepAlive are TCP's keep-alive probes. Nil is the default of net.Dialer. It
	// does not concern Dial.
	KeepAlive *net.KeepAliveConfig
	// MaxHeaderBytes limits the head of a response, and its trailer. 0 is
	// DefaultMaxHeaderBytes.
	MaxHeaderBytes int
	// MaxHeaders limits the header lines in a response's head, and in its
	// trailer. 0 is DefaultMaxHeaders. NetHTTP has no such limit.
	MaxHeaders int

	// Balancing says how the host of a request is chosen. If its Random is nil, it
	// is the one below. Its Now is also the clock of Outliers. OutlierDetection of
	// its Locality is set from Outliers.
	Balancing Balancing
	// Hash is the key of consistent hashing, for the policies that hash. Nil is
	// none: these take any host then.
	Hash *HashKey
	// ClientAddress returns the address of the client that is trusted to be it,
	// for a Hash by SourceIP. Nil is the request's RemoteAddr.
	ClientAddress func(*http.Request) netip.AddrPort
	// Outliers says when hosts that fail are ejected. Nil is never. The failures
	// of a try that a context's end cuts short count as timeouts if its cause says
	// so; see ErrTimeout.
	Outliers *OutlierDetection
	// Limits bounds what the destination has in use at the same time: all its
	// hosts together. Nil is no limit.
	Limits *Limits

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
	if c.Resolution > DynamicDNS {
		report("unknown resolution %d", c.Resolution)
	}
	if c.Protocol > ClientProtocol {
		report("unknown protocol %d", c.Protocol)
	}
	if c.Transport > NetHTTP {
		report("unknown transport %d", c.Transport)
	}
	if c.ProxyProtocol > ProxyProtocolV2 {
		report("unknown version %d of the PROXY protocol", c.ProxyProtocol)
	}
	if c.BasePath != "" && c.BasePath[0] != '/' {
		report("base path %q does not begin with a slash", c.BasePath)
	}
	if strings.ContainsAny(c.BasePath, "?#") {
		report("base path %q has a query or a fragment", c.BasePath)
	}
	for name, d := range map[string]time.Duration{"connect timeout": c.ConnectTimeout, "refresh interval": c.Refresh, "connection duration": c.MaxConnectionDuration,
		"ping interval": c.PingInterval, "ping timeout": c.PingTimeout} {
		if d < 0 {
			report("negative %s %v", name, d)
		}
	}
	if c.MaxHeaderBytes < 0 || c.MaxHeaders < 0 {
		report("negative header limit")
	}
	if c.MaxRequestsPerConnection < 0 {
		report("negative limit of requests per connection")
	}
	if c.MaxConcurrentStreams < 0 {
		report("negative limit of concurrent streams")
	}
	c.checkBalancing(report)
	if c.Discovery != nil && (len(c.Endpoints) > 0 || c.Resolution != Static) {
		report("there are endpoints, or a resolution, beside a discovery")
	}
	if c.Resolution == DynamicDNS && len(c.Endpoints) > 1 {
		report("%d wildcards, of which there can be one", len(c.Endpoints))
	}
	for _, e := range c.Endpoints {
		if err := e.checkWeight(); err != nil {
			report("%w", err)
		}
		if err := e.check(c.Resolution); err != nil {
			report("%w", err)
		}
	}
	return errors.Join(errs...)
}

// checkBalancing reports what is wrong with how hosts are chosen. Tables that are
// too large would keep New busy for long, and one whose size is not prime for ever.
func (c *Config) checkBalancing(report func(format string, args ...any)) {
	b := &c.Balancing
	if b.Policy > Maglev {
		report("unknown balancing policy %d", b.Policy)
	}
	if b.MinimumRingSize > maxRingSize {
		report("ring size %d is above %d", b.MinimumRingSize, maxRingSize)
	}
	if n := b.TableSize; n != 0 && (n > maxTableSize || !big.NewInt(int64(n)).ProbablyPrime(0)) {
		report("table size %d is not a prime number up to %d", n, maxTableSize)
	}
	if b.PanicThreshold > 100 {
		report("panic threshold %d is above 100", b.PanicThreshold)
	}
}

// The largest sizes, which are Envoy's.
const (
	maxRingSize  = 8 << 20
	maxTableSize = 5000011
)

func (e *Endpoint) checkWeight() error {
	if e.Weight < 0 || int64(e.Weight) > math.MaxUint32 {
		return fmt.Errorf("endpoint %q: weight %d is not from 0 to %d", e.Address, e.Weight, uint32(math.MaxUint32))
	}
	return nil
}

func (e *Endpoint) check(resolution Resolution) error {
	if path, ok := socketPath(e.Address); ok && resolution != DynamicDNS {
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
	if resolution == DynamicDNS && !isWildcard(host) {
		return fmt.Errorf("endpoint %q: %q is not a wildcard such as *.example.com, which dynamic resolution needs", e.Address, host)
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
