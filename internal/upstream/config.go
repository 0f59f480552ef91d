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
	// DefaultIdleTimeout is Envoy's default.
	DefaultIdleTimeout = time.Hour
	// DefaultMaxIdle is the number of idle connections kept to one endpoint.
	DefaultMaxIdle = 1024
	// DefaultRefresh is the time between two lookups of a DNS name whose
	// answers have no TTL. Istio's default is 60 s, and it also uses known
	// TTLs.
	DefaultRefresh = 5 * time.Second
	// DefaultMaxHeaderBytes limits the head of a response.
	DefaultMaxHeaderBytes = 64 << 10
	// DefaultMaxHeaders limits the number of header lines in the head of a
	// response, and in its trailer.
	DefaultMaxHeaders = 1000
)

// A Resolution defines how a Config's endpoints become addresses.
type Resolution uint8

const (
	// Static uses the endpoints' addresses as they are: "ip:port", or "unix:"
	// and the path of a socket.
	Static Resolution = iota
	// DNS looks up the endpoints' names in the background, and balances over
	// all addresses found: the IPv4 addresses of a name, or if it has none, its
	// IPv6 addresses. (Envoy's STRICT_DNS; Istio's ServiceEntry resolution DNS)
	DNS
	// DNSRoundRobin looks up the names in the same way. Each name is one
	// endpoint. Its new connections go to the first address of the latest
	// answer; open connections are kept. (Envoy's LOGICAL_DNS; Istio's
	// DNS_ROUND_ROBIN)
	DNSRoundRobin
	// DynamicDNS sends a request to the host that its Host header names. There
	// is one endpoint, a wildcard such as "*.example.com:80": it defines the
	// allowed names and the port. A port in the header is ignored. A name is
	// looked up when it is first requested, and forgotten after five minutes
	// without a request. At most 1024 names are known at a time. Balancing and
	// Hash have no effect, because there is only one host per name. (Envoy's
	// dynamic_forward_proxy; Istio's DYNAMIC_DNS)
	DynamicDNS
)

// A Protocol is the protocol that a backend speaks.
type Protocol uint8

const (
	// HTTP1 is HTTP/1.1.
	HTTP1 Protocol = iota
	// HTTP2 is HTTP/2: with prior knowledge in plain text (h2c), or over TLS,
	// where the backend must agree to "h2". It is net/http's implementation.
	HTTP2
	// ClientProtocol is HTTP2 for requests that came over HTTP/2, and HTTP1 for
	// others, depending on the request's ProtoMajor. (Istio's
	// useClientProtocol)
	ClientProtocol
)

// A Transport is an implementation of the client side of HTTP/1.1.
type Transport uint8

const (
	// Direct writes a request and reads its response in the handler's own
	// goroutine, and reads responses strictly.
	Direct Transport = iota
	// NetHTTP is net/http's Transport. It is more lenient: for example, it
	// accepts lines that end in a bare LF or are folded, accepts a repeated
	// Content-Length, and lets Transfer-Encoding override a Content-Length in
	// the same head. If a backend sends an unrequested response, NetHTTP may
	// use it as the response to the next request. It may also fail a request on
	// a connection that the backend has just closed. Over HTTP/1.1, a path that
	// begins with two slashes and has bytes which net/url would encode is sent
	// encoded.
	NetHTTP
)

// An Endpoint is one place where a destination runs.
type Endpoint struct {
	// Address is "host:port", where host is an IP address or, with DNS, also a
	// name; or "unix:" and the path of a socket, as in "unix:/run/x.sock" or
	// "unix:///run/x.sock".
	Address string
	// Weight is the share of requests relative to the other endpoints. Zero
	// counts as 1. Each address of a name gets the full weight.
	Weight int
	// Labels are compared with the proxy's for failover.
	Labels map[string]string
	// Locality is where the endpoint runs: "region/zone/subzone", where parts at
	// the end may be missing.
	Locality string
}

// Config defines where the requests of a destination go, and how. The zero
// value of every field is its default.
type Config struct {
	// Name is the destination in errors, such as
	// "outbound|8080||reviews.default.svc.cluster.local".
	Name string

	// Endpoints are where the destination runs. An empty list is valid: every
	// request then fails with "no healthy upstream".
	Endpoints []Endpoint
	// Resolution defines how the endpoints become addresses.
	Resolution Resolution
	// Resolver looks up names. Nil is net.DefaultResolver.
	Resolver Resolver
	// Refresh is the time between two lookups of a name if the answer has no
	// TTL, or after a failed lookup. Only a TTLResolver returns a TTL. 0 is
	// DefaultRefresh. A random time of up to 100 ms is added to each wait.
	Refresh time.Duration
	// Discovery yields the endpoints, instead of Endpoints and Resolution.
	// Their addresses have the form of Static's; endpoints that New would
	// reject are left out. The first requests wait up to 15 s for the first
	// endpoints.
	Discovery Discovery

	// Notify is told of the endpoints' changes. It must return soon, and may be
	// called concurrently. Nil is not called.
	Notify func(Event)

	// Protocol is the protocol that the endpoints speak.
	Protocol Protocol
	// Transport is the implementation of HTTP/1.1.
	Transport Transport
	// TLS encrypts connections; nil is plain text. If its ServerName is empty,
	// the host of each request is sent as SNI and verified instead. NextProtos
	// is set from Protocol. The Config is cloned.
	//
	// If SubjectAltNames or AnyName is set, it decides which names a
	// certificate must have, instead of the server's name. InsecureSkipVerify
	// in TLS accepts any certificate in any case.
	TLS *tls.Config
	// SubjectAltNames are the accepted names; an endpoint's certificate must
	// have one of them: DNS names, IP addresses, URIs or mail addresses.
	SubjectAltNames []string
	// AnyName accepts any certificate of a trusted authority, whatever its
	// name. It has no effect if SubjectAltNames is set.
	AnyName bool

	// CRLs are lists of revoked certificates. If there are any, each
	// certificate in an endpoint's chain, including the root, must be covered
	// by a valid list of its issuer, and must not be in it. A list with a
	// critical extension applies to only some of an issuer's certificates, so
	// it covers none. CRLs have no effect if any certificate is accepted.
	CRLs []*x509.RevocationList

	// ProxyProtocol begins each connection with a PROXY header that names the
	// client connection for which it is made. The addresses are the request's
	// RemoteAddr and its context's http.LocalAddrContextKey. Only requests from
	// that client connection share it.
	ProxyProtocol ProxyProtocol

	// BasePath is put before the path of each request, in its encoded form.
	// Slashes at its end are ignored.
	BasePath string

	// ConnectTimeout limits connecting, TLS included. 0 is
	// DefaultConnectTimeout.
	ConnectTimeout time.Duration
	// EarlyConnectTimeout limits connecting instead, while the response writer would
	// try another endpoint: see ConnectRetrier. 0 is ConnectTimeout.
	EarlyConnectTimeout time.Duration
	// JudgeWholeResponses makes Outliers count a response when its body ends, instead
	// of its head. A body that the backend cuts then is a failure, and not a success and
	// a failure. Responses with 5xx are counted at once.
	JudgeWholeResponses bool
	// IdleTimeout is how long an unused connection is kept. 0 is
	// DefaultIdleTimeout, and a negative value keeps connections without limit.
	IdleTimeout time.Duration
	// MaxIdle is how many unused connections to each endpoint are kept. 0 is
	// DefaultMaxIdle, and a negative value keeps none: each request has its own
	// connection. It does not limit connections in use.
	MaxIdle int
	// MaxRequestsPerConnection is how many requests a connection is used for. 0
	// is without limit, and 1 gives each request its own connection.
	MaxRequestsPerConnection int
	// MaxConcurrentStreams is how many requests an HTTP/2 connection carries at
	// a time, if the backend allows as many. Further requests get another
	// connection, or wait if Limits allows no more. 0 is without limit.
	MaxConcurrentStreams int
	// MaxConnectionDuration is the age from which a connection gets no more
	// requests. 0 is without limit.
	MaxConnectionDuration time.Duration
	// PingInterval is how long an HTTP/2 connection may be silent before a PING
	// is sent. PingTimeout is how long the peer may take to answer before the
	// connection is closed. A PingInterval of 0 sends no PINGs, and a
	// PingTimeout of 0 is 15s. (Istio's http2KeepAlive)
	PingInterval, PingTimeout time.Duration
	// KeepAlive configures TCP keep-alive probes. Nil is the default of
	// net.Dialer. It has no effect on Dial.
	KeepAlive *net.KeepAliveConfig
	// MaxHeaderBytes limits the head of a response, and its trailer. 0 is
	// DefaultMaxHeaderBytes.
	MaxHeaderBytes int
	// MaxHeaders limits the header lines in a response's head, and in its
	// trailer. 0 is DefaultMaxHeaders. NetHTTP has no such limit.
	MaxHeaders int

	// Balancing defines how the host of a request is chosen. If its Random is
	// nil, the Random below is used. Its Now is also the clock of Outliers.
	// OutlierDetection of its Locality is set from Outliers.
	Balancing Balancing
	// Hash is the list of keys of consistent hashing, for the policies that hash.
	// All keys that a request has are combined.
	// Without keys they choose any host.
	Hash []HashKey
	// ClientAddress returns the trusted address of the client, for a Hash by
	// SourceIP. Nil is the request's RemoteAddr.
	ClientAddress func(*http.Request) netip.AddrPort
	// Outliers defines when failing hosts are ejected. Nil is never. A try that
	// ends with its context counts as a timeout if the context's cause is a
	// timeout; see ErrTimeout.
	Outliers *OutlierDetection
	// Limits bounds what all hosts of the destination together have in use at
	// the same time. Nil is no limit.
	Limits *Limits

	// Random is the source of randomness of the balancer. It must be safe for
	// concurrent use. Nil is math/rand/v2's Uint64.
	Random func() uint64
	// Dial opens a connection to an address ("tcp", "127.0.0.1:80", or "unix" and
	// a path). Nil is a net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// check returns all errors in c.
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
	for name, d := range map[string]time.Duration{"connect timeout": c.ConnectTimeout, "early connect timeout": c.EarlyConnectTimeout, "refresh interval": c.Refresh, "connection duration": c.MaxConnectionDuration,
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

// checkBalancing reports errors in how hosts are chosen. Tables that are too
// large would make New take long, and a table whose size is not prime would
// make it loop forever.
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

// The largest sizes, as in Envoy.
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
