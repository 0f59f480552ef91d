package compile

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// described returns the upstream description for a policy.
func described(o Options, p traffic.Policy, names ...string) *upstreamDescription {
	d := &upstreamDescription{Config: upstream.Config{Endpoints: []upstream.Endpoint{{Address: "10.0.0.1:80"}}}}
	c := &Compiler{List: new(findings.List), O: &o}
	c.describe(d, &p, names)
	return d
}

func TestDescribeBalancing(t *testing.T) {
	simple := func(s spec.SimpleBalancer) traffic.Policy {
		return traffic.Policy{LoadBalancer: &spec.LoadBalancer{Simple: s}}
	}
	hashed := func(h spec.ConsistentHash) traffic.Policy {
		return traffic.Policy{LoadBalancer: &spec.LoadBalancer{ConsistentHash: &h}, Hash: &h}
	}
	require.Equal(t, upstream.LeastRequest, described(DefaultOptions(), traffic.Policy{}).Balancing.Policy)
	require.Equal(t, upstream.LeastRequest, described(DefaultOptions(), simple(spec.BalanceLeastRequest)).Balancing.Policy)
	require.Equal(t, upstream.RoundRobin, described(DefaultOptions(), simple(spec.BalanceRoundRobin)).Balancing.Policy)
	require.Equal(t, upstream.Random, described(DefaultOptions(), simple(spec.BalanceRandom)).Balancing.Policy)
	require.Len(t, described(DefaultOptions(), simple(spec.BalanceRandom)).Endpoints, 1)
	require.Empty(t, described(DefaultOptions(), simple(spec.BalancePassthrough)).Endpoints)

	ring := described(DefaultOptions(), hashed(spec.ConsistentHash{HTTPHeaderName: "x-user", RingHash: &spec.RingHash{MinimumRingSize: 2048}}))
	require.Equal(t, upstream.RingHash, ring.Balancing.Policy)
	require.EqualValues(t, 2048, ring.Balancing.MinimumRingSize)
	require.Equal(t, []upstream.HashKey{{Header: "x-user"}}, ring.Hash)

	maglev := described(DefaultOptions(), hashed(spec.ConsistentHash{UseSourceIP: true, Maglev: &spec.Maglev{TableSize: 251}}))
	require.Equal(t, upstream.Maglev, maglev.Balancing.Policy)
	require.EqualValues(t, 251, maglev.Balancing.TableSize)
	require.Equal(t, []upstream.HashKey{{SourceIP: true}}, maglev.Hash)

	require.Equal(t, []upstream.HashKey{{QueryParameter: "u"}}, described(DefaultOptions(), hashed(spec.ConsistentHash{HTTPQueryParameterName: "u"})).Hash)
	cookie := spec.HashCookie{Name: "c", Path: "/p", TTL: new(time.Minute), Attributes: []spec.CookieAttribute{{Name: "SameSite", Value: "Lax"}}}
	require.Equal(t, []upstream.HashKey{{Cookie: &upstream.HashCookie{
		Name: "c", Path: "/p", TTL: new(time.Minute), Attributes: []upstream.CookieAttribute{{Name: "SameSite", Value: "Lax"}},
	}}}, described(DefaultOptions(), hashed(spec.ConsistentHash{HTTPCookie: &cookie})).Hash)

	// A destination without a port has the algorithm but not the key.
	unnamed := hashed(spec.ConsistentHash{HTTPHeaderName: "x-user"})
	unnamed.Hash = nil
	require.Equal(t, upstream.RingHash, described(DefaultOptions(), unnamed).Balancing.Policy)
	require.Nil(t, described(DefaultOptions(), unnamed).Hash)

	warm := func(w spec.Warmup) *upstream.Warmup {
		return described(DefaultOptions(), traffic.Policy{LoadBalancer: &spec.LoadBalancer{Warmup: &w}}).Balancing.Warmup
	}
	require.Equal(t, &upstream.Warmup{Duration: time.Minute, MinimumPercent: 10, Aggression: 1}, warm(spec.Warmup{Duration: time.Minute}))
	require.Equal(t, &upstream.Warmup{Duration: time.Minute, MinimumPercent: 5, Aggression: 2},
		warm(spec.Warmup{Duration: time.Minute, MinimumPercent: new(5.0), Aggression: new(2.0)}))
}

func TestDescribeLocalities(t *testing.T) {
	local := func(l *spec.LocalityLB) traffic.Policy {
		return traffic.Policy{LoadBalancer: &spec.LoadBalancer{Locality: l}}
	}
	here := func() Options {
		o := DefaultOptions()
		o.Locality, o.Workload = "eu/a/1", resource.Workload{Namespace: "infra", Labels: map[string]string{"version": "v1"}}
		return o
	}
	require.Nil(t, described(DefaultOptions(), local(&spec.LocalityLB{})).Balancing.Locality, "a gateway that is nowhere")
	require.Nil(t, described(here(), local(&spec.LocalityLB{Enabled: new(false)})).Balancing.Locality)
	proxy := upstream.Locality{Region: "eu", Zone: "a", Subzone: "1"}
	labels := map[string]string{"version": "v1"}
	require.Equal(t, &upstream.LocalitySetting{Proxy: proxy, ProxyLabels: labels}, described(here(), traffic.Policy{}).Balancing.Locality)

	p := local(&spec.LocalityLB{
		Distribute: []spec.LocalityDistribute{{From: "eu/*", To: map[string]int{"us/*": 20, "eu/*": 80}}},
		Failover:   []spec.LocalityFailover{{From: "eu", To: "us"}}, FailoverPriority: []string{"version"},
	})
	p.OutlierDetection = &spec.OutlierDetection{}
	require.Equal(t, &upstream.LocalitySetting{
		Proxy: proxy, ProxyLabels: labels, OutlierDetection: true,
		Distribute: []upstream.Distribute{{From: "eu/*", To: []upstream.LocalityWeight{{Locality: "eu/*", Weight: 80}, {Locality: "us/*", Weight: 20}}}},
		Failover:   []upstream.Failover{{From: "eu", To: "us"}}, FailoverPriority: []string{"version"},
	}, described(here(), p).Balancing.Locality)
}

func TestDescribePool(t *testing.T) {
	plain := described(DefaultOptions(), traffic.Policy{})
	require.Nil(t, plain.Limits)
	require.Nil(t, plain.KeepAlive)
	require.Nil(t, plain.Outliers)

	d := described(DefaultOptions(), traffic.Policy{
		ConnectionPool: &spec.ConnectionPool{
			TCP:  &spec.TCPSettings{MaxConnections: 1, ConnectTimeout: 2, MaxConnectionDuration: 3, IdleTimeout: spec.NoLimit, Keepalive: &spec.TCPKeepalive{Time: 4}},
			HTTP: &spec.HTTPSettings{HTTP1MaxPendingRequests: 5, HTTP2MaxRequests: 6, MaxRequestsPerConnection: 7, MaxRetries: 8, H2UpgradePolicy: spec.H2UpgradeAlways, HTTP2Keepalive: &spec.HTTP2Keepalive{Interval: 15, Timeout: 16}, MaxConcurrentStreams: 17},
		},
		RetryBudget: &spec.RetryBudget{Interval: 18},
		OutlierDetection: &spec.OutlierDetection{
			ConsecutiveGatewayErrors: new(9), SplitExternalLocalOriginErrors: true, ConsecutiveLocalOriginFailures: 10,
			Interval: 11, BaseEjectionTime: 12, MaxEjectionPercent: 13, MinHealthPercent: 14,
		},
	})
	require.Equal(t, &upstream.Limits{
		MaxConnections: 1, MaxPendingRequests: 5, MaxRequests: 6, MaxRetries: 8,
		RetryBudget: &upstream.RetryBudget{Percent: 20, MinRetryConcurrency: 3, Interval: 18},
	}, d.Limits)
	require.EqualValues(t, 2, d.ConnectTimeout)
	require.EqualValues(t, 3, d.MaxConnectionDuration)
	require.EqualValues(t, -1, d.IdleTimeout, "for ever")
	require.Equal(t, &net.KeepAliveConfig{Enable: true, Idle: 4, Interval: -1, Count: -1}, d.KeepAlive)
	require.Equal(t, 7, d.MaxRequestsPerConnection)
	require.Equal(t, upstream.HTTP2, d.Protocol)
	require.Equal(t, &upstream.OutlierDetection{
		Consecutive5xx: 5, ConsecutiveGatewayErrors: 9, SplitLocalOrigin: true, ConsecutiveLocalOrigin: 10,
		Interval: 11, BaseEjectionTime: 12, MaxEjectionPercent: 13,
	}, d.Outliers)
	require.EqualValues(t, 14, d.Balancing.PanicThreshold)
	require.Equal(t, 17, d.MaxConcurrentStreams)
	require.EqualValues(t, 15, d.PingInterval)
	require.EqualValues(t, 16, d.PingTimeout)
	clients := &spec.HTTPSettings{UseClientProtocol: true}
	require.Equal(t, upstream.ClientProtocol, described(DefaultOptions(), traffic.Policy{ConnectionPool: &spec.ConnectionPool{HTTP: clients}}).Protocol)
	require.Equal(t, upstream.NoProxyProtocol, d.ProxyProtocol)
	require.Equal(t, upstream.ProxyProtocolV1, described(DefaultOptions(), traffic.Policy{ProxyProtocol: &spec.ProxyProtocol{}}).ProxyProtocol)
	require.Equal(t, upstream.ProxyProtocolV2, described(DefaultOptions(), traffic.Policy{ProxyProtocol: &spec.ProxyProtocol{Version: spec.ProxyProtocolV2}}).ProxyProtocol)
	off := described(DefaultOptions(), traffic.Policy{OutlierDetection: &spec.OutlierDetection{Consecutive5xxErrors: new(0)}})
	require.Zero(t, off.Outliers.Consecutive5xx)
}
