package gateway

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPrintedPolicy(t *testing.T) {
	hashed := func(h ConsistentHash) destinationPolicy {
		return destinationPolicy{loadBalancer: &LoadBalancer{ConsistentHash: &h}, hash: &h}
	}
	balancer := func(b LoadBalancer) destinationPolicy { return destinationPolicy{loadBalancer: &b} }
	off, on := false, true
	tests := []struct {
		name   string
		policy destinationPolicy
		want   string
	}{
		{"the default", destinationPolicy{}, ""},
		{"the default, written out", destinationPolicy{
			loadBalancer:   &LoadBalancer{Locality: &LocalityLB{Enabled: &on}},
			connectionPool: &ConnectionPool{TCP: &TCPSettings{}, HTTP: &HTTPSettings{H2UpgradePolicy: H2DoNotUpgrade}}, tls: &ClientTLS{SNI: "a.test"},
		}, ""},
		{"in turn", balancer(LoadBalancer{Simple: BalanceRoundRobin}), "balance ROUND_ROBIN\n"},
		{"at random", balancer(LoadBalancer{Simple: BalanceRandom, Warmup: &Warmup{Duration: 1}}), "balance RANDOM\n"},
		{"passthrough", balancer(LoadBalancer{Simple: BalancePassthrough}), "balance PASSTHROUGH\n"},
		{"warm", balancer(LoadBalancer{Warmup: &Warmup{Duration: time.Minute}}), "warm up 1m0s from 10% aggression 1\n"},
		{"warm in turn", balancer(LoadBalancer{Simple: BalanceRoundRobin, Warmup: &Warmup{time.Minute, new(0.0), new(1.5)}}),
			"balance ROUND_ROBIN\nwarm up 1m0s from 0% aggression 1.5\n"},

		{"by header", hashed(ConsistentHash{HTTPHeaderName: "X-User", RingHash: &RingHash{}}), "balance ring 1024 by header x-user\n"},
		{"by source", hashed(ConsistentHash{UseSourceIP: true, RingHash: &RingHash{2048}}), "balance ring 2048 by source address\n"},
		{"by parameter", hashed(ConsistentHash{HTTPQueryParameterName: "u", Maglev: &Maglev{65537}}), "balance maglev 65537 by query parameter \"u\"\n"},
		{"by cookie", hashed(ConsistentHash{HTTPCookie: &HashCookie{Name: "u", Path: "/"}}), "balance ring 1024 by cookie \"u\"\n"},
		{"by cookie that is made", hashed(ConsistentHash{HTTPCookie: &HashCookie{"u", "/", new(time.Duration(0)), []CookieAttribute{{Name: "Secure"}, {"SameSite", "Lax"}}}}),
			"balance ring 1024 by cookie \"u\" made for 0s path \"/\" \"Secure\" \"SameSite=Lax\"\n"},
		{"by nothing", balancer(LoadBalancer{ConsistentHash: &ConsistentHash{UseSourceIP: true}}), "balance ring 1024 by nothing\n"},

		{"without locality", balancer(LoadBalancer{Locality: &LocalityLB{Enabled: &off, FailoverPriority: []string{"a"}}}), "locality ignored\n"},
		{"distributed", balancer(LoadBalancer{Locality: &LocalityLB{Distribute: []LocalityDistribute{
			{"r1/*", map[string]int{"r2/*": 20, "r1/*": 80}}, {"r2", map[string]int{"r2": 100}},
		}}}), "locality from r1/* 80% to r1/*, 20% to r2/*\nlocality from r2 100% to r2\n"},
		{"failing over", balancer(LoadBalancer{Locality: &LocalityLB{Failover: []LocalityFailover{{"r1", "r2"}}, FailoverPriority: []string{"a", "b=c"}}}),
			"locality failover from r1 to r2\nlocality priority a b=c\n"},

		{"a pool", destinationPolicy{connectionPool: &ConnectionPool{
			TCP:  &TCPSettings{1, 2 * time.Second, 3 * time.Second, new(4 * time.Second), &TCPKeepalive{5, 6 * time.Second, 7 * time.Second}},
			HTTP: &HTTPSettings{8, 9, 10, 11, 0, H2Upgrade, false, 12, &HTTP2Keepalive{13 * time.Second, 14 * time.Second}},
		}}, "connections at most 1 connect within 2s idle 4s age 3s requests 10 streams 12 keepalive probes 5 after 6s every 7s ping every 13s answered within 14s\n" +
			"requests at most 9 pending 8 retries 11 over HTTP/2\n"},
		{"idle for ever", destinationPolicy{connectionPool: &ConnectionPool{TCP: &TCPSettings{IdleTimeout: new(time.Duration(0))}}}, "connections idle for ever\n"},
		{"keepalive by default", destinationPolicy{connectionPool: &ConnectionPool{TCP: &TCPSettings{Keepalive: &TCPKeepalive{}}}}, "connections keepalive\n"},
		{"the client's protocol", destinationPolicy{connectionPool: &ConnectionPool{HTTP: &HTTPSettings{UseClientProtocol: true}}}, "requests over the client's protocol\n"},

		{"a budget", destinationPolicy{retryBudget: &RetryBudget{}, connectionPool: &ConnectionPool{HTTP: &HTTPSettings{MaxRetries: 1}}}, "retry budget 20% at least 3\n"},
		{"another budget", destinationPolicy{retryBudget: &RetryBudget{new(0.5), 1, time.Second}}, "retry budget 0.5% at least 1 over 1s\n"},

		{"the client's address", destinationPolicy{proxyProtocol: &ProxyProtocol{}}, "proxy protocol V1\n"},
		{"the client's address in binary", destinationPolicy{proxyProtocol: &ProxyProtocol{ProxyProtocolV2}}, "proxy protocol V2\n"},

		{"ejection", destinationPolicy{outlierDetection: &OutlierDetection{}}, "eject after 5xx 5 every 10s for 30s at most 10%\n"},
		{"another ejection", destinationPolicy{outlierDetection: &OutlierDetection{new(0), new(2), true, 3, time.Second, time.Minute, 100, 50}},
			"eject after gateway 2 local 3 every 1s for 1m0s at most 100% unless below 50% healthy\n"},
		{"ejection of nothing", destinationPolicy{outlierDetection: &OutlierDetection{Consecutive5xxErrors: new(0)}}, ""},

		{"TLS", destinationPolicy{tls: &ClientTLS{Mode: ClientTLSSimple}}, "tls SIMPLE\n"},
		{"verified TLS", destinationPolicy{tls: &ClientTLS{Mode: ClientTLSSimple, SNI: "a.test", CACertificates: "ca.pem", CACRL: "crl.pem", SubjectAltNames: []string{"a.test", "b.test"}}},
			"tls SIMPLE sni \"a.test\" ca \"ca.pem\" crl \"crl.pem\" names [\"a.test\" \"b.test\"]\n"},
		{"mutual TLS", destinationPolicy{tls: &ClientTLS{Mode: ClientTLSMutual, ClientCertificate: "c.pem", PrivateKey: "k.pem", CACRL: "crl.pem", InsecureSkipVerify: true}},
			"tls MUTUAL certificate \"c.pem\" key \"k.pem\" unverified\n"},
		{"credentials", destinationPolicy{tls: &ClientTLS{Mode: ClientTLSMutual, CredentialName: "c"}}, "tls MUTUAL credential \"c\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var printed text
			tt.policy.print(&printed)
			require.Equal(t, tt.want, printed.String())
		})
	}
}
