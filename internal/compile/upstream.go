package compile

import (
	"cmp"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// An upstreamDescription is the Config of an upstream, and a text that identifies
// it: descriptions with the same text can share one upstream.
type upstreamDescription struct {
	upstream.Config
	identity text.Lines
	// discovery is the argument of Discovery.
	discovery Discovery
}

// describe adds a policy to the description of an upstream. names are the service's
// names for its certificate.
func (c *Compiler) describe(d *upstreamDescription, p *traffic.Policy, names []string) {
	p.Print(&d.identity)
	c.describeBalancing(&d.Config, p)
	describePool(&d.Config, p)
	if o := p.OutlierDetection; o != nil {
		d.Outliers = outlierConfig(o)
		d.Balancing.PanicThreshold = uint32(o.MinHealthPercent)
	}
	if p.TLS != nil && p.TLS.Mode != spec.ClientTLSDisable && d.TLS == nil {
		c.describeTLS(d, p, names)
	}
	if p.ProxyProtocol != nil {
		d.ProxyProtocol = proxyProtocols[p.ProxyProtocol.Version]
	}
	d.ClientAddress = c.clientAddress()
}

var proxyProtocols = [...]upstream.ProxyProtocol{
	spec.ProxyProtocolV1: upstream.ProxyProtocolV1,
	spec.ProxyProtocolV2: upstream.ProxyProtocolV2,
}

// clientAddress returns a function that finds the client's trusted address, for
// hashing.
func (c *Compiler) clientAddress() func(*http.Request) netip.AddrPort {
	e := &edge.Edge{Trusted: c.O.Trusted}
	return func(r *http.Request) netip.AddrPort {
		peer, _ := netip.ParseAddrPort(r.RemoteAddr)
		client, err := netip.ParseAddr(e.ClientAddress(r))
		if err != nil || client == peer.Addr() {
			return peer
		}
		return netip.AddrPortFrom(client, 0)
	}
}

// balancers are the balancers without a key.
var balancers = map[spec.SimpleBalancer]upstream.Policy{
	spec.BalanceLeastRequest: upstream.LeastRequest,
	spec.BalanceRoundRobin:   upstream.RoundRobin,
	spec.BalanceRandom:       upstream.Random,
}

func (c *Compiler) describeBalancing(config *upstream.Config, p *traffic.Policy) {
	b := &config.Balancing
	var setting *spec.LocalityLB
	if l := p.LoadBalancer; l != nil {
		b.Policy = balancers[l.Simple]
		if l.Simple == spec.BalancePassthrough {
			// A gateway has no original destination.
			config.Endpoints, config.Discovery = nil, nil
		}
		if w := l.Warmup; w != nil {
			b.Warmup = &upstream.Warmup{Duration: w.Duration, MinimumPercent: upstream.DefaultWarmupMinimumPercent, Aggression: 1}
			if w.MinimumPercent != nil {
				b.Warmup.MinimumPercent = *w.MinimumPercent
			}
			if w.Aggression != nil {
				b.Warmup.Aggression = *w.Aggression
			}
		}
		if h := l.ConsistentHash; h != nil {
			b.Policy = upstream.RingHash
			if h.RingHash != nil {
				b.MinimumRingSize = uint64(h.RingHash.MinimumRingSize)
			}
			if h.Maglev != nil {
				b.Policy, b.TableSize = upstream.Maglev, uint64(h.Maglev.TableSize)
			}
		}
		setting = l.Locality
	}
	config.Hash = hashKeys(p)
	b.Locality = c.localities(setting, p.OutlierDetection != nil)
}

// hashKeys returns the hashed values. A balancer that does not hash ignores them.
func hashKeys(p *traffic.Policy) []upstream.HashKey {
	if p.LoadBalancer == nil || p.LoadBalancer.ConsistentHash == nil {
		return nil
	}
	var keys []upstream.HashKey
	for _, h := range p.Hashes() {
		keys = append(keys, hashKey(h))
	}
	return keys
}

// creatingCookies returns a handler that creates the cookies of a policy for
// clients, as an upstream does.
func (c *Compiler) creatingCookies(h http.Handler, p *traffic.Policy) http.Handler {
	var keys []upstream.HashKey
	for _, k := range hashKeys(p) {
		if k.Cookie != nil && k.Cookie.TTL != nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range keys {
			if cookie := keys[i].NewCookie(r); cookie != "" {
				w.Header().Add("Set-Cookie", cookie)
			}
		}
		h.ServeHTTP(w, r)
	})
}

// hashKey returns a hashed value.
func hashKey(h *spec.ConsistentHash) upstream.HashKey {
	k := upstream.HashKey{Header: h.HTTPHeaderName, SourceIP: h.UseSourceIP, QueryParameter: h.HTTPQueryParameterName}
	if cookie := h.HTTPCookie; cookie != nil {
		k.Cookie = &upstream.HashCookie{Name: cookie.Name, Path: cookie.Path, TTL: cookie.TTL}
		for _, a := range cookie.Attributes {
			k.Cookie.Attributes = append(k.Cookie.Attributes, upstream.CookieAttribute{Name: a.Name, Value: a.Value})
		}
	}
	return k
}

// localities returns the preference of endpoints by location. It is nil if there is
// none: the gateway needs a location, and only a setting turns off Istio's default
// preference of near endpoints.
func (c *Compiler) localities(l *spec.LocalityLB, outliers bool) *upstream.LocalitySetting {
	if c.O.Locality == "" || l != nil && l.Enabled != nil && !*l.Enabled {
		return nil
	}
	s := &upstream.LocalitySetting{
		Proxy: upstream.ParseLocality(c.O.Locality), ProxyLabels: c.O.Workload.Labels, OutlierDetection: outliers,
	}
	if l == nil {
		return s
	}
	s.FailoverPriority = l.FailoverPriority
	for _, f := range l.Failover {
		s.Failover = append(s.Failover, upstream.Failover{From: f.From, To: f.To})
	}
	for _, d := range l.Distribute {
		to := make([]upstream.LocalityWeight, 0, len(d.To))
		for _, place := range slices.Sorted(maps.Keys(d.To)) {
			to = append(to, upstream.LocalityWeight{Locality: place, Weight: uint32(d.To[place])})
		}
		s.Distribute = append(s.Distribute, upstream.Distribute{From: d.From, To: to})
	}
	return s
}

// describePool describes connections, and the limits on their use.
func describePool(config *upstream.Config, p *traffic.Policy) {
	t, h := p.TCP(), p.HTTP()
	config.ConnectTimeout = t.ConnectTimeout
	config.MaxConnectionDuration = t.MaxConnectionDuration
	config.IdleTimeout = p.IdleTimeout()
	config.MaxRequestsPerConnection = h.MaxRequestsPerConnection
	config.MaxConcurrentStreams = h.MaxConcurrentStreams
	if k := t.Keepalive; k != nil {
		config.KeepAlive = &net.KeepAliveConfig{
			// A negative value is the operating system's default; zero is Go's.
			Enable: true, Idle: cmp.Or(k.Time, -1), Interval: cmp.Or(k.Interval, -1), Count: cmp.Or(k.Probes, -1),
		}
	}
	if k := h.HTTP2Keepalive; k != nil {
		config.PingInterval, config.PingTimeout = k.Interval, k.Timeout
	}
	switch {
	case h.UseClientProtocol:
		config.Protocol = upstream.ClientProtocol
	case h.H2UpgradePolicy == spec.H2UpgradeAlways:
		config.Protocol = upstream.HTTP2
	}
	limits := upstream.Limits{
		MaxConnections:     uint32(t.MaxConnections),
		MaxPendingRequests: uint32(h.HTTP1MaxPendingRequests),
		MaxRequests:        uint32(h.HTTP2MaxRequests),
		MaxRetries:         uint32(h.MaxRetries),
	}
	if b := p.RetryBudget; b != nil {
		limits.RetryBudget = &upstream.RetryBudget{
			Percent:             upstream.DefaultBudgetPercent,
			MinRetryConcurrency: cmp.Or(uint32(b.MinRetryConcurrency), upstream.DefaultMinRetryConcurrency),
			Interval:            b.Interval,
		}
		if b.Percent != nil {
			limits.RetryBudget.Percent = *b.Percent
		}
	}
	if limits != (upstream.Limits{}) {
		config.Limits = &limits
	}
}

// outlierConfig returns the detection for an upstream.
func outlierConfig(o *spec.OutlierDetection) *upstream.OutlierDetection {
	out := &upstream.OutlierDetection{
		Consecutive5xx:         upstream.DefaultConsecutive5xx,
		SplitLocalOrigin:       o.SplitExternalLocalOriginErrors,
		ConsecutiveLocalOrigin: uint32(o.ConsecutiveLocalOriginFailures),
		Interval:               o.Interval,
		BaseEjectionTime:       o.BaseEjectionTime,
		MaxEjectionPercent:     uint32(o.MaxEjectionPercent),
	}
	if o.Consecutive5xxErrors != nil {
		out.Consecutive5xx = uint32(*o.Consecutive5xxErrors)
	}
	if o.ConsecutiveGatewayErrors != nil {
		out.ConsecutiveGatewayErrors = uint32(*o.ConsecutiveGatewayErrors)
	}
	return out
}

// placed returns the endpoint in an upstream's form, at an address.
func placed(e *spec.Endpoint, address string) upstream.Endpoint {
	return upstream.Endpoint{Address: address, Weight: e.Weight, Labels: e.Labels, Locality: resource.LocalityOf(e)}
}
