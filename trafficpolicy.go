package gateway

import "time"

// A TrafficPolicy says how requests get to the endpoints of a service (Istio's
// TrafficPolicy). A block that is nil has Istio's default.
//
// A subset's policy overrides the rule's block by block. PortLevelSettings
// replace all blocks for their port: one that they leave out is the default
// there, not the rule's.
type TrafficPolicy struct {
	// LoadBalancer chooses among endpoints. Nil is LEAST_REQUEST.
	LoadBalancer *LoadBalancer
	// ConnectionPool limits connections and requests. Nil is no limit but
	// connectTimeout.
	ConnectionPool *ConnectionPool
	// OutlierDetection ejects endpoints that fail. Nil never does; the zero
	// value does, by its defaults.
	OutlierDetection *OutlierDetection
	// TLS encrypts connections. Nil is plain text.
	TLS *ClientTLS
	// RetryBudget limits retries by the requests under way. Istio takes it only
	// where there is a ConnectionPool too.
	RetryBudget *RetryBudget
	// ProxyProtocol tells the destination the client's address at the beginning of
	// each connection. Nil does not.
	ProxyProtocol *ProxyProtocol
	// PortLevelSettings are for single ports of the service.
	PortLevelSettings []PortTrafficPolicy
}

// A PortTrafficPolicy takes the place of the blocks of a TrafficPolicy for one
// port (Istio's TrafficPolicy.PortTrafficPolicy). Only the RetryBudget and the
// ProxyProtocol stay.
type PortTrafficPolicy struct {
	// Port is the number of a port of the service, not of its endpoints.
	Port             int
	LoadBalancer     *LoadBalancer
	ConnectionPool   *ConnectionPool
	OutlierDetection *OutlierDetection
	TLS              *ClientTLS
}

// A ProxyProtocol is the header of HAProxy's PROXY protocol, before TLS if there is
// any (Istio's TrafficPolicy.ProxyProtocol). Its addresses are those of the
// connection to the gateway, whatever x-forwarded-for says. A connection to the
// destination is shared only by requests that came on one connection.
type ProxyProtocol struct {
	// Version is the form of the header. The zero value is V1.
	Version ProxyProtocolVersion
}

// A ProxyProtocolVersion is a form of the PROXY header (Istio's
// TrafficPolicy.ProxyProtocol.VERSION).
type ProxyProtocolVersion uint8

// The versions of the PROXY protocol.
const (
	// ProxyProtocolV1 is a line of text.
	ProxyProtocolV1 ProxyProtocolVersion = iota
	// ProxyProtocolV2 is binary.
	ProxyProtocolV2
)

// A RetryBudget limits the retries under way to a share of the requests that are
// active or pending (Istio's TrafficPolicy.RetryBudget). It takes the place of
// HTTPSettings.MaxRetries.
type RetryBudget struct {
	// Percent of the requests may be retries. Nil is 20.
	Percent *float64
	// MinRetryConcurrency is the number of retries that are always allowed. Zero
	// is 3.
	MinRetryConcurrency int
	// Interval makes the requests count that began in the last Interval, retries
	// among them, whether they have ended or not. Zero counts those that are active
	// or pending.
	Interval time.Duration
}

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
	H2Default H2UpgradePolicy = iota
	H2DoNotUpgrade
	// H2Upgrade speaks HTTP/2, in plain text with prior knowledge.
	H2Upgrade
)

// OutlierDetection ejects endpoints that fail again and again (Istio's
// OutlierDetection). The zero value is Istio's outlierDetection: {}.
type OutlierDetection struct {
	// Consecutive5xxErrors in a row eject an endpoint: answers of 500 and above,
	// connections that fail and requests that time out. Nil is 5; 0 is off.
	Consecutive5xxErrors *int
	// ConsecutiveGatewayErrors is the same for 502, 503 and 504 alone. Nil and 0
	// are off.
	ConsecutiveGatewayErrors *int
	// SplitExternalLocalOriginErrors counts failed connections and timeouts on
	// their own, by ConsecutiveLocalOriginFailures.
	SplitExternalLocalOriginErrors bool
	// ConsecutiveLocalOriginFailures in a row eject an endpoint. Zero is 5.
	ConsecutiveLocalOriginFailures int
	// Interval is the time between two looks at who may come back. Zero is 10s.
	Interval time.Duration
	// BaseEjectionTime times the number of its ejections is how long an endpoint
	// is out. Zero is 30s.
	BaseEjectionTime time.Duration
	// MaxEjectionPercent of the endpoints may be out. Zero is 10, with which
	// nothing is ejected of fewer than 10 endpoints.
	MaxEjectionPercent int
	// MinHealthPercent is the share of endpoints below which ejections are
	// overlooked. Zero never overlooks them: where all are out, requests get 503.
	MinHealthPercent int
}

// ClientTLS is TLS to a destination (Istio's ClientTLSSettings).
type ClientTLS struct {
	// Mode says whether there is TLS. The zero value is plain text.
	Mode ClientTLSMode
	// ClientCertificate and PrivateKey are files in PEM form: what MUTUAL shows.
	ClientCertificate, PrivateKey string
	// CACertificates is a file in PEM form with the authorities that are
	// trusted. Empty is those of the operating system.
	CACertificates string
	// CACRL is a file in PEM form with lists of revoked certificates, one of each
	// authority in a chain: what no list is about, or one that is no longer valid, is
	// refused. Empty asks nobody.
	CACRL string
	// CredentialName names certificates in place of files.
	CredentialName string
	// SubjectAltNames are the names of which the certificate must have one.
	// Empty is the service's SubjectAltNames; without any, and without SNI, it is
	// the Host of the request.
	SubjectAltNames []string
	// SNI is the server name that is asked for. Empty is the Host of the request.
	SNI string
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

// A ClientTLSMode says how connections to a destination are encrypted (Istio's
// ClientTLSSettings.TLSmode).
type ClientTLSMode uint8

// The modes of TLS to a destination.
const (
	// ClientTLSDisable is plain text.
	ClientTLSDisable ClientTLSMode = iota
	// ClientTLSSimple verifies the destination.
	ClientTLSSimple
	// ClientTLSMutual shows a certificate too.
	ClientTLSMutual
	// ClientTLSIstioMutual shows the certificate that a mesh gives to a workload.
	// Build refuses it: there is no mesh.
	ClientTLSIstioMutual
)
