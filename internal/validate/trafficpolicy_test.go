package validate

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
)

// ruled is a rule for a service with three endpoints, two of them with v1.
func ruled() spec.Declarations {
	return spec.Declarations{
		Services: []spec.Service{{
			Hosts: []string{"a.test"}, Resolution: spec.ResolveStatic, Ports: []spec.ServicePort{{Number: 80, Name: "http"}, {Number: 81, Name: "admin"}},
			Endpoints: []spec.Endpoint{
				{Address: "10.0.0.1", Labels: map[string]string{"v": "1"}}, {Address: "10.0.0.2", Labels: map[string]string{"v": "1"}}, {Address: "10.0.0.3"},
			},
		}},
		DestinationRules: []spec.DestinationRule{{Name: "r", Host: "a.test", Subsets: []spec.Subset{{Name: "v1", Labels: map[string]string{"v": "1"}}}}},
	}
}

func policed(p spec.TrafficPolicy) func(*spec.Declarations) {
	return func(d *spec.Declarations) { d.DestinationRules[0].TrafficPolicy = &p }
}

func pooled(p spec.ConnectionPool) func(*spec.Declarations) {
	return policed(spec.TrafficPolicy{ConnectionPool: &p})
}

func TestValidateTrafficPolicy(t *testing.T) {
	random := &spec.LoadBalancer{Simple: spec.BalanceRandom}
	ports := func(list ...spec.PortTrafficPolicy) func(*spec.Declarations) {
		return policed(spec.TrafficPolicy{PortLevelSettings: list})
	}
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"none", func(*spec.Declarations) {}, nil},
		{"empty", policed(spec.TrafficPolicy{}), []string{"trafficPolicy: the policy is empty"}},
		{"empty in a subset", func(d *spec.Declarations) { d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{} },
			[]string{"subsets[0].trafficPolicy: the policy is empty"}},
		{"empty blocks", policed(spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{}, TLS: &spec.ClientTLS{}}), nil},
		{"a block of a subset", func(d *spec.Declarations) {
			d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{ConnectionPool: &spec.ConnectionPool{}}
		}, []string{"subsets[0].trafficPolicy.connectionPool: the connection pool is empty: tcp or http is expected"}},

		{"the client's address alone", policed(spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{}}), nil},
		{"the client's address in binary", policed(spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{Version: spec.ProxyProtocolV2}}), nil},
		{"the client's address in another form", policed(spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{Version: 2}}),
			[]string{"trafficPolicy.proxyProtocol.version: 2 is not a version of the PROXY protocol"}},
		{"two ports", ports(spec.PortTrafficPolicy{Port: 80, LoadBalancer: random}, spec.PortTrafficPolicy{Port: 81, LoadBalancer: random}), nil},
		{"no port", ports(spec.PortTrafficPolicy{LoadBalancer: random}), []string{"trafficPolicy.portLevelSettings[0].port.number: the port is missing"}},
		{"port 65536", ports(spec.PortTrafficPolicy{Port: 65536, LoadBalancer: random}),
			[]string{"trafficPolicy.portLevelSettings[0].port.number: 65536 is not a port, 1 to 65535 is expected"}},
		{"a port twice", ports(spec.PortTrafficPolicy{Port: 80, LoadBalancer: random}, spec.PortTrafficPolicy{Port: 80, TLS: &spec.ClientTLS{}}),
			[]string{"~trafficPolicy.portLevelSettings[1].port.number: has no effect: port 80 has settings already"}},
		{"a port that the service lacks", ports(spec.PortTrafficPolicy{Port: 8080, LoadBalancer: random}),
			[]string{"~trafficPolicy.portLevelSettings[0].port.number: has no effect: the service has no port 8080; settings are for the service's ports, not for its endpoints'"}},
		{"a port of an unknown service", func(d *spec.Declarations) {
			d.DestinationRules[0].Host = "b.test"
			ports(spec.PortTrafficPolicy{Port: 8080, LoadBalancer: random})(d)
		}, nil},
		{"empty settings", ports(spec.PortTrafficPolicy{Port: 80}), []string{"trafficPolicy.portLevelSettings[0]: the settings are empty"}},
		{"a block of a port", ports(spec.PortTrafficPolicy{Port: 80, LoadBalancer: &spec.LoadBalancer{Simple: 9}}),
			[]string{"trafficPolicy.portLevelSettings[0].loadBalancer.simple: 9 is not a way to balance"}},
	})
}

func TestValidateRuleSelector(t *testing.T) {
	rule := func(labels map[string]string, exportTo ...string) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.DestinationRules[0].WorkloadSelector, d.DestinationRules[0].ExportTo = labels, exportTo
		}
	}
	app := map[string]string{"app": "gw"}
	const alone = `a rule with a workloadSelector is for its own namespace: only "." is expected`
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"labels", rule(app), nil},
		{"its own namespace", rule(app, "."), nil},
		{"its own namespace by name", rule(app, "default"), nil},
		{"everyone", rule(app, "*"), []string{"exportTo[0]: " + alone}},
		{"another namespace", rule(app, ".", "edge"), []string{"exportTo[1]: " + alone}},
		{"no labels", rule(map[string]string{}), []string{"~workloadSelector: has no labels: it selects every workload of the namespace [IST0133]"}},
		{"a wildcard", rule(map[string]string{"app": "*"}),
			[]string{`workloadSelector.matchLabels[app]: "*" is not a label's value: at most 63 letters, digits, and inner -, _ and . are expected`}},
		{"no key", rule(map[string]string{"": "gw"}), []string{"workloadSelector.matchLabels[]: a label has no key"}},
	})
}

func TestValidateConnectionPool(t *testing.T) {
	tcp := func(s spec.TCPSettings) func(*spec.Declarations) { return pooled(spec.ConnectionPool{TCP: &s}) }
	http := func(s spec.HTTPSettings) func(*spec.Declarations) { return pooled(spec.ConnectionPool{HTTP: &s}) }
	const (
		ping = "trafficPolicy.connectionPool.http.http2KeepAlive."
	)
	if strconv.IntSize > 32 {
		most := int64(math.MaxUint32)
		runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
			{"as many connections as can be counted", tcp(spec.TCPSettings{MaxConnections: int(most)}), nil},
			{"one more", tcp(spec.TCPSettings{MaxConnections: int(most + 1)}),
				[]string{"trafficPolicy.connectionPool.tcp.maxConnections: 4294967296 is too large, 4294967295 or less is expected"}},
		})
	}
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"empty", pooled(spec.ConnectionPool{}), []string{"trafficPolicy.connectionPool: the connection pool is empty: tcp or http is expected"}},
		{"empty settings", pooled(spec.ConnectionPool{TCP: &spec.TCPSettings{}, HTTP: &spec.HTTPSettings{}}), nil},
		{"all of tcp", tcp(spec.TCPSettings{
			MaxConnections: 1, ConnectTimeout: time.Millisecond, MaxConnectionDuration: time.Hour, IdleTimeout: time.Minute,
			Keepalive: &spec.TCPKeepalive{Probes: 1, Time: time.Second, Interval: time.Second},
		}), nil},
		{"fewer than no connections", tcp(spec.TCPSettings{MaxConnections: -1}), []string{"trafficPolicy.connectionPool.tcp.maxConnections: -1 is negative, 0 or more is expected"}},
		{"too short to connect", tcp(spec.TCPSettings{ConnectTimeout: 999 * time.Microsecond}),
			[]string{"trafficPolicy.connectionPool.tcp.connectTimeout: 999µs is too short, 1ms or more is expected"}},
		{"before the beginning", tcp(spec.TCPSettings{MaxConnectionDuration: -time.Second}),
			[]string{"trafficPolicy.connectionPool.tcp.maxConnectionDuration: -1s is too short, 1ms or more is expected"}},
		{"idle for ever", tcp(spec.TCPSettings{IdleTimeout: spec.NoLimit}), nil},
		{"idle between milliseconds", tcp(spec.TCPSettings{IdleTimeout: 1500 * time.Microsecond}),
			[]string{"trafficPolicy.connectionPool.tcp.idleTimeout: 1.5ms is too precise, whole milliseconds are expected"}},
		{"keepalive", tcp(spec.TCPSettings{Keepalive: &spec.TCPKeepalive{Probes: -1, Time: 1, Interval: 2}}), []string{
			"trafficPolicy.connectionPool.tcp.tcpKeepalive.probes: -1 is negative, 0 or more is expected",
			"trafficPolicy.connectionPool.tcp.tcpKeepalive.time: 1ns is too short, 1ms or more is expected",
			"trafficPolicy.connectionPool.tcp.tcpKeepalive.interval: 2ns is too short, 1ms or more is expected",
		}},
		{"all of http", http(spec.HTTPSettings{
			HTTP1MaxPendingRequests: 1, HTTP2MaxRequests: 1, MaxRequestsPerConnection: 1, MaxRetries: 1, IdleTimeout: time.Second,
			H2UpgradePolicy: spec.H2UpgradeAlways, MaxConcurrentStreams: 1, HTTP2Keepalive: &spec.HTTP2Keepalive{Interval: time.Second, Timeout: time.Millisecond},
		}), nil},
		{"nothing of http", http(spec.HTTPSettings{HTTP1MaxPendingRequests: -1, HTTP2MaxRequests: -2, MaxRequestsPerConnection: -3, MaxRetries: -4, MaxConcurrentStreams: -5}), []string{
			"trafficPolicy.connectionPool.http.http1MaxPendingRequests: -1 is negative, 0 or more is expected",
			"trafficPolicy.connectionPool.http.http2MaxRequests: -2 is negative, 0 or more is expected",
			"trafficPolicy.connectionPool.http.maxRequestsPerConnection: -3 is negative, 0 or more is expected",
			"trafficPolicy.connectionPool.http.maxRetries: -4 is negative, 0 or more is expected",
			"trafficPolicy.connectionPool.http.maxConcurrentStreams: -5 is negative, 0 or more is expected",
		}},
		{"too short an idle", http(spec.HTTPSettings{IdleTimeout: time.Microsecond}),
			[]string{"trafficPolicy.connectionPool.http.idleTimeout: 1µs is too short, 1ms or more is expected"}},
		{"no policy of upgrading", http(spec.HTTPSettings{H2UpgradePolicy: 3}), []string{"trafficPolicy.connectionPool.http.h2UpgradePolicy: 3 is not an upgrade policy"}},
		{"the client's protocol", http(spec.HTTPSettings{UseClientProtocol: true, H2UpgradePolicy: spec.H2UpgradeNever}), nil},
		{"the client's protocol and HTTP/2", http(spec.HTTPSettings{UseClientProtocol: true, H2UpgradePolicy: spec.H2UpgradeAlways}),
			[]string{"trafficPolicy.connectionPool.http.useClientProtocol: cannot be combined with h2UpgradePolicy UPGRADE: the protocol is either the client's or HTTP/2"}},
		{"pings of nothing", http(spec.HTTPSettings{HTTP2Keepalive: &spec.HTTP2Keepalive{}}), []string{ping + "interval: is missing", ping + "timeout: is missing"}},
		{"pings too short", http(spec.HTTPSettings{HTTP2Keepalive: &spec.HTTP2Keepalive{Interval: 1, Timeout: time.Second}}),
			[]string{ping + "interval: 1ns is too short, 1ms or more is expected"}},
	})
}

func TestValidateRetryBudget(t *testing.T) {
	budget := func(b spec.RetryBudget) func(*spec.Declarations) {
		return policed(spec.TrafficPolicy{RetryBudget: &b, ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{}}})
	}
	const idle = "retryBudget: has no effect: Istio uses it only together with a connectionPool"
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"the default", budget(spec.RetryBudget{}), nil},
		{"none and all", budget(spec.RetryBudget{Percent: new(0.0), MinRetryConcurrency: 1}), nil},
		{"requests that are over", budget(spec.RetryBudget{Interval: time.Second}), nil},
		{"all", budget(spec.RetryBudget{Percent: new(100.0)}), nil},
		{"more than all", budget(spec.RetryBudget{Percent: new(100.5)}), []string{"trafficPolicy.retryBudget.percent: 100.5 is not a percentage, 0 to 100 is expected"}},
		{"no number", budget(spec.RetryBudget{Percent: new(math.NaN())}), []string{"trafficPolicy.retryBudget.percent: NaN is not a percentage, 0 to 100 is expected"}},
		{"fewer than none", budget(spec.RetryBudget{MinRetryConcurrency: -1, Interval: -1}), []string{
			"trafficPolicy.retryBudget.minRetryConcurrency: -1 is negative, 0 or more is expected",
			"trafficPolicy.retryBudget.budgetInterval: -1ns is too short, 1ms or more is expected",
		}},
		{"without a pool", policed(spec.TrafficPolicy{RetryBudget: &spec.RetryBudget{}}), []string{"~trafficPolicy." + idle}},
		{"in a subset, with the rule's pool", func(d *spec.Declarations) {
			pooled(spec.ConnectionPool{TCP: &spec.TCPSettings{}})(d)
			d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{RetryBudget: &spec.RetryBudget{}}
		}, nil},
		{"in a subset, without", func(d *spec.Declarations) {
			d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{RetryBudget: &spec.RetryBudget{}}
		}, []string{"~subsets[0].trafficPolicy." + idle}},
		{"with another limit", policed(spec.TrafficPolicy{RetryBudget: &spec.RetryBudget{}, ConnectionPool: &spec.ConnectionPool{HTTP: &spec.HTTPSettings{MaxRetries: 1}}}),
			[]string{"~trafficPolicy.connectionPool.http.maxRetries: has no effect: there is a retryBudget"}},
	})
}

func TestValidateOutlierDetection(t *testing.T) {
	all := 100
	ejecting := func(o spec.OutlierDetection) func(*spec.Declarations) {
		return policed(spec.TrafficPolicy{OutlierDetection: &o})
	}
	most := func(n int) func(*spec.Declarations) { return ejecting(spec.OutlierDetection{MaxEjectionPercent: n}) }
	const field = "trafficPolicy.outlierDetection."
	endpoints := func(n int) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			d.Services[0].Endpoints = make([]spec.Endpoint, n)
			for i := range n {
				d.Services[0].Endpoints[i].Address = "10.0.0.1"
			}
			ejecting(spec.OutlierDetection{})(d)
		}
	}
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"all endpoints", most(all), nil},
		{"a third", most(34), nil},
		{"less than one of three", most(33), []string{"~" + field + "maxEjectionPercent: ejects nothing: at most 33 % may be ejected, and one of 3 endpoints is more"}},
		{"the default of three", ejecting(spec.OutlierDetection{}), []string{"~" + field + "maxEjectionPercent: ejects nothing: at most 10 % may be ejected, and one of 3 endpoints is more"}},
		{"the default of nine", endpoints(9), []string{"~" + field + "maxEjectionPercent: ejects nothing: at most 10 % may be ejected, and one of 9 endpoints is more"}},
		{"the default of ten", endpoints(10), nil},
		{"the default of one", endpoints(1), []string{"~" + field + "maxEjectionPercent: ejects nothing: at most 10 % may be ejected, and one of 1 endpoint is more"}},
		{"half of a subset of two", func(d *spec.Declarations) {
			d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{MaxEjectionPercent: 50}}
		}, nil},
		{"a third of a subset of two", func(d *spec.Declarations) {
			d.DestinationRules[0].Subsets[0].TrafficPolicy = &spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{MaxEjectionPercent: 34}}
		}, []string{"~subsets[0]." + field + "maxEjectionPercent: ejects nothing: at most 34 % may be ejected, and one of 2 endpoints is more"}},
		{"names that are looked up", func(d *spec.Declarations) {
			d.Services[0].Resolution = spec.ResolveDNS
			ejecting(spec.OutlierDetection{})(d)
		}, nil},
		{"more than all", most(101), []string{field + "maxEjectionPercent: 101 is not a percentage, 0 to 100 is expected"}},
		{"less than none", most(-1), []string{field + "maxEjectionPercent: -1 is not a percentage, 0 to 100 is expected"}},
		{"no health", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, MinHealthPercent: 101}),
			[]string{field + "minHealthPercent: 101 is not a percentage, 0 to 100 is expected"}},
		{"times", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, Interval: time.Microsecond, BaseEjectionTime: 1500 * time.Microsecond}), []string{
			field + "interval: 1µs is too short, 1ms or more is expected",
			field + "baseEjectionTime: 1.5ms is too precise, whole milliseconds are expected",
		}},
		{"nothing counted", ejecting(spec.OutlierDetection{Consecutive5xxErrors: new(0)}), []string{"~trafficPolicy.outlierDetection: has no effect: no errors are counted"}},
		{"gateway errors alone", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, Consecutive5xxErrors: new(0), ConsecutiveGatewayErrors: new(1)}), nil},
		{"local errors alone", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, Consecutive5xxErrors: new(0), SplitExternalLocalOriginErrors: true}), nil},
		{"fewer than no errors", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, Consecutive5xxErrors: new(-1), ConsecutiveGatewayErrors: new(1)}),
			[]string{field + "consecutive5xxErrors: -1 is negative, 0 or more is expected"}},
		{"local errors", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, ConsecutiveLocalOriginFailures: 1, SplitExternalLocalOriginErrors: true}), nil},
		{"local errors that are not apart", ejecting(spec.OutlierDetection{MaxEjectionPercent: all, ConsecutiveLocalOriginFailures: 1}),
			[]string{field + "consecutiveLocalOriginFailures: needs splitExternalLocalOriginErrors, which is not set"}},
	})
}

func TestValidateClientTLS(t *testing.T) {
	tls := func(s spec.ClientTLS) func(*spec.Declarations) { return policed(spec.TrafficPolicy{TLS: &s}) }
	simple := func(s spec.ClientTLS) func(*spec.Declarations) { s.Mode = spec.ClientTLSSimple; return tls(s) }
	mutual := func(s spec.ClientTLS) func(*spec.Declarations) { s.Mode = spec.ClientTLSMutual; return tls(s) }
	const anyName = "~trafficPolicy.tls.sni: without subjectAltNames, a certificate for any name is accepted: it must be for the request's host only if sni is empty"
	const disabled = "~trafficPolicy.tls: has no effect: the mode is DISABLE, which is also the default"
	const insecure = "trafficPolicy.tls.insecureSkipVerify: cannot be combined with caCertificates, subjectAltNames and, with SIMPLE, credentialName: nothing is verified"
	const both = "trafficPolicy.tls.credentialName: cannot be combined with certificates from files, which are also set"
	names := []string{"a.test"}
	runResources(t, ruled, "DestinationRule default/r: ", []resourceRow{
		{"none", tls(spec.ClientTLS{}), nil},
		{"none with a name", tls(spec.ClientTLS{SNI: "a.test"}), []string{disabled}},
		{"none with an authority", tls(spec.ClientTLS{CACertificates: "ca.pem"}), []string{disabled}},
		{"simple", simple(spec.ClientTLS{}), nil},
		{"simple with an authority", simple(spec.ClientTLS{CACertificates: "ca.pem"}), nil},
		{"simple with a credential", simple(spec.ClientTLS{CredentialName: "ca"}), nil},
		{"simple with a credential and an authority", simple(spec.ClientTLS{CredentialName: "ca", CACertificates: "ca.pem"}), []string{both}},
		{"simple with a client's certificate", simple(spec.ClientTLS{ClientCertificate: "c.pem", PrivateKey: "k.pem"}),
			[]string{"~trafficPolicy.tls: the client certificate is not sent: the mode is SIMPLE"}},
		{"a name", simple(spec.ClientTLS{SNI: "a.test", SubjectAltNames: names}), nil},
		{"a name without others", simple(spec.ClientTLS{SNI: "a.test"}), []string{anyName}},
		{"a name with the service's others", func(d *spec.Declarations) {
			d.Services[0].SubjectAltNames = names
			simple(spec.ClientTLS{SNI: "a.test"})(d)
		}, nil},
		{"no name", simple(spec.ClientTLS{SNI: "a b", SubjectAltNames: names}), []string{`trafficPolicy.tls.sni: "a b" is not a server name`}},
		{"a wildcard", simple(spec.ClientTLS{SNI: "*.a.test", SubjectAltNames: names}), []string{`trafficPolicy.tls.sni: "*.a.test" is not a server name`}},
		{"insecure", simple(spec.ClientTLS{InsecureSkipVerify: true, SNI: "a.test"}), nil},
		{"insecure with an authority", simple(spec.ClientTLS{InsecureSkipVerify: true, CACertificates: "ca.pem"}), []string{insecure}},
		{"simple with lists", simple(spec.ClientTLS{CACRL: "crl.pem"}), nil},
		{"simple with a credential and lists", simple(spec.ClientTLS{CredentialName: "ca", CACRL: "crl.pem"}), []string{both}},
		{"none with lists", tls(spec.ClientTLS{CACRL: "crl.pem"}), []string{disabled}},
		{"insecure with lists", simple(spec.ClientTLS{InsecureSkipVerify: true, CACRL: "crl.pem"}),
			[]string{"~trafficPolicy.tls.caCrl: has no effect: with insecureSkipVerify nothing is verified"}},
		{"insecure with names", mutual(spec.ClientTLS{InsecureSkipVerify: true, CredentialName: "c", SubjectAltNames: names}), []string{insecure}},
		{"insecure with a credential", simple(spec.ClientTLS{InsecureSkipVerify: true, CredentialName: "c"}), []string{insecure}},
		{"insecure with a client's credential", mutual(spec.ClientTLS{InsecureSkipVerify: true, CredentialName: "c"}), nil},
		{"mutual", mutual(spec.ClientTLS{ClientCertificate: "c.pem", PrivateKey: "k.pem"}), nil},
		{"mutual with a credential", mutual(spec.ClientTLS{CredentialName: "c"}), nil},
		{"mutual with both", mutual(spec.ClientTLS{CredentialName: "c", PrivateKey: "k.pem"}), []string{both}},
		{"mutual with neither", mutual(spec.ClientTLS{}), []string{
			"trafficPolicy.tls.clientCertificate: MUTUAL needs it, or a credentialName", "trafficPolicy.tls.privateKey: MUTUAL needs it, or a credentialName",
		}},
		{"mutual without key", mutual(spec.ClientTLS{ClientCertificate: "c.pem"}), []string{"trafficPolicy.tls.privateKey: MUTUAL needs it, or a credentialName"}},
		{"the mesh's", tls(spec.ClientTLS{Mode: spec.ClientTLSIstioMutual}), nil},
		{"no mode", tls(spec.ClientTLS{Mode: 4}), []string{"trafficPolicy.tls.mode: 4 is not a mode of TLS"}},
	})
}

func TestValidatePooledServices(t *testing.T) {
	services := func(list ...spec.Service) func(*spec.Declarations) {
		return func(d *spec.Declarations) {
			for i := range list {
				list[i].Name, list[i].Hosts, list[i].Resolution = string(rune('a'+i)), []string{"a.test"}, spec.ResolveDNS
			}
			d.Services = list
		}
	}
	port := func(number int, protocol string) []spec.ServicePort {
		return []spec.ServicePort{{Number: number, Name: "http", Protocol: spec.Protocol(protocol)}}
	}
	runResources(t, func() spec.Declarations { return spec.Declarations{} }, "ServiceEntry default/", []resourceRow{
		{"one protocol", services(spec.Service{Ports: port(80, "HTTP")}, spec.Service{Ports: port(80, "http")}), nil},
		{"other ports", services(spec.Service{Ports: port(80, "HTTP")}, spec.Service{Ports: port(81, "HTTP2")}), nil},
		{"other namespaces", services(spec.Service{Ports: port(80, "HTTP")}, spec.Service{Namespace: "other", Ports: port(80, "HTTP2")}), nil},
		{"two protocols", services(spec.Service{Ports: port(80, "GRPC")}, spec.Service{Ports: port(80, "HTTP")}),
			[]string{"~b: ports[0].protocol: port 80 of a.test has protocol GRPC in ServiceEntry default/a: that protocol is used [IST0177]"}},
		{"the younger one's", services(spec.Service{Created: time.Unix(1, 0), Ports: port(80, "GRPC")}, spec.Service{Ports: port(80, "")}),
			[]string{"~a: ports[0].protocol: port 80 of a.test has protocol HTTP in ServiceEntry default/b: that protocol is used [IST0177]"}},
	})
}
