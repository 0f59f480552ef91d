package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDestinationPolicy(t *testing.T) {
	random, turns := &LoadBalancer{Simple: BalanceRandom}, &LoadBalancer{Simple: BalanceRoundRobin}
	pool, small := &ConnectionPool{TCP: &TCPSettings{MaxConnections: 9}}, &ConnectionPool{TCP: &TCPSettings{MaxConnections: 1}}
	ejection, tls := &OutlierDetection{Interval: time.Second}, &ClientTLS{Mode: ClientTLSSimple}
	budget, v2 := &RetryBudget{MinRetryConcurrency: 1}, &ProxyProtocol{ProxyProtocolV2}
	labels := map[string]string{"version": "1"}
	subset := func(p *TrafficPolicy) []Subset { return []Subset{{Name: "v1", Labels: labels, TrafficPolicy: p}} }
	at := func(port int, p PortTrafficPolicy) []PortTrafficPolicy {
		p.Port = port
		return []PortTrafficPolicy{{Port: 1, TLS: tls}, p}
	}
	tests := []struct {
		name   string
		rule   DestinationRule
		subset string
		want   destinationPolicy
	}{
		{"nothing", DestinationRule{}, "", destinationPolicy{}},
		{"all blocks", DestinationRule{TrafficPolicy: &TrafficPolicy{
			LoadBalancer: random, ConnectionPool: pool, OutlierDetection: ejection, TLS: tls, RetryBudget: budget,
		}}, "", destinationPolicy{loadBalancer: random, connectionPool: pool, outlierDetection: ejection, tls: tls, retryBudget: budget}},
		{"a subset is not asked for", DestinationRule{TrafficPolicy: &TrafficPolicy{LoadBalancer: random}, Subsets: subset(&TrafficPolicy{LoadBalancer: turns})},
			"", destinationPolicy{loadBalancer: random}},
		{"a subset without policy has the rule's", DestinationRule{TrafficPolicy: &TrafficPolicy{LoadBalancer: random}, Subsets: subset(nil)},
			"v1", destinationPolicy{labels: labels, loadBalancer: random}},
		{"a subset overrides block by block", DestinationRule{
			TrafficPolicy: &TrafficPolicy{LoadBalancer: random, ConnectionPool: pool, TLS: tls},
			Subsets:       subset(&TrafficPolicy{LoadBalancer: turns, ConnectionPool: &ConnectionPool{}, OutlierDetection: ejection}),
		}, "v1", destinationPolicy{labels: labels, loadBalancer: turns, connectionPool: &ConnectionPool{}, outlierDetection: ejection, tls: tls}},

		{"settings for a port replace all blocks", DestinationRule{TrafficPolicy: &TrafficPolicy{
			LoadBalancer: random, OutlierDetection: ejection, TLS: tls, PortLevelSettings: at(80, PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", destinationPolicy{connectionPool: pool}},
		{"settings for another port", DestinationRule{TrafficPolicy: &TrafficPolicy{
			LoadBalancer: random, PortLevelSettings: at(8080, PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", destinationPolicy{loadBalancer: random}},
		{"the first settings for a port", DestinationRule{TrafficPolicy: &TrafficPolicy{
			PortLevelSettings: append(at(80, PortTrafficPolicy{LoadBalancer: random}), PortTrafficPolicy{Port: 80, LoadBalancer: turns}),
		}}, "", destinationPolicy{loadBalancer: random}},
		{"a subset has the rule's settings for a port", DestinationRule{
			TrafficPolicy: &TrafficPolicy{LoadBalancer: random, PortLevelSettings: at(80, PortTrafficPolicy{ConnectionPool: pool})},
			Subsets:       subset(&TrafficPolicy{OutlierDetection: ejection}),
		}, "v1", destinationPolicy{labels: labels, connectionPool: pool, outlierDetection: ejection}},
		{"a subset's block is more than the rule's for a port", DestinationRule{
			TrafficPolicy: &TrafficPolicy{PortLevelSettings: at(80, PortTrafficPolicy{ConnectionPool: pool, LoadBalancer: random})},
			Subsets:       subset(&TrafficPolicy{ConnectionPool: small}),
		}, "v1", destinationPolicy{labels: labels, connectionPool: small, loadBalancer: random}},
		{"a subset's settings for a port are the last word", DestinationRule{
			TrafficPolicy: &TrafficPolicy{TLS: tls, PortLevelSettings: at(80, PortTrafficPolicy{ConnectionPool: pool, LoadBalancer: random})},
			Subsets:       subset(&TrafficPolicy{ConnectionPool: small, PortLevelSettings: at(80, PortTrafficPolicy{LoadBalancer: turns})}),
		}, "v1", destinationPolicy{labels: labels, loadBalancer: turns}},

		{"a budget stays at a port", DestinationRule{TrafficPolicy: &TrafficPolicy{
			RetryBudget: budget, PortLevelSettings: at(80, PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", destinationPolicy{connectionPool: pool, retryBudget: budget}},
		{"a client's address stays at a port", DestinationRule{TrafficPolicy: &TrafficPolicy{
			ProxyProtocol: v2, PortLevelSettings: at(80, PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", destinationPolicy{connectionPool: pool, proxyProtocol: v2}},
		{"a subset's version", DestinationRule{
			TrafficPolicy: &TrafficPolicy{ProxyProtocol: &ProxyProtocol{}}, Subsets: subset(&TrafficPolicy{ProxyProtocol: v2}),
		}, "v1", destinationPolicy{labels: labels, proxyProtocol: v2}},
		{"a subset without version", DestinationRule{
			TrafficPolicy: &TrafficPolicy{ProxyProtocol: v2}, Subsets: subset(&TrafficPolicy{TLS: tls}),
		}, "v1", destinationPolicy{labels: labels, proxyProtocol: v2, tls: tls}},
		{"a budget needs a pool", DestinationRule{TrafficPolicy: &TrafficPolicy{RetryBudget: budget}}, "", destinationPolicy{}},
		{"a budget needs a pool at the port", DestinationRule{TrafficPolicy: &TrafficPolicy{
			ConnectionPool: pool, RetryBudget: budget, PortLevelSettings: at(80, PortTrafficPolicy{TLS: tls}),
		}}, "", destinationPolicy{tls: tls}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Host = "r.test"
			b := newRuleIndex([]DestinationRule{tt.rule}, "default", workload{namespace: "default"}).find("r.test", "default")
			p, known := b.policy(portReference{80, true}, tt.subset)
			require.True(t, known)
			require.Equal(t, tt.want, p)
		})
	}
}

func TestDestinationPolicyOfUnknownSubset(t *testing.T) {
	b := &boundRule{traffic: marked("a"), subsets: map[string]*Subset{"v1": {Name: "v1"}}}
	p, known := b.policy(portReference{80, true}, "v2")
	require.False(t, known)
	require.Zero(t, p)
	var none *boundRule
	_, known = none.policy(portReference{80, true}, "v1")
	require.False(t, known)
	p, known = none.policy(portReference{80, true}, "")
	require.True(t, known)
	require.Zero(t, p)
}

func TestWhichHashARouteReads(t *testing.T) {
	by := func(header string) *LoadBalancer {
		return &LoadBalancer{ConsistentHash: &ConsistentHash{HTTPHeaderName: header}}
	}
	policy := func(all, port *LoadBalancer) *TrafficPolicy {
		p := &TrafficPolicy{LoadBalancer: all}
		if port != nil {
			p.PortLevelSettings = []PortTrafficPolicy{{Port: 80, LoadBalancer: port}}
		}
		return p
	}
	random := &LoadBalancer{Simple: BalanceRandom}
	tests := []struct {
		name         string
		rule, subset *TrafficPolicy
		// named and unnamed are what is hashed for a destination with and without
		// port; balanced is by which block.
		named, unnamed, balanced string
	}{
		{"the rule's", policy(by("rule"), nil), nil, "rule", "rule", "rule"},
		{"the rule's for the port", policy(by("rule"), by("port")), nil, "port", "rule", "port"},
		{"the rule's for the port alone", policy(nil, by("port")), nil, "port", "", "port"},
		{"the subset's", policy(by("rule"), by("port")), policy(by("subset"), nil), "subset", "subset", "subset"},
		{"the subset's for the port", policy(by("rule"), by("port")), policy(by("subset"), by("subset port")), "subset port", "subset", "subset port"},
		{"the subset's for the port alone", policy(by("rule"), by("port")), policy(nil, by("subset port")), "subset port", "rule", "subset port"},
		{"the rule's under a subset without one", policy(by("rule"), by("port")), policy(nil, nil), "port", "rule", "port"},
		{"nothing is hashed for a port that balances at random", policy(by("rule"), random), nil, "", "", ""},
		{"nothing is hashed for a subset that balances at random", policy(by("rule"), nil), policy(random, nil), "", "", ""},
		{"the rule's value on the port's algorithm", policy(by("rule"), by("port")), nil, "port", "rule", "port"},
	}
	header := func(h *ConsistentHash) string {
		if h == nil {
			return ""
		}
		return h.HTTPHeaderName
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &boundRule{traffic: tt.rule, subsets: map[string]*Subset{"v1": {Name: "v1", TrafficPolicy: tt.subset}}}
			name := ""
			if tt.subset != nil {
				name = "v1"
			}
			named, _ := b.policy(portReference{80, true}, name)
			unnamed, _ := b.policy(portReference{80, false}, name)
			require.Equal(t, tt.named, header(named.hash))
			require.Equal(t, tt.unnamed, header(unnamed.hash))
			require.Equal(t, tt.balanced, header(named.loadBalancer.ConsistentHash))
			require.Equal(t, named.loadBalancer, unnamed.loadBalancer)
		})
	}
}

func TestIdleTimeoutOfPolicy(t *testing.T) {
	zero, minute := time.Duration(0), time.Minute
	tests := []struct {
		name string
		pool *ConnectionPool
		want time.Duration
	}{
		{"no pool", nil, 0},
		{"no timeout", &ConnectionPool{TCP: &TCPSettings{}, HTTP: &HTTPSettings{}}, 0},
		{"of connections", &ConnectionPool{TCP: &TCPSettings{IdleTimeout: &minute}}, time.Minute},
		{"of connections, for ever", &ConnectionPool{TCP: &TCPSettings{IdleTimeout: &zero}}, -1},
		{"of requests first", &ConnectionPool{TCP: &TCPSettings{IdleTimeout: &zero}, HTTP: &HTTPSettings{IdleTimeout: time.Second}}, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, (&destinationPolicy{connectionPool: tt.pool}).idleTimeout())
		})
	}
}
