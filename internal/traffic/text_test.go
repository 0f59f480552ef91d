package traffic

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

func TestPrintedPolicy(t *testing.T) {
	hashed := func(h spec.ConsistentHash) Policy {
		return Policy{LoadBalancer: &spec.LoadBalancer{ConsistentHash: &h}, Hash: &h}
	}
	balancer := func(b spec.LoadBalancer) Policy { return Policy{LoadBalancer: &b} }
	off, on := false, true
	tests := []struct {
		name   string
		policy Policy
		want   string
	}{
		{"the default", Policy{}, ""},
		{"the default, written out", Policy{
			LoadBalancer:   &spec.LoadBalancer{Locality: &spec.LocalityLB{Enabled: &on}},
			ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{}, HTTP: &spec.HTTPSettings{H2UpgradePolicy: spec.H2UpgradeNever}}, TLS: &spec.ClientTLS{SNI: "a.test"},
		}, ""},
		{"in turn", balancer(spec.LoadBalancer{Simple: spec.BalanceRoundRobin}), "balance ROUND_ROBIN\n"},
		{"at random", balancer(spec.LoadBalancer{Simple: spec.BalanceRandom, Warmup: &spec.Warmup{Duration: 1}}), "balance RANDOM\n"},
		{"passthrough", balancer(spec.LoadBalancer{Simple: spec.BalancePassthrough}), "balance PASSTHROUGH\n"},
		{"warm", balancer(spec.LoadBalancer{Warmup: &spec.Warmup{Duration: time.Minute}}), "warm up 1m0s from 10% aggression 1\n"},
		{"warm in turn", balancer(spec.LoadBalancer{Simple: spec.BalanceRoundRobin, Warmup: &spec.Warmup{Duration: time.Minute, MinimumPercent: new(0.0), Aggression: new(1.5)}}),
			"balance ROUND_ROBIN\nwarm up 1m0s from 0% aggression 1.5\n"},

		{"by header", hashed(spec.ConsistentHash{HTTPHeaderName: "X-User", RingHash: &spec.RingHash{}}), "balance ring 1024 by header x-user\n"},
		{"by source", hashed(spec.ConsistentHash{UseSourceIP: true, RingHash: &spec.RingHash{MinimumRingSize: 2048}}), "balance ring 2048 by source address\n"},
		{"by parameter", hashed(spec.ConsistentHash{HTTPQueryParameterName: "u", Maglev: &spec.Maglev{TableSize: 65537}}), "balance maglev 65537 by query parameter \"u\"\n"},
		{"by cookie", hashed(spec.ConsistentHash{HTTPCookie: &spec.HashCookie{Name: "u", Path: "/"}}), "balance ring 1024 by cookie \"u\"\n"},
		{"by cookie that is made", hashed(spec.ConsistentHash{HTTPCookie: &spec.HashCookie{Name: "u", Path: "/", TTL: new(time.Duration(0)), Attributes: []spec.CookieAttribute{{Name: "Secure"}, {Name: "SameSite", Value: "Lax"}}}}),
			"balance ring 1024 by cookie \"u\" made for 0s path \"/\" \"Secure\" \"SameSite=Lax\"\n"},
		{"by nothing", balancer(spec.LoadBalancer{ConsistentHash: &spec.ConsistentHash{UseSourceIP: true}}), "balance ring 1024 by nothing\n"},

		{"without locality", balancer(spec.LoadBalancer{Locality: &spec.LocalityLB{Enabled: &off, FailoverPriority: []string{"a"}}}), "locality ignored\n"},
		{"distributed", balancer(spec.LoadBalancer{Locality: &spec.LocalityLB{Distribute: []spec.LocalityDistribute{
			{From: "r1/*", To: map[string]int{"r2/*": 20, "r1/*": 80}}, {From: "r2", To: map[string]int{"r2": 100}},
		}}}), "locality from r1/* 80% to r1/*, 20% to r2/*\nlocality from r2 100% to r2\n"},
		{"failing over", balancer(spec.LoadBalancer{Locality: &spec.LocalityLB{Failover: []spec.LocalityFailover{{From: "r1", To: "r2"}}, FailoverPriority: []string{"a", "b=c"}}}),
			"locality failover from r1 to r2\nlocality priority a b=c\n"},

		{"a pool", Policy{ConnectionPool: &spec.ConnectionPool{
			TCP:  &spec.TCPSettings{MaxConnections: 1, ConnectTimeout: 2 * time.Second, MaxConnectionDuration: 3 * time.Second, IdleTimeout: 4 * time.Second, Keepalive: &spec.TCPKeepalive{Probes: 5, Time: 6 * time.Second, Interval: 7 * time.Second}},
			HTTP: &spec.HTTPSettings{HTTP1MaxPendingRequests: 8, HTTP2MaxRequests: 9, MaxRequestsPerConnection: 10, MaxRetries: 11, IdleTimeout: 0, H2UpgradePolicy: spec.H2UpgradeAlways, UseClientProtocol: false, MaxConcurrentStreams: 12, HTTP2Keepalive: &spec.HTTP2Keepalive{Interval: 13 * time.Second, Timeout: 14 * time.Second}},
		}}, "connections at most 1 connect within 2s idle 4s age 3s requests 10 streams 12 keepalive probes 5 after 6s every 7s ping every 13s answered within 14s\n" +
			"requests at most 9 pending 8 retries 11 over HTTP/2\n"},
		{"idle for ever", Policy{ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{IdleTimeout: spec.NoLimit}}}, "connections idle for ever\n"},
		{"keepalive by default", Policy{ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{Keepalive: &spec.TCPKeepalive{}}}}, "connections keepalive\n"},
		{"the client's protocol", Policy{ConnectionPool: &spec.ConnectionPool{HTTP: &spec.HTTPSettings{UseClientProtocol: true}}}, "requests over the client's protocol\n"},

		{"a budget", Policy{RetryBudget: &spec.RetryBudget{}, ConnectionPool: &spec.ConnectionPool{HTTP: &spec.HTTPSettings{MaxRetries: 1}}}, "retry budget 20% at least 3\n"},
		{"another budget", Policy{RetryBudget: &spec.RetryBudget{Percent: new(0.5), MinRetryConcurrency: 1, Interval: time.Second}}, "retry budget 0.5% at least 1 over 1s\n"},

		{"the client's address", Policy{ProxyProtocol: &spec.ProxyProtocol{}}, "proxy protocol V1\n"},
		{"the client's address in binary", Policy{ProxyProtocol: &spec.ProxyProtocol{Version: spec.ProxyProtocolV2}}, "proxy protocol V2\n"},

		{"ejection", Policy{OutlierDetection: &spec.OutlierDetection{}}, "eject after 5xx 5 every 10s for 30s at most 10%\n"},
		{"another ejection", Policy{OutlierDetection: &spec.OutlierDetection{Consecutive5xxErrors: new(0), ConsecutiveGatewayErrors: new(2), SplitExternalLocalOriginErrors: true, ConsecutiveLocalOriginFailures: 3, Interval: time.Second, BaseEjectionTime: time.Minute, MaxEjectionPercent: 100, MinHealthPercent: 50}},
			"eject after gateway 2 local 3 every 1s for 1m0s at most 100% unless below 50% healthy\n"},
		{"ejection of nothing", Policy{OutlierDetection: &spec.OutlierDetection{Consecutive5xxErrors: new(0)}}, ""},

		{"TLS", Policy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple}}, "tls SIMPLE\n"},
		{"verified TLS", Policy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple, SNI: "a.test", CACertificates: "ca.pem", CACRL: "crl.pem", SubjectAltNames: []string{"a.test", "b.test"}}},
			"tls SIMPLE sni \"a.test\" ca \"ca.pem\" crl \"crl.pem\" names [\"a.test\" \"b.test\"]\n"},
		{"mutual TLS", Policy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSMutual, ClientCertificate: "c.pem", PrivateKey: "k.pem", CACRL: "crl.pem", InsecureSkipVerify: true}},
			"tls MUTUAL certificate \"c.pem\" key \"k.pem\" unverified\n"},
		{"credentials", Policy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSMutual, CredentialName: "c"}}, "tls MUTUAL credential \"c\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var printed text.Lines
			tt.policy.Print(&printed)
			require.Equal(t, tt.want, printed.String())
		})
	}
}
