package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// described returns the description that a policy gives to an upstream.
func described(o options, p destinationPolicy, names ...string) *upstreamDescription {
	d := &upstreamDescription{Config: upstream.Config{Endpoints: []upstream.Endpoint{{Address: "10.0.0.1:80"}}}}
	c := &compiler{findings: new(findings), o: &o}
	c.describe(d, &p, names)
	return d
}

func TestDescribeBalancing(t *testing.T) {
	simple := func(s spec.SimpleBalancer) destinationPolicy {
		return destinationPolicy{loadBalancer: &spec.LoadBalancer{Simple: s}}
	}
	hashed := func(h spec.ConsistentHash) destinationPolicy {
		return destinationPolicy{loadBalancer: &spec.LoadBalancer{ConsistentHash: &h}, hash: &h}
	}
	require.Equal(t, upstream.LeastRequest, described(defaultOptions(), destinationPolicy{}).Balancing.Policy)
	require.Equal(t, upstream.LeastRequest, described(defaultOptions(), simple(spec.BalanceLeastRequest)).Balancing.Policy)
	require.Equal(t, upstream.RoundRobin, described(defaultOptions(), simple(spec.BalanceRoundRobin)).Balancing.Policy)
	require.Equal(t, upstream.Random, described(defaultOptions(), simple(spec.BalanceRandom)).Balancing.Policy)
	require.Len(t, described(defaultOptions(), simple(spec.BalanceRandom)).Endpoints, 1)
	require.Empty(t, described(defaultOptions(), simple(spec.BalancePassthrough)).Endpoints)

	ring := described(defaultOptions(), hashed(spec.ConsistentHash{HTTPHeaderName: "x-user", RingHash: &spec.RingHash{MinimumRingSize: 2048}}))
	require.Equal(t, upstream.RingHash, ring.Balancing.Policy)
	require.EqualValues(t, 2048, ring.Balancing.MinimumRingSize)
	require.Equal(t, &upstream.HashKey{Header: "x-user"}, ring.Hash)

	maglev := described(defaultOptions(), hashed(spec.ConsistentHash{UseSourceIP: true, Maglev: &spec.Maglev{TableSize: 251}}))
	require.Equal(t, upstream.Maglev, maglev.Balancing.Policy)
	require.EqualValues(t, 251, maglev.Balancing.TableSize)
	require.Equal(t, &upstream.HashKey{SourceIP: true}, maglev.Hash)

	require.Equal(t, &upstream.HashKey{QueryParameter: "u"}, described(defaultOptions(), hashed(spec.ConsistentHash{HTTPQueryParameterName: "u"})).Hash)
	cookie := spec.HashCookie{Name: "c", Path: "/p", TTL: new(time.Minute), Attributes: []spec.CookieAttribute{{Name: "SameSite", Value: "Lax"}}}
	require.Equal(t, &upstream.HashKey{Cookie: &upstream.HashCookie{
		Name: "c", Path: "/p", TTL: new(time.Minute), Attributes: []upstream.CookieAttribute{{Name: "SameSite", Value: "Lax"}},
	}}, described(defaultOptions(), hashed(spec.ConsistentHash{HTTPCookie: &cookie})).Hash)

	// A destination that does not name its port has the algorithm without the key.
	unnamed := hashed(spec.ConsistentHash{HTTPHeaderName: "x-user"})
	unnamed.hash = nil
	require.Equal(t, upstream.RingHash, described(defaultOptions(), unnamed).Balancing.Policy)
	require.Nil(t, described(defaultOptions(), unnamed).Hash)

	warm := func(w spec.Warmup) *upstream.Warmup {
		return described(defaultOptions(), destinationPolicy{loadBalancer: &spec.LoadBalancer{Warmup: &w}}).Balancing.Warmup
	}
	require.Equal(t, &upstream.Warmup{Duration: time.Minute, MinimumPercent: 10, Aggression: 1}, warm(spec.Warmup{Duration: time.Minute}))
	require.Equal(t, &upstream.Warmup{Duration: time.Minute, MinimumPercent: 5, Aggression: 2},
		warm(spec.Warmup{Duration: time.Minute, MinimumPercent: new(5.0), Aggression: new(2.0)}))
}

func TestDescribeLocalities(t *testing.T) {
	local := func(l *spec.LocalityLB) destinationPolicy {
		return destinationPolicy{loadBalancer: &spec.LoadBalancer{Locality: l}}
	}
	here := func() options {
		o := defaultOptions()
		o.locality, o.workload = "eu/a/1", workload{"infra", map[string]string{"version": "v1"}}
		return o
	}
	require.Nil(t, described(defaultOptions(), local(&spec.LocalityLB{})).Balancing.Locality, "a gateway that is nowhere")
	require.Nil(t, described(here(), local(&spec.LocalityLB{Enabled: new(false)})).Balancing.Locality)
	proxy := upstream.Locality{Region: "eu", Zone: "a", Subzone: "1"}
	labels := map[string]string{"version": "v1"}
	require.Equal(t, &upstream.LocalitySetting{Proxy: proxy, ProxyLabels: labels}, described(here(), destinationPolicy{}).Balancing.Locality)

	p := local(&spec.LocalityLB{
		Distribute: []spec.LocalityDistribute{{From: "eu/*", To: map[string]int{"us/*": 20, "eu/*": 80}}},
		Failover:   []spec.LocalityFailover{{From: "eu", To: "us"}}, FailoverPriority: []string{"version"},
	})
	p.outlierDetection = &spec.OutlierDetection{}
	require.Equal(t, &upstream.LocalitySetting{
		Proxy: proxy, ProxyLabels: labels, OutlierDetection: true,
		Distribute: []upstream.Distribute{{From: "eu/*", To: []upstream.LocalityWeight{{Locality: "eu/*", Weight: 80}, {Locality: "us/*", Weight: 20}}}},
		Failover:   []upstream.Failover{{From: "eu", To: "us"}}, FailoverPriority: []string{"version"},
	}, described(here(), p).Balancing.Locality)
}

func TestDescribePool(t *testing.T) {
	plain := described(defaultOptions(), destinationPolicy{})
	require.Nil(t, plain.Limits)
	require.Nil(t, plain.KeepAlive)
	require.Nil(t, plain.Outliers)

	d := described(defaultOptions(), destinationPolicy{
		connectionPool: &spec.ConnectionPool{
			TCP:  &spec.TCPSettings{MaxConnections: 1, ConnectTimeout: 2, MaxConnectionDuration: 3, IdleTimeout: new(time.Duration(0)), Keepalive: &spec.TCPKeepalive{Time: 4}},
			HTTP: &spec.HTTPSettings{HTTP1MaxPendingRequests: 5, HTTP2MaxRequests: 6, MaxRequestsPerConnection: 7, MaxRetries: 8, H2UpgradePolicy: spec.H2UpgradeAlways, HTTP2Keepalive: &spec.HTTP2Keepalive{Interval: 15, Timeout: 16}, MaxConcurrentStreams: 17},
		},
		retryBudget: &spec.RetryBudget{Interval: 18},
		outlierDetection: &spec.OutlierDetection{
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
	require.Equal(t, upstream.ClientProtocol, described(defaultOptions(), destinationPolicy{connectionPool: &spec.ConnectionPool{HTTP: clients}}).Protocol)
	require.Equal(t, upstream.NoProxyProtocol, d.ProxyProtocol)
	require.Equal(t, upstream.ProxyProtocolV1, described(defaultOptions(), destinationPolicy{proxyProtocol: &spec.ProxyProtocol{}}).ProxyProtocol)
	require.Equal(t, upstream.ProxyProtocolV2, described(defaultOptions(), destinationPolicy{proxyProtocol: &spec.ProxyProtocol{Version: spec.ProxyProtocolV2}}).ProxyProtocol)
	off := described(defaultOptions(), destinationPolicy{outlierDetection: &spec.OutlierDetection{Consecutive5xxErrors: new(0)}})
	require.Zero(t, off.Outliers.Consecutive5xx)
}

// serviceOf returns a service that runs at the servers' addresses.
func serviceOf(t *testing.T, urls ...string) spec.Service {
	s := spec.Service{Name: "shop", Hosts: []string{"shop.internal"}, Resolution: spec.ResolveStatic, Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}}}
	for _, text := range urls {
		u, err := url.Parse(text)
		require.NoError(t, err)
		port, err := strconv.Atoi(u.Port())
		require.NoError(t, err)
		s.Endpoints = append(s.Endpoints, spec.Endpoint{Address: u.Hostname(), Ports: map[string]int{"http": port}})
	}
	return s
}

func numberedBackend(t *testing.T, n, status int) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, n)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func shopBehind(t *testing.T, s spec.Service, p *spec.TrafficPolicy, retry *spec.Retry) *Gateway {
	return built(t, New().Service(s).DestinationRule(spec.DestinationRule{Name: "shop", Host: "shop.internal", TrafficPolicy: p}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.internal"}}, Retry: retry}))
}

func TestHashSticksToAnEndpoint(t *testing.T) {
	s := serviceOf(t, numberedBackend(t, 1, 200), numberedBackend(t, 2, 200))
	gw := shopBehind(t, s, &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{ConsistentHash: &spec.ConsistentHash{HTTPHeaderName: "x-user"}}}, nil)
	used := map[string]bool{}
	for user := range 30 {
		seen := map[string]bool{}
		for range 6 {
			r := request(t, "GET", "/")
			r.Header.Set("X-User", strconv.Itoa(user))
			body := serve(gw, r).Body.String()
			seen[body], used[body] = true, true
		}
		require.Len(t, seen, 1, "user %d", user)
	}
	require.Len(t, used, 2)
}

func TestFailingEndpointIsEjected(t *testing.T) {
	s := serviceOf(t, numberedBackend(t, 1, 200), numberedBackend(t, 2, 500))
	gw := shopBehind(t, s, &spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{Consecutive5xxErrors: new(1), MaxEjectionPercent: 100}}, nil)
	failed := 0
	for range 50 {
		if serve(gw, request(t, "GET", "/")).Code == 500 {
			failed++
		}
	}
	require.Equal(t, 1, failed)
}

// By chance alone a retry would often come back to the endpoint that is down.
func TestRetriesAvoidTriedEndpoints(t *testing.T) {
	s := serviceOf(t, refusingURL, numberedBackend(t, 1, 200))
	for name, on := range map[string][]string{"failures alone": nil, "responses too": {"5xx"}} {
		t.Run(name, func(t *testing.T) {
			gw := shopBehind(t, s, nil, &spec.Retry{Attempts: 1, On: on, Backoff: time.Millisecond})
			for range 60 {
				require.Equal(t, 200, serve(gw, request(t, "GET", "/")).Code)
			}
		})
	}
	failed := 0
	gw := shopBehind(t, s, nil, &spec.Retry{Attempts: 1, SameHosts: new(true), Backoff: time.Millisecond})
	for range 60 {
		if serve(gw, request(t, "GET", "/")).Code != 200 {
			failed++
		}
	}
	require.NotZero(t, failed, "where a policy lets retries go to the same host")
}

// A destination is told the addresses of the connection to the gateway, whatever
// the client says of others.
func TestProxyProtocolToDestinations(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	headers := make(chan string, 9)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			header, _ := in.ReadString('\n')
			headers <- header
			_, _ = http.ReadRequest(in)
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	}()
	gw := shopBehind(t, serviceOf(t, "http://"+listener.Addr().String()), &spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{}}, nil)
	front := httptest.NewServer(gw)
	defer front.Close()
	client, err := net.Dial("tcp", front.Listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	for range 2 {
		_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		require.Equal(t, 204, response.StatusCode)
		require.NoError(t, response.Body.Close())
		source, destination := client.LocalAddr().(*net.TCPAddr), client.RemoteAddr().(*net.TCPAddr)
		require.Equal(t, fmt.Sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n", source.Port, destination.Port), <-headers)
	}
}
