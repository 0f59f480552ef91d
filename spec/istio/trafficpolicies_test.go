package istio

import (
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	networking "istio.io/api/networking/v1alpha3"
)

// translated returns the DestinationRule of a message in JSON, and its findings.
func translated(t *testing.T, message string) (rule spec.DestinationRule, said []string) {
	t.Helper()
	var m networking.DestinationRule
	require.NoError(t, protojson.Unmarshal([]byte(message), &m))
	r := &reader{}
	rule = r.destinationRule(&m)
	for _, e := range r.errors {
		said = append(said, "error "+e.Error())
	}
	for _, w := range r.warnings {
		said = append(said, "warning "+w.String())
	}
	return rule, said
}

func TestTrafficPolicy(t *testing.T) {
	tests := []struct {
		name, message string
		want          *spec.TrafficPolicy
		said          []string
	}{
		{"none", `null`, nil, nil},
		{"empty", `{}`, &spec.TrafficPolicy{}, nil},
		{"a tunnel alone", `{"tunnel": {}}`, nil, nil},
		{"a tunnel and more", `{"tunnel": {}, "loadBalancer": {}}`, &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{}}, nil},
		{"empty blocks", `{"loadBalancer": {}, "connectionPool": {"tcp": {}, "http": {}}, "outlierDetection": {}, "tls": {}, "retryBudget": {}}`,
			&spec.TrafficPolicy{
				LoadBalancer: &spec.LoadBalancer{}, ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{}, HTTP: &spec.HTTPSettings{}},
				OutlierDetection: &spec.OutlierDetection{}, TLS: &spec.ClientTLS{}, RetryBudget: &spec.RetryBudget{},
			}, nil},
		{"a pool", `{"connectionPool": {
			"tcp": {"maxConnections": 1, "connectTimeout": "2s", "maxConnectionDuration": "3s", "idleTimeout": "0s", "tcpKeepalive": {"probes": 4, "time": "5s", "interval": "6s"}},
			"http": {"http1MaxPendingRequests": 7, "http2MaxRequests": 8, "maxRequestsPerConnection": 9, "maxRetries": 10, "idleTimeout": "11s",
				"h2UpgradePolicy": "UPGRADE", "useClientProtocol": true, "maxConcurrentStreams": 12, "http2KeepAlive": {"interval": "13s", "timeout": "14s"}}}}`,
			&spec.TrafficPolicy{ConnectionPool: &spec.ConnectionPool{
				TCP: &spec.TCPSettings{
					MaxConnections: 1, ConnectTimeout: 2 * time.Second, MaxConnectionDuration: 3 * time.Second, IdleTimeout: spec.NoLimit,
					Keepalive: &spec.TCPKeepalive{Probes: 4, Time: 5 * time.Second, Interval: 6 * time.Second},
				},
				HTTP: &spec.HTTPSettings{
					HTTP1MaxPendingRequests: 7, HTTP2MaxRequests: 8, MaxRequestsPerConnection: 9, MaxRetries: 10, IdleTimeout: 11 * time.Second,
					H2UpgradePolicy: spec.H2UpgradeAlways, UseClientProtocol: true, MaxConcurrentStreams: 12,
					HTTP2Keepalive: &spec.HTTP2Keepalive{Interval: 13 * time.Second, Timeout: 14 * time.Second},
				},
			}}, nil},
		{"no upgrade", `{"connectionPool": {"http": {"h2UpgradePolicy": "DO_NOT_UPGRADE"}}}`,
			&spec.TrafficPolicy{ConnectionPool: &spec.ConnectionPool{HTTP: &spec.HTTPSettings{H2UpgradePolicy: spec.H2UpgradeNever}}}, nil},
		{"zeros that would be defaults", `{"connectionPool": {"tcp": {"connectTimeout": "0s"}, "http": {"idleTimeout": "0s"}}, "outlierDetection": {"interval": "0s", "baseEjectionTime": "0s"}}`,
			&spec.TrafficPolicy{
				ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{}, HTTP: &spec.HTTPSettings{}}, OutlierDetection: &spec.OutlierDetection{},
			}, []string{
				"error spec.trafficPolicy.connectionPool.tcp.connectTimeout: must be at least 1ms; omit it for none",
				"error spec.trafficPolicy.connectionPool.http.idleTimeout: must be at least 1ms; omit it for none",
				"error spec.trafficPolicy.outlierDetection.interval: must be at least 1ms; omit it for none",
				"error spec.trafficPolicy.outlierDetection.baseEjectionTime: must be at least 1ms; omit it for none",
			}},
		{"ejection", `{"outlierDetection": {"consecutive5xxErrors": 0, "consecutiveGatewayErrors": 1, "splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailures": 2,
			"interval": "3s", "baseEjectionTime": "4s", "maxEjectionPercent": 5, "minHealthPercent": 6}}`,
			&spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{
				Consecutive5xxErrors: new(0), ConsecutiveGatewayErrors: new(1), SplitExternalLocalOriginErrors: true, ConsecutiveLocalOriginFailures: 2,
				Interval: 3 * time.Second, BaseEjectionTime: 4 * time.Second, MaxEjectionPercent: 5, MinHealthPercent: 6,
			}}, nil},
		{"TLS", `{"tls": {"mode": "MUTUAL", "clientCertificate": "c.pem", "privateKey": "k.pem", "caCertificates": "ca.pem", "caCrl": "crl.pem", "credentialName": "n",
			"subjectAltNames": ["a.test"], "sni": "b.test", "insecureSkipVerify": true}}`,
			&spec.TrafficPolicy{TLS: &spec.ClientTLS{
				Mode: spec.ClientTLSMutual, ClientCertificate: "c.pem", PrivateKey: "k.pem", CACertificates: "ca.pem", CACRL: "crl.pem", CredentialName: "n",
				SubjectAltNames: []string{"a.test"}, SNI: "b.test", InsecureSkipVerify: true,
			}}, nil},
		{"simple TLS", `{"tls": {"mode": "SIMPLE"}}`, &spec.TrafficPolicy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSSimple}}, nil},
		{"the mesh's TLS", `{"tls": {"mode": "ISTIO_MUTUAL"}}`, &spec.TrafficPolicy{TLS: &spec.ClientTLS{Mode: spec.ClientTLSIstioMutual}}, nil},
		{"a budget", `{"retryBudget": {"percent": 0, "minRetryConcurrency": 1, "budgetInterval": "2s"}}`,
			&spec.TrafficPolicy{RetryBudget: &spec.RetryBudget{Percent: new(0.0), MinRetryConcurrency: 1, Interval: 2 * time.Second}}, nil},
		{"the client's address", `{"proxyProtocol": {}}`, &spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{}}, nil},
		{"the client's address in text", `{"proxyProtocol": {"version": "V1"}}`, &spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{}}, nil},
		{"the client's address in binary", `{"proxyProtocol": {"version": "V2"}}`,
			&spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{Version: spec.ProxyProtocolV2}}, nil},
		{"ports", `{"portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {"simple": "RANDOM"}, "connectionPool": {}, "outlierDetection": {}, "tls": {}}, {"port": {"number": 0}}, {}]}`,
			&spec.TrafficPolicy{PortLevelSettings: []spec.PortTrafficPolicy{
				{Port: 80, LoadBalancer: &spec.LoadBalancer{Simple: spec.BalanceRandom}, ConnectionPool: &spec.ConnectionPool{},
					OutlierDetection: &spec.OutlierDetection{}, TLS: &spec.ClientTLS{}}, {}, {},
			}}, []string{"error spec.trafficPolicy.portLevelSettings[1].port.number: must be between 1 and 65535, not 0"}},
		{"a zero of a port", `{"portLevelSettings": [{"port": {"number": 80}, "outlierDetection": {"interval": "0s"}}]}`,
			&spec.TrafficPolicy{PortLevelSettings: []spec.PortTrafficPolicy{{Port: 80, OutlierDetection: &spec.OutlierDetection{}}}},
			[]string{"error spec.trafficPolicy.portLevelSettings[0].outlierDetection.interval: must be at least 1ms; omit it for none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule, said := translated(t, `{"host": "a", "trafficPolicy": `+tt.message+`}`)
			require.Equal(t, tt.want, rule.TrafficPolicy)
			require.Equal(t, tt.said, said)
		})
	}
}

func TestLoadBalancerOfTrafficPolicy(t *testing.T) {
	hash := func(h spec.ConsistentHash) spec.LoadBalancer { return spec.LoadBalancer{ConsistentHash: &h} }
	const field = " spec.trafficPolicy.loadBalancer."
	tests := []struct {
		name, message string
		want          spec.LoadBalancer
		said          []string
	}{
		{"unspecified", `{"simple": "UNSPECIFIED"}`, spec.LoadBalancer{}, nil},
		{"least request", `{"simple": "LEAST_REQUEST"}`, spec.LoadBalancer{}, nil},
		{"least connections", `{"simple": "LEAST_CONN"}`, spec.LoadBalancer{},
			[]string{"warning" + field + "simple: LEAST_CONN is deprecated; use LEAST_REQUEST, which means the same [IST0002]"}},
		{"round robin", `{"simple": "ROUND_ROBIN"}`, spec.LoadBalancer{Simple: spec.BalanceRoundRobin}, nil},
		{"random", `{"simple": "RANDOM"}`, spec.LoadBalancer{Simple: spec.BalanceRandom}, nil},
		{"passthrough", `{"simple": "PASSTHROUGH"}`, spec.LoadBalancer{Simple: spec.BalancePassthrough}, nil},

		{"no hash", `{"consistentHash": {}}`, hash(spec.ConsistentHash{}), nil},
		{"header", `{"consistentHash": {"httpHeaderName": "x-user", "ringHash": {}}}`, hash(spec.ConsistentHash{HTTPHeaderName: "x-user", RingHash: &spec.RingHash{}}), nil},
		{"source", `{"consistentHash": {"useSourceIp": true, "ringHash": {"minimumRingSize": "2048"}}}`,
			hash(spec.ConsistentHash{UseSourceIP: true, RingHash: &spec.RingHash{MinimumRingSize: 2048}}), nil},
		{"parameter", `{"consistentHash": {"httpQueryParameterName": "user", "maglev": {"tableSize": "65537"}}}`,
			hash(spec.ConsistentHash{HTTPQueryParameterName: "user", Maglev: &spec.Maglev{TableSize: 65537}}), nil},
		{"cookie", `{"consistentHash": {"httpCookie": {"name": "user", "path": "/", "ttl": "0s", "attributes": [{"name": "Secure"}, {"name": "SameSite", "value": "Lax"}]}}}`,
			hash(spec.ConsistentHash{HTTPCookie: &spec.HashCookie{
				Name: "user", Path: "/", TTL: new(time.Duration(0)), Attributes: []spec.CookieAttribute{{Name: "Secure"}, {Name: "SameSite", Value: "Lax"}},
			}}), nil},
		{"cookie that is not made", `{"consistentHash": {"httpCookie": {"name": "user"}}}`, hash(spec.ConsistentHash{HTTPCookie: &spec.HashCookie{Name: "user"}}), nil},
		{"the old size", `{"consistentHash": {"useSourceIp": true, "minimumRingSize": "2048"}}`,
			hash(spec.ConsistentHash{UseSourceIP: true, RingHash: &spec.RingHash{MinimumRingSize: 2048}}),
			[]string{"warning" + field + "consistentHash.minimumRingSize: is deprecated; use ringHash.minimumRingSize [IST0002]"}},
		{"the old size and a ring", `{"consistentHash": {"useSourceIp": true, "minimumRingSize": "2048", "ringHash": {}}}`,
			hash(spec.ConsistentHash{UseSourceIP: true, RingHash: &spec.RingHash{}}), []string{
				"error" + field + "consistentHash.minimumRingSize: cannot be combined with ringHash or maglev, one of which is also set",
				"warning" + field + "consistentHash.minimumRingSize: is deprecated; use ringHash.minimumRingSize [IST0002]",
			}},
		{"a size beyond all", `{"consistentHash": {"maglev": {"tableSize": "18446744073709551615"}}}`, hash(spec.ConsistentHash{Maglev: &spec.Maglev{TableSize: 1<<31 - 1}}), nil},

		{"warmup", `{"warmup": {"duration": "1s", "minimumPercent": 0, "aggression": 1.5}}`,
			spec.LoadBalancer{Warmup: &spec.Warmup{Duration: time.Second, MinimumPercent: new(0.0), Aggression: new(1.5)}}, nil},
		{"the old warmup", `{"warmupDurationSecs": "1s"}`, spec.LoadBalancer{Warmup: &spec.Warmup{Duration: time.Second}},
			[]string{"warning" + field + "warmupDurationSecs: is deprecated; use warmup.duration [IST0002]"}},
		{"both", `{"warmupDurationSecs": "1s", "warmup": {"duration": "2s"}}`, spec.LoadBalancer{Warmup: &spec.Warmup{Duration: 2 * time.Second}}, []string{
			"warning" + field + "warmupDurationSecs: is deprecated; use warmup.duration [IST0002]",
			"warning" + field + "warmupDurationSecs: has no effect: warmup is also set",
		}},
		{"no time to warm up", `{"warmup": {"duration": "0s"}}`, spec.LoadBalancer{Warmup: &spec.Warmup{}},
			[]string{"error" + field + "warmup.duration: must be at least 1ms; omit it for none"}},

		{"locality", `{"localityLbSetting": {"enabled": false, "distribute": [{"from": "r1/*", "to": {"r1/*": 80, "r2/*": 20}}, {"from": "r2"}],
			"failover": [{"from": "r1", "to": "r2"}], "failoverPriority": ["a", "b=c"]}}`,
			spec.LoadBalancer{Locality: &spec.LocalityLB{
				Enabled: new(false), Distribute: []spec.LocalityDistribute{{From: "r1/*", To: map[string]int{"r1/*": 80, "r2/*": 20}}, {From: "r2"}},
				Failover: []spec.LocalityFailover{{From: "r1", To: "r2"}}, FailoverPriority: []string{"a", "b=c"},
			}}, nil},
		{"locality by default", `{"localityLbSetting": {}}`, spec.LoadBalancer{Locality: &spec.LocalityLB{}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule, said := translated(t, `{"trafficPolicy": {"loadBalancer": `+tt.message+`}}`)
			require.Equal(t, &spec.TrafficPolicy{LoadBalancer: &tt.want}, rule.TrafficPolicy)
			require.Equal(t, tt.said, said)
		})
	}
}

func TestPolicyOfSubset(t *testing.T) {
	rule, said := translated(t, `{"subsets": [{"name": "v1"}, {"name": "v2", "trafficPolicy": {"loadBalancer": {"warmup": {"duration": "0s"}}}}]}`)
	require.Equal(t, []spec.Subset{
		{Name: "v1"}, {Name: "v2", TrafficPolicy: &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{Warmup: &spec.Warmup{}}}},
	}, rule.Subsets)
	require.Equal(t, []string{"error spec.subsets[1].trafficPolicy.loadBalancer.warmup.duration: must be at least 1ms; omit it for none"}, said)
}

func TestSelectorOfRule(t *testing.T) {
	none, _ := translated(t, `{}`)
	require.Nil(t, none.WorkloadSelector)
	all, _ := translated(t, `{"workloadSelector": {}}`)
	require.Equal(t, map[string]string{}, all.WorkloadSelector)
	some, _ := translated(t, `{"workloadSelector": {"matchLabels": {"app": "gw"}}}`)
	require.Equal(t, map[string]string{"app": "gw"}, some.WorkloadSelector)
}
