package spec

import (
	"time"
)

// A ConnectionPool limits connections and requests to a destination (Istio's
// ConnectionPoolSettings). The limits apply to one combination of host, port and
// subset, not to each endpoint.
type ConnectionPool struct {
	// TCP has the settings for connections. Nil means the zero value.
	TCP *TCPSettings
	// HTTP has the settings for requests. Nil means the zero value.
	HTTP *HTTPSettings
}

// TCPSettings are the settings of a ConnectionPool for connections (Istio's
// ConnectionPoolSettings.TCPSettings).
type TCPSettings struct {
	// MaxConnections is the maximum number of connections. Each endpoint may
	// always have one. Zero means no limit.
	MaxConnections int
	// ConnectTimeout limits the time to connect, including TLS. Zero means 10s.
	ConnectTimeout time.Duration
	// MaxConnectionDuration is the age after which a connection gets no more
	// requests. Zero means no limit.
	MaxConnectionDuration time.Duration
	// IdleTimeout is how long an unused connection is kept if
	// HTTPSettings.IdleTimeout is zero. Zero means 1h; NoLimit means forever.
	IdleTimeout time.Duration
	// Keepalive configures TCP keepalives. Nil sends none.
	Keepalive *TCPKeepalive
}

// A TCPKeepalive configures how TCP detects a dead peer (Istio's
// TCPSettings.TcpKeepalive). A zero field means the default of the operating
// system.
type TCPKeepalive struct {
	// Probes is the number of unanswered probes that end the connection.
	Probes int
	// Time is how long a connection is silent before the first probe. Interval is
	// the time between probes.
	Time, Interval time.Duration
}

// HTTPSettings are the settings of a ConnectionPool for requests (Istio's
// ConnectionPoolSettings.HTTPSettings). A request over a limit gets 503.
type HTTPSettings struct {
	// HTTP1MaxPendingRequests is the maximum number of requests that wait for a
	// connection. Zero means no limit.
	HTTP1MaxPendingRequests int
	// HTTP2MaxRequests is the maximum number of active requests, over HTTP/1.1
	// too. Zero means no limit.
	HTTP2MaxRequests int
	// MaxRequestsPerConnection is the maximum number of requests on a connection.
	// 1 disables keep-alive. Zero means no limit.
	MaxRequestsPerConnection int
	// MaxRetries is the maximum number of active retries. Zero means no limit.
	MaxRetries int
	// IdleTimeout is how long an unused connection is kept. If it is zero,
	// TCPSettings.IdleTimeout applies.
	IdleTimeout time.Duration
	// H2UpgradePolicy selects whether to use HTTP/2 if the port's protocol does
	// not decide it.
	H2UpgradePolicy H2UpgradePolicy
	// UseClientProtocol uses HTTP/2 to the destination if the client used it,
	// and HTTP/1.1 otherwise. It ignores the protocol of the port. It cannot be
	// combined with H2UpgradeAlways.
	UseClientProtocol bool
	// MaxConcurrentStreams is the maximum number of concurrent requests on an
	// HTTP/2 connection. More requests use another connection. Zero means only
	// the destination's own limit.
	MaxConcurrentStreams int
	// HTTP2Keepalive sends pings on silent HTTP/2 connections. Nil sends none.
	HTTP2Keepalive *HTTP2Keepalive
}

// An HTTP2Keepalive configures how HTTP/2 detects a dead peer (Istio's
// HTTPSettings.ConnectionKeepalive). Both fields are required.
type HTTP2Keepalive struct {
	// Interval is the silence on a connection after which a ping is sent. Envoy
	// also pings busy connections, although their traffic already shows that
	// they work.
	Interval time.Duration
	// Timeout is the maximum time to wait for the answer to a ping. After it,
	// the connection is closed.
	Timeout time.Duration
}

// An H2UpgradePolicy selects whether to use HTTP/2 to a destination (Istio's
// HTTPSettings.H2UpgradePolicy).
type H2UpgradePolicy uint8

// The values of H2UpgradePolicy.
const (
	// H2UpgradeDefault uses the default of the mesh: no upgrade.
	H2UpgradeDefault H2UpgradePolicy = iota
	// H2UpgradeNever does not upgrade.
	H2UpgradeNever
	// H2UpgradeAlways uses HTTP/2, in plain text with prior knowledge.
	H2UpgradeAlways
)
