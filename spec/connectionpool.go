package spec

import (
	"time"
)

// A ConnectionPool limits connections and requests to a destination (Istio's
// ConnectionPoolSettings). The limits are for one host, port and subset
// together, not for each endpoint.
type ConnectionPool struct {
	// TCP is about connections. Nil is the zero value.
	TCP *TCPSettings
	// HTTP is about requests. Nil is the zero value.
	HTTP *HTTPSettings
}

// TCPSettings are the settings of a ConnectionPool for connections (Istio's
// ConnectionPoolSettings.TCPSettings).
type TCPSettings struct {
	// MaxConnections is the most connections. Each endpoint may always have one.
	// Zero is no limit.
	MaxConnections int
	// ConnectTimeout bounds connecting, TLS included. Zero is 10s.
	ConnectTimeout time.Duration
	// MaxConnectionDuration is the age at which a connection takes no more
	// requests. Zero is no limit.
	MaxConnectionDuration time.Duration
	// IdleTimeout is how long an unused connection is kept, where
	// HTTPSettings.IdleTimeout is zero. Nil is 1h; 0 is for ever.
	IdleTimeout *time.Duration
	// Keepalive sends TCP keepalives. Nil sends none.
	Keepalive *TCPKeepalive
}

// A TCPKeepalive says how TCP finds out that its peer is gone (Istio's
// TCPSettings.TcpKeepalive). Zero fields are the operating system's default.
type TCPKeepalive struct {
	// Probes without an answer end the connection.
	Probes int
	// Time is how long a connection is silent before the first probe, Interval
	// the time between probes.
	Time, Interval time.Duration
}

// HTTPSettings are the settings of a ConnectionPool for requests (Istio's
// ConnectionPoolSettings.HTTPSettings). What is above a limit gets 503.
type HTTPSettings struct {
	// HTTP1MaxPendingRequests is the most requests that wait for a connection.
	// Zero is no limit.
	HTTP1MaxPendingRequests int
	// HTTP2MaxRequests is the most requests under way, over HTTP/1.1 too. Zero is
	// no limit.
	HTTP2MaxRequests int
	// MaxRequestsPerConnection is how many requests a connection serves. 1 keeps
	// none alive. Zero is no limit.
	MaxRequestsPerConnection int
	// MaxRetries is the most retries under way. Zero is no limit.
	MaxRetries int
	// IdleTimeout is how long an unused connection is kept. Zero leaves it to
	// TCPSettings.IdleTimeout.
	IdleTimeout time.Duration
	// H2UpgradePolicy says whether HTTP/2 is spoken where the port's protocol
	// does not say so.
	H2UpgradePolicy H2UpgradePolicy
	// UseClientProtocol speaks HTTP/2 to the destination where the client did, and
	// else HTTP/1.1, whatever the port's protocol is. It excludes H2Upgrade.
	UseClientProtocol bool
	// MaxConcurrentStreams is the most requests at a time on an HTTP/2 connection;
	// those beyond it have another one. Zero is no limit but the peer's.
	MaxConcurrentStreams int
	// HTTP2Keepalive sends pings on silent HTTP/2 connections. Nil sends none.
	HTTP2Keepalive *HTTP2Keepalive
}

// An HTTP2Keepalive says how HTTP/2 finds out that its peer is gone (Istio's
// HTTPSettings.ConnectionKeepalive). Both fields are required.
type HTTP2Keepalive struct {
	// Interval is how long nothing arrives before a ping is sent. Envoy sends them
	// on busy connections too, where they find out nothing.
	Interval time.Duration
	// Timeout is how long an answer may take before the connection is closed.
	Timeout time.Duration
}

// An H2UpgradePolicy says whether a destination is spoken to in HTTP/2 (Istio's
// HTTPSettings.H2UpgradePolicy).
type H2UpgradePolicy uint8

// The policies of upgrading to HTTP/2.
const (
	// H2Default leaves it to the mesh, which does not upgrade.
	H2UpgradeDefault H2UpgradePolicy = iota
	H2UpgradeNever
	// H2Upgrade speaks HTTP/2, in plain text with prior knowledge.
	H2UpgradeAlways
)
