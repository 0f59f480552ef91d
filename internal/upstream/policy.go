package upstream

import (
	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
	"github.com/lateengo/gateway/internal/upstream/internal/limits"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// How hosts are chosen.
type (
	// Balancing defines how hosts are chosen. The zero value is Envoy's
	// default.
	Balancing = balance.Config
	// A Policy is a way to choose among hosts.
	Policy = balance.Policy
	// A Warmup lets the share of a host grow after it joined.
	Warmup = balance.Warmup
	// A LocalitySetting prefers or weighs hosts by where they run.
	LocalitySetting = balance.LocalitySetting
	// A Locality is a place where hosts run.
	Locality = balance.Locality
	// A Distribute defines how the traffic from some localities is distributed.
	Distribute = balance.Distribute
	// A LocalityWeight is the weight of the hosts in some localities.
	LocalityWeight = balance.LocalityWeight
	// A Failover prefers one region if the proxy's own region has no hosts.
	Failover = balance.Failover
)

// The policies.
const (
	// LeastRequest chooses the less busy of two hosts drawn at random. This is
	// the default.
	LeastRequest = balance.LeastRequest
	// RoundRobin chooses one host after the other.
	RoundRobin = balance.RoundRobin
	// Random draws a host.
	Random = balance.Random
	// RingHash maps each key to a host by a ring of hashes.
	RingHash = balance.RingHash
	// Maglev maps each key to a host by a table.
	Maglev = balance.Maglev
)

// DefaultWarmupMinimumPercent is the MinimumPercent of a Warmup if nothing is
// configured.
const DefaultWarmupMinimumPercent = balance.DefaultWarmupMinimumPercent

// ParseLocality reads "region/zone/subzone", where parts at the end may be
// missing.
func ParseLocality(text string) Locality { return balance.ParseLocality(text) }

// The keys of consistent hashing.
type (
	// A HashKey is the part of a request that chooses the host.
	HashKey = hashkey.Key
	// A HashCookie is a cookie whose value chooses the host.
	HashCookie = hashkey.Cookie
	// A CookieAttribute is an attribute of a cookie that is created.
	CookieAttribute = hashkey.Attribute
)

// OutlierDetection defines when a failing host is ejected, and for how long.
type OutlierDetection = outlier.Config

// DefaultConsecutive5xx is the Consecutive5xx of an OutlierDetection if nothing
// is configured.
const DefaultConsecutive5xx = outlier.DefaultConsecutive5xx

// Limits on what a destination may use at the same time.
type (
	// Limits are the limits of one destination.
	Limits = limits.Thresholds
	// A RetryBudget limits retries in proportion to requests.
	RetryBudget = limits.RetryBudget
)

// Defaults of a RetryBudget if nothing is configured.
const (
	DefaultBudgetPercent       = limits.DefaultBudgetPercent
	DefaultMinRetryConcurrency = limits.DefaultMinRetryConcurrency
)
