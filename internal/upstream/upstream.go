// Package upstream implements destinations that run outside this process: it
// sends a request to one of the destination's endpoints and streams the
// response back, as Envoy's router and HTTP codec do.
//
// A Config, written by hand or returned by FromURL, defines where the requests
// go. New makes an Upstream from it, which is an http.Handler for requests that
// have already been routed, rewritten and given their forwarding headers.
package upstream

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lateengo/gateway/internal/hijack"
	"github.com/lateengo/gateway/internal/rawpath"
	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
	"github.com/lateengo/gateway/internal/upstream/internal/limits"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// An Upstream proxies requests to the endpoints of one destination. It is safe
// for concurrent use. Its requests share only the lock of an endpoint's idle
// connections, with Limits the lock of the waiters for one, and with DynamicDNS
// a read lock.
type Upstream struct {
	config Config
	// over holds the Config for connections of each protocol.
	over [2]*Config
	// base is BasePath without slashes at its end.
	base  string
	hosts atomic.Pointer[hostSet]
	// names are the names that requests ask for, if the Resolution is
	// DynamicDNS.
	names *nameTable
	// detector is nil without outlier detection, and breaker is nil without
	// limits.
	detector *outlier.Detector
	breaker  *limits.Breaker

	mu      sync.Mutex // guards lookups and changes of hosts
	lookups []*lookup
	// resolved is closed after the first lookup of every name. unresolved
	// counts the names without one.
	resolved   chan struct{}
	unresolved atomic.Int64
	stop       context.CancelFunc
	stopped    sync.WaitGroup
}

// New returns an Upstream for c, or all errors in c. If there are names to look
// up, it starts a goroutine that Close stops, and the first requests wait for
// the first answers. With DynamicDNS, requests start the lookups.
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

// setDefaults sets the zero fields to their defaults.
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

// Close stops looking up names and closes all connections that are not in use.
// Requests in flight continue to their end, and so does a request that begins
// later; then their connections are closed. Close returns nil.
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
// sent unchanged, without those that apply only to the client's connection, and
// none is added. There is one exception: "Upgrade: websocket" is kept in an
// HTTP/1.1 request, and after a 101 response ServeHTTP joins the two
// connections until one of them or r's context ends. If w cannot be hijacked,
// the backend is not asked: the cause of the failure is ErrNotHijackable. Bodies
// and trailers are streamed in both directions, and responses with a 1xx status
// are forwarded.
//
// If the exchange fails before the head of a response arrives, w answers if it
// is a FailureRecorder; otherwise ServeHTTP writes Envoy's answer. If a
// response cannot be finished, ServeHTTP panics with http.ErrAbortHandler, so
// that the client cannot mistake it for a complete one.
//
// The header of w may already hold headers. ServeHTTP adds those of the
// response, and a cookie if Hash creates one. r is not changed. If the response
// ends before the request's body does, a Read of r.Body may still be waiting
// for the client when ServeHTTP returns, as with httputil.ReverseProxy.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protocol := u.config.protocolOf(r)
	upgrade := upgradeOf(r, protocol)
	if upgrade != "" && !hijack.Can(w) {
		refuseUpgrade(w, r)
		return
	}
	var hash hashkey.Hash
	if len(u.config.Hash) > 0 {
		hash = u.config.hash(r)
	}
	h, err := u.pick(r, balance.Request{Hash: hash.Value, Hashed: hash.Found})
	if err != nil {
		unpicked(w, r, err)
		return
	}
	defer h.release()
	if recorder, ok := w.(HostRecorder); ok {
		recorder.UpstreamHost(h.public(protocol))
	}
	if r.ProtoMajor == 1 && hasBody(r) {
		// Otherwise net/http's server reads the whole body before it sends a
		// response.
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	sent, err := h.client.serve(exchange{
		upstream: u, host: h, w: w, r: r,
		path:    cleanTarget(u.base + rawpath.Of(r.URL)),
		query:   cleanTarget(r.URL.RawQuery),
		cookies: hash.SetCookies,
		upgrade: upgrade,
	})
	if err != nil {
		u.failed(w, r, h, err, sent)
	}
}

// unpicked answers a request for which there is no host. Like failed, it is
// separate from ServeHTTP to keep that function's stack small for most
// requests.
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

// AcquireRetry lets one more retry begin, or reports that the destination's
// limits allow no more. The retry calls ReleaseRetry when it ends.
func (u *Upstream) AcquireRetry() bool { return u.breaker == nil || u.breaker.AcquireRetry() }

// ReleaseRetry ends a retry.
func (u *Upstream) ReleaseRetry() {
	if u.breaker != nil {
		u.breaker.ReleaseRetry()
	}
}

// pick chooses a host and counts a request to it. It waits while no host is
// known and the first lookups are running.
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

// choose chooses one of the hosts that are known and healthy now, or nil.
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

// cleanTarget percent-encodes bytes that would end a request line early or
// begin another part of its target; an HTTP/2 client can send such bytes.
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
