package upstream

import (
	"github.com/lateengo/gateway/internal/upstream/internal/balance"
	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
	"github.com/lateengo/gateway/internal/upstream/internal/limits"
	"github.com/lateengo/gateway/internal/upstream/internal/outlier"
)

// How hosts are chosen.
type (
	// Balancing says how hosts are chosen. The zero value is Envoy's default.
	Balancing = balance.Config
	// A Policy is a way to choose among hosts.
	Policy = balance.Policy
	// A Warmup lets the share of a host grow after it joined.
	Warmup = balance.Warmup
	// A LocalitySetting prefers or weighs hosts by where they run.
	LocalitySetting = balance.LocalitySetting
	// A Locality is a place where hosts run.
	Locality = balance.Locality
	// A Distribute says how the traffic from some localities is distributed.
	Distribute = balance.Distribute
	// A LocalityWeight is the weight of the hosts in some localities.
	LocalityWeight = balance.LocalityWeight
	// A Failover prefers one region where the own one has no hosts.
	Failover = balance.Failover
)

// The policies.
const (
	// LeastRequest takes the less busy of two hosts drawn at random. The default.
	LeastRequest = balance.LeastRequest
	// RoundRobin takes one host after the other.
	RoundRobin = balance.RoundRobin
	// Random draws a host.
	Random = balance.Random
	// RingHash gives each key to a host by a ring of hashes.
	RingHash = balance.RingHash
	// Maglev gives each key to a host by a table.
	Maglev = balance.Maglev
)

// DefaultWarmupMinimumPercent is the MinimumPercent of a Warmup where nothing is
// configured.
const DefaultWarmupMinimumPercent = balance.DefaultWarmupMinimumPercent

// ParseLocality reads "region/zone/subzone", where parts at the end may be
// missing.
func ParseLocality(text string) Locality { return balance.ParseLocality(text) }

// What consistent hashing goes by.
type (
	// A HashKey is the part of a request that chooses the host.
	HashKey = hashkey.Key
	// A HashCookie is a cookie whose value chooses the host.
	HashCookie = hashkey.Cookie
	// A CookieAttribute is an attribute of a cookie that is created.
	CookieAttribute = hashkey.Attribute
)

// OutlierDetection says when a host that fails is ejected, and for how long.
type OutlierDetection = outlier.Config

// DefaultConsecutive5xx is the Consecutive5xx of an OutlierDetection where
// nothing is configured.
const DefaultConsecutive5xx = outlier.DefaultConsecutive5xx

// What a destination may have in use at the same time.
type (
	// Limits are the limits of one destination.
	Limits = limits.Thresholds
	// A RetryBudget limits retries in proportion to requests.
	RetryBudget = limits.RetryBudget
)

// Defaults of a RetryBudget, where nothing is configured.
const (
	DefaultBudgetPercent       = limits.DefaultBudgetPercent
	DefaultMinRetryConcurrency = limits.DefaultMinRetryConcurrency
)
