package gateway

import (
	"time"

	"github.com/lateengo/gateway/spec"
)

// A destinationPolicy is what the DestinationRule of a host says of one
// destination: of a port, or of a subset at a port. The zero value is Istio's
// default.
type destinationPolicy struct {
	// origin is that of the rule, for what there is to say about it.
	origin spec.Origin
	// labels select the endpoints. None takes all.
	labels map[string]string

	// A block that is nil has Istio's default.
	loadBalancer     *spec.LoadBalancer
	connectionPool   *spec.ConnectionPool
	outlierDetection *spec.OutlierDetection
	tls              *spec.ClientTLS
	retryBudget      *spec.RetryBudget
	proxyProtocol    *spec.ProxyProtocol

	// hash says which value is hashed, where loadBalancer has a ConsistentHash.
	// That one has the algorithm, and this one the value; they differ where a
	// destination does not name its port. If hash is nil, nothing is hashed and
	// requests get random endpoints.
	hash *spec.ConsistentHash
}

// A portReference is a destination's port. named says that the destination
// itself gives the number.
type portReference struct {
	number int
	named  bool
}

// policy returns what a rule says of a port, and of a subset if it is not "".
// It reports whether the rule has the subset. No rule is the default, without
// subsets.
func (b *boundRule) policy(port portReference, subset string) (p destinationPolicy, known bool) {
	if b == nil {
		return p, subset == ""
	}
	p.origin = b.origin
	var own *spec.TrafficPolicy
	if subset != "" {
		s := b.subsets[subset]
		if s == nil {
			return p, false
		}
		p.labels, own = s.Labels, s.TrafficPolicy
	}
	for _, t := range []*spec.TrafficPolicy{b.traffic, own} {
		p.override(t, port.number)
	}
	if p.connectionPool == nil {
		p.retryBudget = nil
	}
	if p.loadBalancer != nil && p.loadBalancer.ConsistentHash != nil {
		p.hash = hashOf(b.traffic, own, port)
	}
	return p, true
}

// override puts the blocks that t gives in place of those of p, and then for the
// port all blocks of its settings, given or not (Istio's MergeTrafficPolicy).
func (p *destinationPolicy) override(t *spec.TrafficPolicy, port int) {
	if t == nil {
		return
	}
	if t.LoadBalancer != nil {
		p.loadBalancer = t.LoadBalancer
	}
	if t.ConnectionPool != nil {
		p.connectionPool = t.ConnectionPool
	}
	if t.OutlierDetection != nil {
		p.outlierDetection = t.OutlierDetection
	}
	if t.TLS != nil {
		p.tls = t.TLS
	}
	if t.RetryBudget != nil {
		p.retryBudget = t.RetryBudget
	}
	if t.ProxyProtocol != nil {
		p.proxyProtocol = t.ProxyProtocol
	}
	if s := settingsAt(t, port); s != nil {
		p.loadBalancer, p.connectionPool, p.outlierDetection, p.tls = s.LoadBalancer, s.ConnectionPool, s.OutlierDetection, s.TLS
	}
}

// settingsAt returns the settings for a port, or nil.
func settingsAt(t *spec.TrafficPolicy, port int) *spec.PortTrafficPolicy {
	if t != nil {
		for i := range t.PortLevelSettings {
			if s := &t.PortLevelSettings[i]; s.Port == port {
				return s
			}
		}
	}
	return nil
}

// hashOf returns the hash that a route reads: the subset's for the port, the
// subset's, the rule's for the port, the rule's. Settings for a port are read
// only where the destination names it (Istio's getHashPolicy).
func hashOf(rule, subset *spec.TrafficPolicy, port portReference) *spec.ConsistentHash {
	for _, t := range []*spec.TrafficPolicy{subset, rule} {
		if s := settingsAt(t, port.number); s != nil && port.named && s.LoadBalancer != nil && s.LoadBalancer.ConsistentHash != nil {
			return s.LoadBalancer.ConsistentHash
		}
		if t != nil && t.LoadBalancer != nil && t.LoadBalancer.ConsistentHash != nil {
			return t.LoadBalancer.ConsistentHash
		}
	}
	return nil
}

// any reports whether the policy says anything but Istio's default.
func (p *destinationPolicy) any() bool {
	return p.loadBalancer != nil || p.connectionPool != nil || p.outlierDetection != nil || p.tls != nil ||
		p.retryBudget != nil || p.proxyProtocol != nil
}

// tcp returns the settings for connections.
func (p *destinationPolicy) tcp() spec.TCPSettings {
	if p.connectionPool == nil || p.connectionPool.TCP == nil {
		return spec.TCPSettings{}
	}
	return *p.connectionPool.TCP
}

// http returns the settings for requests.
func (p *destinationPolicy) http() spec.HTTPSettings {
	if p.connectionPool == nil || p.connectionPool.HTTP == nil {
		return spec.HTTPSettings{}
	}
	return *p.connectionPool.HTTP
}

// idleTimeout returns how long an unused connection is kept: 0 is the default,
// and less is for ever.
func (p *destinationPolicy) idleTimeout() time.Duration {
	tcp, http := p.tcp(), p.http()
	switch {
	case http.IdleTimeout > 0:
		return http.IdleTimeout
	case tcp.IdleTimeout == nil:
		return 0
	case *tcp.IdleTimeout == 0:
		return -1
	}
	return *tcp.IdleTimeout
}
