package spec

import (
	"time"
)

// A TrafficPolicy configures how requests get to the endpoints of a service
// (Istio's TrafficPolicy). A nil block means Istio's default.
//
// The policy of a subset overrides the policy of the rule, block by block.
// PortLevelSettings replace all blocks for their port: a block that they leave
// out has the default there, not the rule's value.
type TrafficPolicy struct {
	// LoadBalancer chooses an endpoint. Nil means LEAST_REQUEST.
	LoadBalancer *LoadBalancer
	// ConnectionPool limits connections and requests. Nil means no limit except
	// connectTimeout.
	ConnectionPool *ConnectionPool
	// OutlierDetection ejects endpoints that fail. Nil never ejects; the zero
	// value ejects with the default limits.
	OutlierDetection *OutlierDetection
	// TLS encrypts connections. Nil means plain text.
	TLS *ClientTLS
	// RetryBudget limits retries relative to active requests. Istio uses it only
	// together with a ConnectionPool.
	RetryBudget *RetryBudget
	// ProxyProtocol sends the client's address to the destination at the start of
	// each connection. Nil does not send it.
	ProxyProtocol *ProxyProtocol
	// PortLevelSettings are for single ports of the service.
	PortLevelSettings []PortTrafficPolicy
}

// A PortTrafficPolicy replaces the blocks of a TrafficPolicy for one port
// (Istio's TrafficPolicy.PortTrafficPolicy). Only RetryBudget and ProxyProtocol
// still apply.
type PortTrafficPolicy struct {
	// Port is the number of a port of the service, not of its endpoints.
	Port             int
	LoadBalancer     *LoadBalancer
	ConnectionPool   *ConnectionPool
	OutlierDetection *OutlierDetection
	TLS              *ClientTLS
}

// A ProxyProtocol sends the header of HAProxy's PROXY protocol, before TLS if
// there is any (Istio's TrafficPolicy.ProxyProtocol). It has the addresses of the
// connection to the gateway and ignores x-forwarded-for. A connection to the
// destination is shared only by requests from the same connection to the gateway.
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
	// MinRetryConcurrency is the number of retries that are always allowed. Zero
	// means 3.
	MinRetryConcurrency int
	// Interval counts the requests that began in the last Interval, including
	// retries, whether they have ended or not. Zero counts active and pending
	// requests.
	Interval time.Duration
}
