package traffic

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

func TestDestinationPolicy(t *testing.T) {
	random, turns := &spec.LoadBalancer{Simple: spec.BalanceRandom}, &spec.LoadBalancer{Simple: spec.BalanceRoundRobin}
	pool, small := &spec.ConnectionPool{TCP: &spec.TCPSettings{MaxConnections: 9}}, &spec.ConnectionPool{TCP: &spec.TCPSettings{MaxConnections: 1}}
	ejection, tls := &spec.OutlierDetection{Interval: time.Second}, &spec.ClientTLS{Mode: spec.ClientTLSSimple}
	budget, v2 := &spec.RetryBudget{MinRetryConcurrency: 1}, &spec.ProxyProtocol{Version: spec.ProxyProtocolV2}
	labels := map[string]string{"version": "1"}
	subset := func(p *spec.TrafficPolicy) []spec.Subset {
		return []spec.Subset{{Name: "v1", Labels: labels, TrafficPolicy: p}}
	}
	at := func(port int, p spec.PortTrafficPolicy) []spec.PortTrafficPolicy {
		p.Port = port
		return []spec.PortTrafficPolicy{{Port: 1, TLS: tls}, p}
	}
	tests := []struct {
		name   string
		rule   spec.DestinationRule
		subset string
		want   Policy
	}{
		{"nothing", spec.DestinationRule{}, "", Policy{}},
		{"all blocks", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			LoadBalancer: random, ConnectionPool: pool, OutlierDetection: ejection, TLS: tls, RetryBudget: budget,
		}}, "", Policy{LoadBalancer: random, ConnectionPool: pool, OutlierDetection: ejection, TLS: tls, RetryBudget: budget}},
		{"a subset is not asked for", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: random}, Subsets: subset(&spec.TrafficPolicy{LoadBalancer: turns})},
			"", Policy{LoadBalancer: random}},
		{"a subset without policy has the rule's", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: random}, Subsets: subset(nil)},
			"v1", Policy{Labels: labels, LoadBalancer: random}},
		{"a subset overrides block by block", spec.DestinationRule{
			TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: random, ConnectionPool: pool, TLS: tls},
			Subsets:       subset(&spec.TrafficPolicy{LoadBalancer: turns, ConnectionPool: &spec.ConnectionPool{}, OutlierDetection: ejection}),
		}, "v1", Policy{Labels: labels, LoadBalancer: turns, ConnectionPool: &spec.ConnectionPool{}, OutlierDetection: ejection, TLS: tls}},

		{"settings for a port replace all blocks", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			LoadBalancer: random, OutlierDetection: ejection, TLS: tls, PortLevelSettings: at(80, spec.PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", Policy{ConnectionPool: pool}},
		{"settings for another port", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			LoadBalancer: random, PortLevelSettings: at(8080, spec.PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", Policy{LoadBalancer: random}},
		{"the first settings for a port", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			PortLevelSettings: append(at(80, spec.PortTrafficPolicy{LoadBalancer: random}), spec.PortTrafficPolicy{Port: 80, LoadBalancer: turns}),
		}}, "", Policy{LoadBalancer: random}},
		{"a subset has the rule's settings for a port", spec.DestinationRule{
			TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: random, PortLevelSettings: at(80, spec.PortTrafficPolicy{ConnectionPool: pool})},
			Subsets:       subset(&spec.TrafficPolicy{OutlierDetection: ejection}),
		}, "v1", Policy{Labels: labels, ConnectionPool: pool, OutlierDetection: ejection}},
		{"a subset's block is more than the rule's for a port", spec.DestinationRule{
			TrafficPolicy: &spec.TrafficPolicy{PortLevelSettings: at(80, spec.PortTrafficPolicy{ConnectionPool: pool, LoadBalancer: random})},
			Subsets:       subset(&spec.TrafficPolicy{ConnectionPool: small}),
		}, "v1", Policy{Labels: labels, ConnectionPool: small, LoadBalancer: random}},
		{"a subset's settings for a port are the last word", spec.DestinationRule{
			TrafficPolicy: &spec.TrafficPolicy{TLS: tls, PortLevelSettings: at(80, spec.PortTrafficPolicy{ConnectionPool: pool, LoadBalancer: random})},
			Subsets:       subset(&spec.TrafficPolicy{ConnectionPool: small, PortLevelSettings: at(80, spec.PortTrafficPolicy{LoadBalancer: turns})}),
		}, "v1", Policy{Labels: labels, LoadBalancer: turns}},

		{"a budget stays at a port", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			RetryBudget: budget, PortLevelSettings: at(80, spec.PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", Policy{ConnectionPool: pool, RetryBudget: budget}},
		{"a client's address stays at a port", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			ProxyProtocol: v2, PortLevelSettings: at(80, spec.PortTrafficPolicy{ConnectionPool: pool}),
		}}, "", Policy{ConnectionPool: pool, ProxyProtocol: v2}},
		{"a subset's version", spec.DestinationRule{
			TrafficPolicy: &spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{}}, Subsets: subset(&spec.TrafficPolicy{ProxyProtocol: v2}),
		}, "v1", Policy{Labels: labels, ProxyProtocol: v2}},
		{"a subset without version", spec.DestinationRule{
			TrafficPolicy: &spec.TrafficPolicy{ProxyProtocol: v2}, Subsets: subset(&spec.TrafficPolicy{TLS: tls}),
		}, "v1", Policy{Labels: labels, ProxyProtocol: v2, TLS: tls}},
		{"a budget needs a pool", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{RetryBudget: budget}}, "", Policy{}},
		{"a budget needs a pool at the port", spec.DestinationRule{TrafficPolicy: &spec.TrafficPolicy{
			ConnectionPool: pool, RetryBudget: budget, PortLevelSettings: at(80, spec.PortTrafficPolicy{TLS: tls}),
		}}, "", Policy{TLS: tls}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Host = "r.test"
			b := NewRules([]spec.DestinationRule{tt.rule}, "default", resource.Workload{Namespace: "default"}).Find("r.test", "default")
			p, known := b.Policy(Port{80, true}, tt.subset)
			require.True(t, known)
			require.Equal(t, tt.want, p)
		})
	}
}

func TestDestinationPolicyOfUnknownSubset(t *testing.T) {
	b := &Rule{traffic: marked("a"), subsets: map[string]*spec.Subset{"v1": {Name: "v1"}}}
	p, known := b.Policy(Port{80, true}, "v2")
	require.False(t, known)
	require.Zero(t, p)
	var none *Rule
	_, known = none.Policy(Port{80, true}, "v1")
	require.False(t, known)
	p, known = none.Policy(Port{80, true}, "")
	require.True(t, known)
	require.Zero(t, p)
}

func TestWhichHashARouteReads(t *testing.T) {
	by := func(header string) *spec.LoadBalancer {
		return &spec.LoadBalancer{ConsistentHash: &spec.ConsistentHash{HTTPHeaderName: header}}
	}
	policy := func(all, port *spec.LoadBalancer) *spec.TrafficPolicy {
		p := &spec.TrafficPolicy{LoadBalancer: all}
		if port != nil {
			p.PortLevelSettings = []spec.PortTrafficPolicy{{Port: 80, LoadBalancer: port}}
		}
		return p
	}
	random := &spec.LoadBalancer{Simple: spec.BalanceRandom}
	tests := []struct {
		name         string
		rule, subset *spec.TrafficPolicy
		// named and unnamed are the hashed values for a destination with and
		// without port; balanced is the block that decides.
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
	header := func(h *spec.ConsistentHash) string {
		if h == nil {
			return ""
		}
		return h.HTTPHeaderName
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &Rule{traffic: tt.rule, subsets: map[string]*spec.Subset{"v1": {Name: "v1", TrafficPolicy: tt.subset}}}
			name := ""
			if tt.subset != nil {
				name = "v1"
			}
			named, _ := b.Policy(Port{80, true}, name)
			unnamed, _ := b.Policy(Port{80, false}, name)
			require.Equal(t, tt.named, header(named.Hash))
			require.Equal(t, tt.unnamed, header(unnamed.Hash))
			require.Equal(t, tt.balanced, header(named.LoadBalancer.ConsistentHash))
			require.Equal(t, named.LoadBalancer, unnamed.LoadBalancer)
		})
	}
}

func TestIdleTimeoutOfPolicy(t *testing.T) {
	tests := []struct {
		name string
		pool *spec.ConnectionPool
		want time.Duration
	}{
		{"no pool", nil, 0},
		{"no timeout", &spec.ConnectionPool{TCP: &spec.TCPSettings{}, HTTP: &spec.HTTPSettings{}}, 0},
		{"of connections", &spec.ConnectionPool{TCP: &spec.TCPSettings{IdleTimeout: time.Minute}}, time.Minute},
		{"of connections, for ever", &spec.ConnectionPool{TCP: &spec.TCPSettings{IdleTimeout: spec.NoLimit}}, -1},
		{"of requests first", &spec.ConnectionPool{TCP: &spec.TCPSettings{IdleTimeout: spec.NoLimit}, HTTP: &spec.HTTPSettings{IdleTimeout: time.Second}}, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, (&Policy{ConnectionPool: tt.pool}).IdleTimeout())
		})
	}
}
