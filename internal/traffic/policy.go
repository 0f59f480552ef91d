package traffic

import (
	"time"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// A Policy is what the DestinationRule of a host declares for one destination: for
// a port, or for a subset at a port. The zero value is Istio's default.
type Policy struct {
	// Origin is the origin of the rule, for findings about it.
	Origin spec.Origin
	// Labels select the endpoints. Empty selects all.
	Labels map[string]string

	// A nil block means Istio's default.
	LoadBalancer     *spec.LoadBalancer
	ConnectionPool   *spec.ConnectionPool
	OutlierDetection *spec.OutlierDetection
	TLS              *spec.ClientTLS
	RetryBudget      *spec.RetryBudget
	ProxyProtocol    *spec.ProxyProtocol

	// Hash selects the hashed value if LoadBalancer has a ConsistentHash. That
	// ConsistentHash selects the algorithm; the two differ if a destination does
	// not name its port. If Hash is nil, nothing is hashed and requests get random
	// endpoints.
	Hash *spec.ConsistentHash
	// RouteHashes are the hashes of all destinations of the route, if there are
	// several. Envoy combines all of them for each chosen destination.
	RouteHashes []*spec.ConsistentHash
}

// Hashes returns everything that is hashed for a request.
func (p *Policy) Hashes() []*spec.ConsistentHash {
	switch {
	case p.RouteHashes != nil:
		return p.RouteHashes
	case p.Hash != nil:
		return []*spec.ConsistentHash{p.Hash}
	}
	return nil
}

// A Port is the port of a destination. Named means that the destination specifies
// the number itself.
type Port struct {
	Number int
	Named  bool
}

// Policy returns what a rule declares for a port, and for a subset if it is not
// "". It reports whether the rule has the subset. A nil Rule is the default,
// without subsets.
func (b *Rule) Policy(port Port, subset string) (p Policy, known bool) {
	if b == nil {
		return p, subset == ""
	}
	p.Origin = b.origin
	var own *spec.TrafficPolicy
	if subset != "" {
		s := b.subsets[subset]
		if s == nil {
			return p, false
		}
		p.Labels, own = s.Labels, s.TrafficPolicy
		b.use(s)
	}
	for _, t := range []*spec.TrafficPolicy{b.traffic, own} {
		p.override(t, port.Number)
	}
	if p.ConnectionPool == nil {
		p.RetryBudget = nil
	}
	if p.LoadBalancer != nil && p.LoadBalancer.ConsistentHash != nil {
		p.Hash = hashOf(b.traffic, own, port)
	}
	return p, true
}

// Use notes that a destination uses the rule, with a subset of it or "".
func (b *Rule) Use(subset string) {
	if b != nil && b.subsets[subset] != nil {
		b.use(b.subsets[subset])
	}
}

func (b *Rule) use(s *spec.Subset) {
	if b.selected == nil {
		b.selected = make(map[*spec.Subset]bool)
	}
	b.selected[s] = true
}

// override replaces blocks of p with the blocks that t has. Then it replaces all
// blocks with the settings of t for the port, even missing ones (Istio's
// MergeTrafficPolicy).
func (p *Policy) override(t *spec.TrafficPolicy, port int) {
	if t == nil {
		return
	}
	if t.LoadBalancer != nil {
		p.LoadBalancer = t.LoadBalancer
	}
	if t.ConnectionPool != nil {
		p.ConnectionPool = t.ConnectionPool
	}
	if t.OutlierDetection != nil {
		p.OutlierDetection = t.OutlierDetection
	}
	if t.TLS != nil {
		p.TLS = t.TLS
	}
	if t.RetryBudget != nil {
		p.RetryBudget = t.RetryBudget
	}
	if t.ProxyProtocol != nil {
		p.ProxyProtocol = t.ProxyProtocol
	}
	if s := resource.SettingsAt(t, port); s != nil {
		p.LoadBalancer, p.ConnectionPool, p.OutlierDetection, p.TLS = s.LoadBalancer, s.ConnectionPool, s.OutlierDetection, s.TLS
	}
}

// hashOf returns the hash for a route. It is the first of: the subset's for the
// port, the subset's, the rule's for the port, the rule's. Settings for a port are
// used only if the destination names it (Istio's getHashPolicy).
func hashOf(rule, subset *spec.TrafficPolicy, port Port) *spec.ConsistentHash {
	for _, t := range []*spec.TrafficPolicy{subset, rule} {
		if s := resource.SettingsAt(t, port.Number); s != nil && port.Named && s.LoadBalancer != nil && s.LoadBalancer.ConsistentHash != nil {
			return s.LoadBalancer.ConsistentHash
		}
		if t != nil && t.LoadBalancer != nil && t.LoadBalancer.ConsistentHash != nil {
			return t.LoadBalancer.ConsistentHash
		}
	}
	return nil
}

// Any reports whether the policy differs from Istio's default.
func (p *Policy) Any() bool {
	return p.LoadBalancer != nil || p.ConnectionPool != nil || p.OutlierDetection != nil || p.TLS != nil ||
		p.RetryBudget != nil || p.ProxyProtocol != nil
}

// TCP returns the settings for connections.
func (p *Policy) TCP() spec.TCPSettings {
	if p.ConnectionPool == nil || p.ConnectionPool.TCP == nil {
		return spec.TCPSettings{}
	}
	return *p.ConnectionPool.TCP
}

// HTTP returns the settings for requests.
func (p *Policy) HTTP() spec.HTTPSettings {
	if p.ConnectionPool == nil || p.ConnectionPool.HTTP == nil {
		return spec.HTTPSettings{}
	}
	return *p.ConnectionPool.HTTP
}

// IdleTimeout returns how long an unused connection is kept: 0 means the default,
// and spec.NoLimit means forever.
func (p *Policy) IdleTimeout() time.Duration {
	if idle := p.HTTP().IdleTimeout; idle > 0 {
		return idle
	}
	return p.TCP().IdleTimeout
}
