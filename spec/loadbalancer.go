package spec

import (
	"time"
)

// A LoadBalancer chooses the endpoint of a request (Istio's
// LoadBalancerSettings). The zero value is LEAST_REQUEST.
type LoadBalancer struct {
	// Simple balances without regard to the request.
	Simple SimpleBalancer
	// ConsistentHash sends what is alike to one endpoint. It excludes Simple.
	ConsistentHash *ConsistentHash
	// Locality prefers endpoints by where they are. Nil is the zero value.
	Locality *LocalityLB
	// Warmup brings new endpoints up to their share by and by, where Simple is
	// LEAST_REQUEST or ROUND_ROBIN. Nil is at once.
	Warmup *Warmup
}

// A SimpleBalancer is a way to spread requests over endpoints (Istio's
// LoadBalancerSettings.SimpleLB).
type SimpleBalancer uint8

// The simple balancers.
const (
	// BalanceLeastRequest takes the less busy of two endpoints drawn at random,
	// and where weights differ, weighs by what is under way. (LEAST_REQUEST)
	BalanceLeastRequest SimpleBalancer = iota
	// BalanceRoundRobin takes endpoints in turn, by weight. (ROUND_ROBIN)
	BalanceRoundRobin
	// BalanceRandom draws endpoints, whatever their weight. (RANDOM)
	BalanceRandom
	// BalancePassthrough goes where the client's connection went, which at a
	// gateway is nowhere: requests get 503. (PASSTHROUGH)
	BalancePassthrough
)

// A ConsistentHash maps a value of the request to an endpoint, so that few
// values move when endpoints come and go (Istio's
// LoadBalancerSettings.ConsistentHashLB). Exactly one of HTTPHeaderName,
// HTTPCookie, UseSourceIP and HTTPQueryParameterName is the value. A request
// without it gets a random endpoint.
type ConsistentHash struct {
	// HTTPHeaderName takes the value of a header. Several lines are sorted and
	// joined.
	HTTPHeaderName string
	// HTTPCookie takes the value of a cookie, which may be made.
	HTTPCookie *HashCookie
	// UseSourceIP takes the client's address, without port.
	UseSourceIP bool
	// HTTPQueryParameterName takes the first value of a query parameter, as it
	// was written.
	HTTPQueryParameterName string

	// RingHash and Maglev are the algorithms. Neither is RingHash with its zero
	// value.
	RingHash *RingHash
	Maglev   *Maglev
}

// A RingHash puts endpoints on a ring many times over (Istio's
// ConsistentHashLB.RingHash).
type RingHash struct {
	// MinimumRingSize is the least number of points on the ring. Zero is 1024.
	MinimumRingSize int
}

// A Maglev fills a table with endpoints (Istio's ConsistentHashLB.MagLev).
type Maglev struct {
	// TableSize is a prime number below 5000011. Istio requires one, although it
	// documents 65537 as the default.
	TableSize int
}

// A HashCookie is a cookie whose value is hashed (Istio's
// ConsistentHashLB.HTTPCookie).
type HashCookie struct {
	Name string
	// Path of a cookie that is made. Empty is none.
	Path string
	// TTL makes a cookie for requests without it. 0 lasts as long as the
	// client's session. Nil makes none.
	TTL *time.Duration
	// Attributes are added to a cookie that is made.
	Attributes []CookieAttribute
}

// A CookieAttribute is one attribute of a cookie: a name, or name=value.
type CookieAttribute struct{ Name, Value string }

// A Warmup lets the share of a new endpoint grow (Istio's WarmupConfiguration).
type Warmup struct {
	// Duration is how long it takes, 1ms or more.
	Duration time.Duration
	// MinimumPercent of its weight is what an endpoint begins with. Nil is 10.
	MinimumPercent *float64
	// Aggression is how fast the share grows at first: the share is the part of
	// Duration gone by to the power of 1/Aggression. Nil is 1, which is linear.
	Aggression *float64
}

// A LocalityLB prefers endpoints by region, zone and subzone, relative to the
// gateway's own (Istio's LocalityLoadBalancerSetting). It has an effect where
// the gateway has a locality; Failover and FailoverPriority, where there is
// OutlierDetection. The zero value prefers what is near.
type LocalityLB struct {
	// Enabled, when false, switches locality off. Nil is true.
	Enabled *bool
	// Distribute gives shares to localities; what is not listed gets nothing.
	Distribute []LocalityDistribute
	// Failover says where requests go when a region fails.
	Failover []LocalityFailover
	// FailoverPriority orders endpoints by how many of these labels, from the
	// first on, they have in common with the gateway: "key", or "key=value".
	FailoverPriority []string
}

// A LocalityDistribute shares the requests of gateways in one place among others
// (Istio's LocalityLoadBalancerSetting.Distribute). Places are "region",
// "region/zone" or "region/zone/subzone", with * as the last part for all below.
type LocalityDistribute struct {
	From string
	// To holds percentages whose sum is 100.
	To map[string]int
}

// A LocalityFailover names the region that stands in for another (Istio's
// LocalityLoadBalancerSetting.Failover).
type LocalityFailover struct{ From, To string }
