package bucket

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Memory counts descriptors of requests in this process. Their limits need not be known
// before the requests. NewMemory returns one. All methods can be called concurrently.
//
// A counter belongs to a domain, the entries of a descriptor, and its rate. If the rate
// changes, the count begins again.
//
// A Memory counts maxRates different rates at the same time. When there is another one,
// those that nobody has used for so long that all their buckets are full make room. If
// there is none, the rate is an error: rates may come from clients, and must not end what
// counts already.
type Memory struct {
	budget *Budget
	// clock is nil for the clock of the process.
	clock func() time.Time
	seed  maphash.Seed
	// rates is copied when it changes.
	rates atomic.Pointer[map[terms]*Buckets]

	mu sync.Mutex
	// searched is when no rate was unused.
	searched time.Time
}

const (
	// maxRates is how many rates a Memory counts.
	maxRates = 1024
	// searchPause is how long a Memory does not search for unused rates after it has
	// found none.
	searchPause = time.Second
	// maxRefill is how long the burst of a rate may take to refill.
	maxRefill = 4 * 365 * 24 * time.Hour
)

// Terms are the numbers of a limit. Buckets have one of them.
type terms struct {
	requests, burst int
	unit            time.Duration
	algorithm       ratelimit.Algorithm
}

// errTooManyRates is the error for a rate that a Memory has no place for.
var errTooManyRates = fmt.Errorf("more than %d different limits are in use", maxRates)

// NewMemory returns a Memory with a budget, which may be nil.
func NewMemory(budget *Budget) *Memory {
	m := &Memory{budget: budget, seed: maphash.MakeSeed()}
	m.rates.Store(&map[terms]*Buckets{})
	return m
}

// A Counter is what a descriptor counts with. Equal counters count together.
type Counter struct {
	buckets *Buckets
	key     Key
}

// Take takes the hits of a descriptor, or one if it has none. Its rate must come from a
// configuration: it is counted however many rates there are. A burst that takes too long to
// refill is smaller.
func (m *Memory) Take(domain string, d *ratelimit.Descriptor) Verdict {
	c, err := m.counter(domain, d, true)
	if err != nil {
		return Verdict{Allowed: true, pace: new(newPace(&spec.RateLimit{Requests: d.Requests, Unit: d.Unit, Burst: d.Burst}))}
	}
	return c.Take(max(d.Hits, 1))
}

// Counter returns the counter of a descriptor. The error says what is wrong with the
// limit, or that there are too many different ones.
func (m *Memory) Counter(domain string, d *ratelimit.Descriptor) (Counter, error) {
	return m.counter(domain, d, false)
}

// counter is Counter for a rate that is configured, or comes from outside.
func (m *Memory) counter(domain string, d *ratelimit.Descriptor, configured bool) (Counter, error) {
	r := terms{requests: d.Requests, burst: d.Burst, unit: d.Unit, algorithm: d.Algorithm}
	if r.algorithm == ratelimit.AlgorithmFixedWindow || r.burst == r.requests {
		r.burst = 0
	}
	b := (*m.rates.Load())[r]
	if b == nil {
		var err error
		if b, err = m.add(r, configured); err != nil {
			return Counter{}, err
		}
	}
	return Counter{b, m.hash(domain, d.Entries)}, nil
}

// Take takes as many tokens as a request costs, like Buckets.TakeN.
func (c Counter) Take(hits int) Verdict { return c.buckets.TakeN(c.key, hits) }

// Again returns the counter for the descriptor that has the same counter as n others
// before it in the same request.
func (c Counter) Again(n int) Counter {
	c.key = max(1, c.key+Key(n)*0x9e3779b97f4a7c15)
	return c
}

// hash returns a key. Lengths keep ("a", "bc") and ("ab", "c") apart.
func (m *Memory) hash(domain string, entries []ratelimit.Entry) Key {
	var h maphash.Hash
	h.SetSeed(m.seed)
	write := func(text string) {
		var length [8]byte
		binary.LittleEndian.PutUint64(length[:], uint64(len(text)))
		_, _ = h.Write(length[:])
		_, _ = h.WriteString(text)
	}
	write(domain)
	for i := range entries {
		write(entries[i].Key)
		write(entries[i].Value)
	}
	// In a slot, 0 is no key.
	return Key(max(1, h.Sum64()))
}

// add adds the buckets of a rate.
func (m *Memory) add(r terms, configured bool) (*Buckets, error) {
	l, err := r.limit(configured)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before := *m.rates.Load()
	if b := before[r]; b != nil {
		return b, nil
	}
	after := maps.Clone(before)
	if len(after) >= maxRates && !m.forget(after) && !configured {
		return nil, errTooManyRates
	}
	b := newBuckets(l, true, m.budget, m.clock)
	after[r] = b
	m.rates.Store(&after)
	return b, nil
}

// forget removes rates whose buckets are all full. A request that takes from one at the
// same moment is forgotten too. It returns false if there is none.
func (m *Memory) forget(rates map[terms]*Buckets) bool {
	now := m.now()
	if since := now.Sub(m.searched); 0 <= since && since < searchPause {
		return false
	}
	for r, b := range rates {
		if !b.table.used() {
			delete(rates, r)
		}
	}
	if len(rates) < maxRates {
		return true
	}
	m.searched = now
	return false
}

func (m *Memory) now() time.Time {
	if m.clock != nil {
		return m.clock()
	}
	return time.Now()
}

// limit returns the limit with these terms, or what is wrong with them.
func (r terms) limit(configured bool) (*spec.RateLimit, error) {
	l := &spec.RateLimit{Requests: r.requests, Unit: r.unit, Burst: r.burst}
	if r.requests < 1 || r.unit <= 0 || r.burst < 0 {
		return nil, fmt.Errorf("%d requests per %v with a burst of %d are not possible", r.requests, r.unit, r.burst)
	}
	switch r.algorithm {
	case ratelimit.AlgorithmGCRA:
		burst := cmp.Or(r.burst, r.requests)
		// A pace makes the burst smaller if it cannot represent it.
		if p := newPace(l); !configured && (p.burst/p.token < int64(burst) || p.duration(p.burst) > maxRefill) {
			return nil, fmt.Errorf("a burst of %d with %d requests per %v takes too long to refill: the maximum is four years", burst, r.requests, r.unit)
		}
	case ratelimit.AlgorithmFixedWindow:
		l.Algorithm = spec.LimitFixedWindow
	default:
		return nil, fmt.Errorf("algorithm %d is unknown", r.algorithm)
	}
	return l, nil
}
