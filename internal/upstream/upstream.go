// Package upstream is what stands behind a destination that runs outside this
// process: it sends a request to one of the destination's endpoints and streams
// the response back, as Envoy's router and HTTP codec do.
//
// A Config, written by hand or by FromURL, says where the requests go. New makes
// an Upstream of it, which is an http.Handler for requests that have already been
// routed, rewritten and given their forwarding headers.
package upstream

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
	"github.com/lateengo/gateway/internal/upstream/internal/limits"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// An Upstream proxies requests to the endpoints of one destination. It is safe
// for concurrent use. Its requests share no lock but that of the idle connections
// of an endpoint, with Limits that of those who wait for one, and with DynamicDNS
// one for reading.
type Upstream struct {
	config Config
	// over holds what connections are made with, by the protocol that they speak.
	over [2]*Config
	// base is BasePath without slashes at its end.
	base  string
	hosts atomic.Pointer[hostSet]
	// names are those that requests ask for, where the Resolution is DynamicDNS.
	names *nameTable
	// detector and breaker are nil if there is no outlier detection, or are no
	// limits.
	detector *outlier.Detector
	breaker  *limits.Breaker

	mu      sync.Mutex // guards lookups and changes of hosts
	lookups []*lookup
	// resolved is closed when every name has been looked up once, which
	// unresolved ones have not.
	resolved   chan struct{}
	unresolved atomic.Int64
	stop       context.CancelFunc
	stopped    sync.WaitGroup
}

// New returns an Upstream for c, or all that is wrong with c. Where names have to
// be looked up, it starts a goroutine that Close stops, and the first requests
// wait for the first answers. With DynamicDNS it is requests that start them.
func New(c Config) (*Upstream, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.setDefaults()
	u := &Upstream{config: c, over: [...]*Config{HTTP1: c.over(HTTP1), HTTP2: c.over(HTTP2)}, base: strings.TrimRight(c.BasePath, "/")}
	if c.Limits != nil {
		u.breaker = limits.New(*c.Limits, u.now)
	}
	if c.Outliers != nil {
		u.detector = outlier.New(*c.Outliers, u.now, func() {
			if s := u.hosts.Load(); s != nil {
				s.balancer.Update()
			}
		})
	}
	u.start()
	return u, nil
}

// setDefaults fills in what is zero.
func (c *Config) setDefaults() {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Refresh == 0 {
		c.Refresh = DefaultRefresh
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = DefaultConnectTimeout
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = DefaultIdleTimeout
	}
	if c.MaxIdle == 0 {
		c.MaxIdle = DefaultMaxIdle
	}
	if c.MaxHeaderBytes == 0 {
		c.MaxHeaderBytes = DefaultMaxHeaderBytes
	}
	if c.MaxHeaders == 0 {
		c.MaxHeaders = DefaultMaxHeaders
	}
	if c.Random == nil {
		c.Random = rand.Uint64
	}
	if c.Dial == nil {
		c.Dial = c.dialer()
	}
	if c.TLS != nil {
		c.setVerification()
	}
	if c.Balancing.Random == nil {
		c.Balancing.Random = c.Random
	}
	if c.Balancing.Locality != nil {
		locality := *c.Balancing.Locality
		locality.OutlierDetection = c.Outliers != nil
		c.Balancing.Locality = &locality
	}
}

// Close stops looking names up and closes all connections that are not in use.
// Requests in flight go on to their end, and so does a request that begins later;
// their connections are closed then. Close returns nil.
func (u *Upstream) Close() error {
	if u.names != nil {
		u.names.close()
	}
	u.stop()
	u.stopped.Wait()
	for _, h := range u.hosts.Load().hosts {
		h.retire()
	}
	return nil
}

// ServeHTTP sends r to an endpoint and its response to w.
//
// The request line is r.Method, BasePath and the path of r.URL exactly as
// package rawpath reads it, and RawQuery; the authority is r.Host. Headers are
// sent as they are, without those that concern only the client's connection, and
// none is added, with one exception: "Upgrade: websocket" is kept in an HTTP/1.1
// request, and after a 101 response ServeHTTP joins the two connections until one
// of them ends or r's context does. Bodies and trailers are streamed in both
// directions, and responses with a 1xx status forwarded.
//
// When the exchange fails before the head of a response arrived, w answers it if
// it is a FailureRecorder, else Envoy's answer is written. A response that
// cannot be finished ends in a panic with http.ErrAbortHandler, so that the
// client cannot take it for a whole one.
//
// The header of w may already hold headers, to which those of the response are
// added, and a cookie if Hash creates one. r is not changed. If the response ends before the request's body does, a
// Read of r.Body may still be waiting for the client when ServeHTTP returns, as
// with httputil.ReverseProxy.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var hash hashkey.Hash
	if u.config.Hash != nil {
		hash = u.config.hash(r)
	}
	h, err := u.pick(r, balance.Request{Hash: hash.Value, Hashed: hash.Found})
	if err != nil {
		unpicked(w, r, err)
		return
	}
	defer h.release()
	protocol := u.config.protocolOf(r)
	if recorder, ok := w.(HostRecorder); ok {
		recorder.UpstreamHost(h.public(protocol))
	}
	if r.ProtoMajor == 1 && hasBody(r) {
		// Else net/http's server reads the whole body before it sends a response.
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	sent, err := h.client.serve(exchange{
		upstream: u, host: h, w: w, r: r,
		path:    cleanTarget(u.base + rawpath.Of(r.URL)),
		query:   cleanTarget(r.URL.RawQuery),
		cookie:  hash.SetCookie,
		upgrade: upgradeOf(r, protocol),
	})
	if err != nil {
		u.failed(w, r, h, err, sent)
	}
}

// unpicked answers a request for which there is no host. Like failed it stands apart
// from ServeHTTP, whose stack is that of most requests.
func unpicked(w http.ResponseWriter, r *http.Request, err error) {
	fail(w, r, classify(r.Context(), err, false))
}

// failed answers a request to h that failed.
func (u *Upstream) failed(w http.ResponseWriter, r *http.Request, h *host, err error, sent bool) {
	f := classify(r.Context(), err, sent)
	f.Host = h.public(u.config.protocolOf(r))
	h.reportFailure(&f)
	fail(w, r, f)
}

// AcquireRetry lets one more retry begin, which calls ReleaseRetry when it ends, or
// reports that the destination's limits allow no more at the same time.
func (u *Upstream) AcquireRetry() bool { return u.breaker == nil || u.breaker.AcquireRetry() }

// ReleaseRetry ends a retry.
func (u *Upstream) ReleaseRetry() {
	if u.breaker != nil {
		u.breaker.ReleaseRetry()
	}
}

// pick chooses a host, and counts a request to it. As long as none is known, and
// names are being looked up for the first time, it waits.
func (u *Upstream) pick(r *http.Request, b balance.Request) (*host, error) {
	ctx := r.Context()
	if u.names != nil {
		return u.names.pick(ctx, r.Host)
	}
	if h := u.choose(ctx, b); h != nil {
		return h, nil
	}
	select {
	case <-u.resolved:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h := u.choose(ctx, b); h != nil {
		return h, nil
	}
	return nil, errNoEndpoint
}

// choose chooses one of the hosts that are known and healthy now, or none.
func (u *Upstream) choose(ctx context.Context, r balance.Request) *host {
	if u.detector != nil {
		u.detector.Sweep()
	}
	set := u.hosts.Load()
	if len(set.hosts) > 1 {
		if tried, ok := ctx.Value(triedKey{}).(*Tried); ok {
			r.Tried, r.RemoteLocalities = tried.hosts, tried.RemoteLocalities
		}
	}
	i := set.balancer.Pick(r)
	if i < 0 {
		return nil
	}
	h := set.hosts[i]
	h.state.Active.Add(1)
	return h
}

// cleanTarget percent-encodes what would end a request line early, or begin
// another part of its target; a client of HTTP/2 can send such bytes.
func cleanTarget(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] > ' ' && s[i] != 0x7f && s[i] != '#'
	}
	if clean {
		return s
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
