package spec

import (
	"time"
)

// A TrafficPolicy configures how to send requests to the endpoints of a service
// (Istio's TrafficPolicy). A nil block means Istio's default.
//
// The policy of a subset overrides the policy of the rule, block by block.
// PortLevelSettings replace all blocks for their port: a block that they omit
// has its default there, not the rule's value.
type TrafficPolicy struct {
	// LoadBalancer chooses an endpoint. Nil means LEAST_REQUEST.
	LoadBalancer *LoadBalancer
	// ConnectionPool limits connections and requests. Nil means no limits
	// except the default connectTimeout.
	ConnectionPool *ConnectionPool
	// OutlierDetection ejects endpoints that fail. Nil never ejects; the zero
	// value ejects with the default limits.
	OutlierDetection *OutlierDetection
	// TLS encrypts connections. Nil means plain text.
	TLS *ClientTLS
	// RetryBudget limits retries relative to active requests. Istio uses it
	// only together with a ConnectionPool.
	RetryBudget *RetryBudget
	// ProxyProtocol sends the client's address to the destination at the start
	// of each connection. Nil does not send it.
	ProxyProtocol *ProxyProtocol
	// PortLevelSettings are the settings of single ports of the service.
	PortLevelSettings []PortTrafficPolicy
}

// A PortTrafficPolicy replaces the blocks of a TrafficPolicy for one port
// (Istio's TrafficPolicy.PortTrafficPolicy), except RetryBudget and
// ProxyProtocol.
type PortTrafficPolicy struct {
	// Port is a port number of the service, not of its endpoints.
	Port             int
	LoadBalancer     *LoadBalancer
	ConnectionPool   *ConnectionPool
	OutlierDetection *OutlierDetection
	TLS              *ClientTLS
}

// A ProxyProtocol sends the header of HAProxy's PROXY protocol, before any TLS
// (Istio's TrafficPolicy.ProxyProtocol). The header has the addresses of the
// connection to the gateway and ignores x-forwarded-for. Only requests from the
// same connection to the gateway share a connection to the destination.
type ProxyProtocol struct {
	// Version is the format of the header. The zero value is ProxyProtocolV1.
	Version ProxyProtocolVersion
}

// A ProxyProtocolVersion is a format of the PROXY header (Istio's
// TrafficPolicy.ProxyProtocol.VERSION).
type ProxyProtocolVersion uint8

// The versions of the PROXY protocol.
const (
	// ProxyProtocolV1 is a line of text.
	ProxyProtocolV1 ProxyProtocolVersion = iota
	// ProxyProtocolV2 is binary.
	ProxyProtocolV2
)

// A RetryBudget limits active retries to a share of the active or pending
// requests (Istio's TrafficPolicy.RetryBudget). It replaces
// HTTPSettings.MaxRetries.
type RetryBudget struct {
	// Percent is the share of requests that may be retries. Nil means 20.
	Percent *float64
	// MinRetryConcurrency is the number of retries that are always allowed.
	// Zero means 3.
	MinRetryConcurrency int
	// Interval counts all requests that began in the last Interval, including
	// retries and finished requests. Zero counts active and pending requests.
	Interval time.Duration
}
