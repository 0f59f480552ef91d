package balance

import (
	"math/rand/v2"
	"time"
)

// A Policy is a way to choose among hosts.
type Policy uint8

const (
	// LeastRequest draws two hosts, which may be the same, and chooses the one
	// with fewer requests in progress. If weights differ, or a host is warming
	// up, a host is drawn in proportion to weight/(requests+1). This is the
	// default.
	LeastRequest Policy = iota
	// RoundRobin chooses one host after the other, in proportion to their
	// weights, and begins at a random host.
	RoundRobin
	// Random draws a host. Weights are ignored.
	Random
	// RingHash maps each key to a host by a ring of hashes.
	RingHash
	// Maglev maps each key to a host by a table.
	Maglev
)

// Defaults of a Config.
const (
	// DefaultMinimumRingSize is Istio's default.
	DefaultMinimumRingSize = 1024
	// DefaultTableSize is Envoy's default.
	DefaultTableSize = 65537
	// DefaultWarmupMinimumPercent is the default of Istio's warmup.
	DefaultWarmupMinimumPercent = 10
)

// A Config defines how hosts are chosen. The zero value is Envoy's default.
type Config struct {
	// Policy chooses among the hosts of one priority, or of one locality.
	Policy Policy
	// MinimumRingSize is the minimum number of entries of a ring. There are
	// more only so that the host with the smallest weight has a whole number of
	// them. 0 is DefaultMinimumRingSize.
	MinimumRingSize uint64
	// TableSize is the number of entries of a Maglev table. It must be prime. 0 is
	// DefaultTableSize.
	TableSize uint64
	// Warmup is the slow start of new hosts. It applies to LeastRequest and
	// RoundRobin. Nil is no warmup.
	Warmup *Warmup
	// PanicThreshold is the percentage of hosts that must be healthy. Below it
	// the ejected hosts are used as well (Istio's minHealthPercent). 0 disables
	// this: without a healthy host none is chosen.
	PanicThreshold uint32
	// Locality prefers or weighs hosts by where they run. Nil ignores
	// localities.
	Locality *LocalitySetting

	// Random is the source of randomness, safe for concurrent use. Nil is
	// math/rand/v2's Uint64.
	Random func() uint64
	// Now is the clock of the warmup. Nil is time.Now.
	Now func() time.Time
}

func (c *Config) setDefaults() {
	if c.MinimumRingSize == 0 {
		c.MinimumRingSize = DefaultMinimumRingSize
	}
	if c.TableSize == 0 {
		c.TableSize = DefaultTableSize
	}
	if c.Random == nil {
		c.Random = rand.Uint64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// hashes reports whether hosts are chosen by the key of the request.
func (p Policy) hashes() bool { return p == RingHash || p == Maglev }
