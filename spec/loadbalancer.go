package spec

import (
	"time"
)

// A LoadBalancer chooses the endpoint of a request (Istio's
// LoadBalancerSettings). The zero value is LEAST_REQUEST.
type LoadBalancer struct {
	// Simple balances without looking at the request.
	Simple SimpleBalancer
	// ConsistentHash sends requests with the same value to one endpoint. It
	// cannot be combined with Simple.
	ConsistentHash *ConsistentHash
	// Locality prefers endpoints by their location. Nil means the zero value.
	Locality *LocalityLB
	// Warmup slowly increases the share of new endpoints, if Simple is
	// LEAST_REQUEST or ROUND_ROBIN. Nil gives them their full share at once.
	Warmup *Warmup
}

// A SimpleBalancer is a way to spread requests over endpoints (Istio's
// LoadBalancerSettings.SimpleLB).
type SimpleBalancer uint8

// The simple balancers.
const (
	// BalanceLeastRequest chooses the less busy of two random endpoints. If
	// weights differ, it chooses by weight and active requests. (LEAST_REQUEST)
	BalanceLeastRequest SimpleBalancer = iota
	// BalanceRoundRobin chooses endpoints in turn, by weight. (ROUND_ROBIN)
	BalanceRoundRobin
	// BalanceRandom chooses a random endpoint and ignores weights. (RANDOM)
	BalanceRandom
	// BalancePassthrough sends a request to the original destination of the
	// client's connection. A gateway has none, so requests get 503. (PASSTHROUGH)
	BalancePassthrough
)

// A ConsistentHash maps a value of the request to an endpoint. Few values move
// to another endpoint when endpoints are added or removed (Istio's
// LoadBalancerSettings.ConsistentHashLB). Exactly one of HTTPHeaderName,
// HTTPCookie, UseSourceIP and HTTPQueryParameterName selects the value. A
// request without the value gets a random endpoint.
type ConsistentHash struct {
	// HTTPHeaderName uses the value of a header. Several lines are sorted and
	// joined.
	HTTPHeaderName string
	// HTTPCookie uses the value of a cookie, and can create the cookie.
	HTTPCookie *HashCookie
	// UseSourceIP uses the client's address, without port.
	UseSourceIP bool
	// HTTPQueryParameterName uses the first value of a query parameter, without
	// decoding.
	HTTPQueryParameterName string

	// RingHash and Maglev select the algorithm. If both are nil, it is RingHash
	// with its zero value.
	RingHash *RingHash
	Maglev   *Maglev
}

// A RingHash puts each endpoint on a ring many times (Istio's
// ConsistentHashLB.RingHash).
type RingHash struct {
	// MinimumRingSize is the minimum number of points on the ring. Zero means
	// 1024.
	MinimumRingSize int
}

// A Maglev fills a table with endpoints (Istio's ConsistentHashLB.MagLev).
type Maglev struct {
	// TableSize is a prime number below 5000011. Istio requires it, although its
	// documentation gives 65537 as the default.
	TableSize int
}

// A HashCookie is a cookie whose value is hashed (Istio's
// ConsistentHashLB.HTTPCookie).
type HashCookie struct {
	Name string
	// Path is the path of a created cookie. Empty means no path.
	Path string
	// TTL is the lifetime of the cookie that is created for a request without
	// one. 0 creates a session cookie. Nil creates none.
	TTL *time.Duration
	// Attributes are added to a created cookie.
	Attributes []CookieAttribute
}

// A CookieAttribute is one attribute of a cookie: a name, or name=value.
type CookieAttribute struct{ Name, Value string }

// A Warmup slowly increases the share of a new endpoint (Istio's
// WarmupConfiguration).
type Warmup struct {
	// Duration is how long the warmup lasts, at least 1 ms.
	Duration time.Duration
	// MinimumPercent is the share of its weight that an endpoint gets at first.
	// Nil means 10.
	MinimumPercent *float64
	// Aggression is how fast the share grows at first. The share is the elapsed
	// part of Duration to the power of 1/Aggression. Nil means 1, which is
	// linear.
	Aggression *float64
}

// A LocalityLB prefers endpoints by region, zone and subzone, relative to the
// gateway's own (Istio's LocalityLoadBalancerSetting). It has an effect only if
// the gateway has a locality. Failover and FailoverPriority also need
// OutlierDetection. The zero value prefers near endpoints.
type LocalityLB struct {
	// Enabled turns locality off if it is false. Nil means true.
	Enabled *bool
	// Distribute gives shares to localities. A locality that is not listed gets
	// nothing.
	Distribute []LocalityDistribute
	// Failover selects which region replaces a failed one.
	Failover []LocalityFailover
	// FailoverPriority orders endpoints by how many of these labels, counted from
	// the first, they share with the gateway: "key", or "key=value".
	FailoverPriority []string
}

// A LocalityDistribute divides the requests of gateways in one locality among
// localities (Istio's LocalityLoadBalancerSetting.Distribute). A locality is
// "region", "region/zone" or "region/zone/subzone"; * as the last part means
// all localities below.
type LocalityDistribute struct {
	From string
	// To maps localities to percentages, whose sum is 100.
	To map[string]int
}

// A LocalityFailover names the region that replaces another one (Istio's
// LocalityLoadBalancerSetting.Failover).
type LocalityFailover struct{ From, To string }
