package spec

import (
	"time"
)

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
