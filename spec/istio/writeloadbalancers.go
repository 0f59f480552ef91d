package istio

import (
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

func (w *writer) loadBalancer(doc *written, path string, s *spec.LoadBalancer) *networking.LoadBalancerSettings {
	if s == nil {
		return nil
	}
	m := &networking.LoadBalancerSettings{LocalityLbSetting: w.locality(doc, path+".localityLbSetting", s.Locality)}
	if k := s.Warmup; k != nil {
		m.Warmup = &networking.WarmupConfiguration{
			Duration: durationMessage(k.Duration), MinimumPercent: floatMessage(k.MinimumPercent), Aggression: floatMessage(k.Aggression),
		}
	}
	simple := networking.LoadBalancerSettings_LEAST_REQUEST
	switch s.Simple {
	case spec.BalanceLeastRequest:
	case spec.BalanceRoundRobin:
		simple = networking.LoadBalancerSettings_ROUND_ROBIN
	case spec.BalanceRandom:
		simple = networking.LoadBalancerSettings_RANDOM
	case spec.BalancePassthrough:
		simple = networking.LoadBalancerSettings_PASSTHROUGH
	default:
		w.lost(doc, path+".simple", fmt.Sprintf("%d is not a balancer", s.Simple))
	}
	if s.ConsistentHash == nil {
		m.LbPolicy = &networking.LoadBalancerSettings_Simple{Simple: simple}
		return m
	}
	if s.Simple != spec.BalanceLeastRequest {
		w.lost(doc, path+".simple", "it cannot be combined with consistentHash")
	}
	m.LbPolicy = &networking.LoadBalancerSettings_ConsistentHash{ConsistentHash: w.consistentHash(doc, path+".consistentHash", s.ConsistentHash)}
	return m
}

func (w *writer) consistentHash(doc *written, path string, s *spec.ConsistentHash) *networking.LoadBalancerSettings_ConsistentHashLB {
	m := &networking.LoadBalancerSettings_ConsistentHashLB{}
	keys := 0
	if s.HTTPHeaderName != "" {
		keys++
		m.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_HttpHeaderName{HttpHeaderName: s.HTTPHeaderName}
	}
	if c := s.HTTPCookie; c != nil {
		keys++
		cookie := &networking.LoadBalancerSettings_ConsistentHashLB_HTTPCookie{Name: c.Name, Path: c.Path}
		if c.TTL != nil {
			cookie.Ttl = durationpb.New(*c.TTL)
		}
		for _, a := range c.Attributes {
			cookie.Attributes = append(cookie.Attributes, &networking.LoadBalancerSettings_ConsistentHashLB_HTTPCookie_Attribute{Name: a.Name, Value: a.Value})
		}
		m.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie{HttpCookie: cookie}
	}
	if s.UseSourceIP {
		keys++
		m.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_UseSourceIp{UseSourceIp: true}
	}
	if s.HTTPQueryParameterName != "" {
		keys++
		m.HashKey = &networking.LoadBalancerSettings_ConsistentHashLB_HttpQueryParameterName{HttpQueryParameterName: s.HTTPQueryParameterName}
	}
	if keys > 1 {
		w.lost(doc, path, "it has several values to hash: only one can be chosen")
	}
	if s.RingHash != nil && s.Maglev != nil {
		w.lost(doc, path+".maglev", "it cannot be combined with ringHash")
	}
	size := func(field string, n int) uint64 {
		if n < 0 {
			w.lost(doc, path+"."+field, fmt.Sprintf("%d is not a size", n))
			return 0
		}
		return uint64(n)
	}
	switch {
	case s.RingHash != nil:
		m.HashAlgorithm = &networking.LoadBalancerSettings_ConsistentHashLB_RingHash_{RingHash: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash{
			MinimumRingSize: size("ringHash.minimumRingSize", s.RingHash.MinimumRingSize)}}
	case s.Maglev != nil:
		m.HashAlgorithm = &networking.LoadBalancerSettings_ConsistentHashLB_Maglev{Maglev: &networking.LoadBalancerSettings_ConsistentHashLB_MagLev{
			TableSize: size("maglev.tableSize", s.Maglev.TableSize)}}
	}
	return m
}

func (w *writer) locality(doc *written, path string, s *spec.LocalityLB) *networking.LocalityLoadBalancerSetting {
	if s == nil {
		return nil
	}
	m := &networking.LocalityLoadBalancerSetting{Enabled: boolMessage(s.Enabled), FailoverPriority: s.FailoverPriority}
	for i, d := range s.Distribute {
		each := &networking.LocalityLoadBalancerSetting_Distribute{From: d.From}
		if len(d.To) > 0 {
			each.To = make(map[string]uint32, len(d.To))
			for place, share := range d.To {
				each.To[place] = number32[uint32](w, doc, fmt.Sprintf("%s.distribute[%d].to[%s]", path, i, place), share)
			}
		}
		m.Distribute = append(m.Distribute, each)
	}
	for _, f := range s.Failover {
		m.Failover = append(m.Failover, &networking.LocalityLoadBalancerSetting_Failover{From: f.From, To: f.To})
	}
	return m
}
