package istio

import (
	"math"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

// loadBalancer returns the load balancer at path, or nil.
func (r *reader) loadBalancer(m *networking.LoadBalancerSettings, path string) *spec.LoadBalancer {
	if m == nil {
		return nil
	}
	to := &spec.LoadBalancer{
		ConsistentHash: r.consistentHash(m.GetConsistentHash(), path+".consistentHash"),
		Locality:       locality(m.LocalityLbSetting),
		Warmup:         r.warmup(m, path),
	}
	switch m.GetSimple() {
	case networking.LoadBalancerSettings_ROUND_ROBIN:
		to.Simple = spec.BalanceRoundRobin
	case networking.LoadBalancerSettings_RANDOM:
		to.Simple = spec.BalanceRandom
	case networking.LoadBalancerSettings_PASSTHROUGH:
		to.Simple = spec.BalancePassthrough
	case leastConnections:
		r.warnAt(path+".simple", deprecated, "LEAST_CONN is deprecated; use LEAST_REQUEST, which means the same")
	}
	return to
}

func (r *reader) warmup(m *networking.LoadBalancerSettings, path string) *spec.Warmup {
	old := warmupDurationSecs(m)
	if old != nil {
		r.warnAt(path+".warmupDurationSecs@key", deprecated, "is deprecated; use warmup.duration")
	}
	switch w := m.Warmup; {
	case w != nil:
		if old != nil {
			r.warnAt(path+".warmupDurationSecs@key", "", "has no effect: warmup is also set")
		}
		return &spec.Warmup{
			Duration:       r.positive(w.Duration, path, "warmup.duration"),
			MinimumPercent: optionalFloat(w.MinimumPercent),
			Aggression:     optionalFloat(w.Aggression),
		}
	case old != nil:
		return &spec.Warmup{Duration: r.positive(old, path, "warmupDurationSecs")}
	}
	return nil
}

func (r *reader) consistentHash(m *networking.LoadBalancerSettings_ConsistentHashLB, path string) *spec.ConsistentHash {
	if m == nil {
		return nil
	}
	to := &spec.ConsistentHash{
		HTTPHeaderName:         m.GetHttpHeaderName(),
		UseSourceIP:            m.GetUseSourceIp(),
		HTTPQueryParameterName: m.GetHttpQueryParameterName(),
	}
	if c := m.GetHttpCookie(); c != nil {
		to.HTTPCookie = &spec.HashCookie{Name: c.Name, Path: c.Path, TTL: optionalDuration(c.Ttl)}
		for _, a := range c.Attributes {
			to.HTTPCookie.Attributes = append(to.HTTPCookie.Attributes, spec.CookieAttribute{Name: a.GetName(), Value: a.GetValue()})
		}
	}
	switch a := m.HashAlgorithm.(type) {
	case *networking.LoadBalancerSettings_ConsistentHashLB_RingHash_:
		to.RingHash = &spec.RingHash{MinimumRingSize: size(a.RingHash.GetMinimumRingSize())}
	case *networking.LoadBalancerSettings_ConsistentHashLB_Maglev:
		to.Maglev = &spec.Maglev{TableSize: size(a.Maglev.GetTableSize())}
	}
	if n := minimumRingSize(m); n != 0 {
		r.warnAt(path+".minimumRingSize@key", deprecated, "is deprecated; use ringHash.minimumRingSize")
		if m.HashAlgorithm != nil {
			r.errorAt(spec.CodeConflict, path+".minimumRingSize@key", "cannot be combined with ringHash or maglev, one of which is also set")
		} else {
			to.RingHash = &spec.RingHash{MinimumRingSize: size(n)}
		}
	}
	return to
}

// size returns a size. If it is too large, validation reports it.
func size(n uint64) int { return int(min(n, math.MaxInt32)) }

func locality(m *networking.LocalityLoadBalancerSetting) *spec.LocalityLB {
	if m == nil {
		return nil
	}
	to := &spec.LocalityLB{FailoverPriority: m.FailoverPriority}
	if m.Enabled != nil {
		to.Enabled = &m.Enabled.Value
	}
	for _, d := range m.Distribute {
		each := spec.LocalityDistribute{From: d.GetFrom()}
		if len(d.GetTo()) > 0 {
			each.To = make(map[string]int, len(d.GetTo()))
			for place, share := range d.GetTo() {
				each.To[place] = int(share)
			}
		}
		to.Distribute = append(to.Distribute, each)
	}
	for _, f := range m.Failover {
		to.Failover = append(to.Failover, spec.LocalityFailover{From: f.GetFrom(), To: f.GetTo()})
	}
	return to
}
