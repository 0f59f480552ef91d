package balance

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A Balancer chooses among hosts that do not change, but may be ejected and
// return. When a host joins or leaves, a new Balancer replaces it. It is safe
// for concurrent use. Pick takes no lock, and allocates nothing unless a retry
// goes to other localities.
type Balancer struct {
	config Config
	hosts  []Host
	levels []level
	// levelOf is the index of the level of each host, or -1 if the host gets no
	// requests.
	levelOf []int

	mu   sync.Mutex // orders updates of view
	view atomic.Pointer[view]
}

// A Request is the data that the choice of a host depends on.
type Request struct {
	// Hash is the hash of the request's key, if Hashed. Without it a hashing
	// policy chooses any host. Other policies ignore it.
	Hash   uint64
	Hashed bool
	// Tried are the hosts that got earlier tries of the request, in order. They
	// are avoided if possible: a host is chosen up to six times, and the sixth
	// choice is final.
	Tried []*State
	// RemoteLocalities lets every second retry leave the priorities that were
	// tried (Istio's retryRemoteLocalities). Hashing policies ignore it.
	RemoteLocalities bool
}

// repicks is how often a choice is repeated because the host was tried before
// (Envoy's host_selection_retry_max_attempts, as Istio sets it).
const repicks = 5

// New returns a Balancer of the hosts. It builds the tables of hashing
// policies, which takes milliseconds with a thousand hosts, so do not call it
// while a request waits. Hosts are not copied; they must not be changed
// afterwards.
func New(c Config, hosts []Host) *Balancer {
	c.setDefaults()
	b := &Balancer{config: c, hosts: hosts}
	b.levels, b.levelOf = c.prioritize(hosts)
	if c.Policy.hashes() {
		for i := range b.levels {
			b.levels[i].table = c.newTable(b.levels[i].shares(hosts))
		}
	}
	b.Update()
	return b
}

// Update reads which hosts are ejected. It only looks at all hosts, and does
// not rebuild the tables of hashing policies: keys of an ejected host move, and
// all others stay.
//
// If you replace one Balancer by another, call Update of the new one
// afterwards, because an ejection in between was reported to the old one.
func (b *Balancer) Update() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.view.Store(b.newView())
}

// Pick chooses a host, and returns its index in the hosts given to New, or -1 if
// none is healthy.
func (b *Balancer) Pick(r Request) int {
	v := b.view.Load()
	if b.config.Policy.hashes() {
		return b.pickHashed(v, &r)
	}
	loads := v.loads
	if r.RemoteLocalities && len(r.Tried) > 1 && len(b.levels) > 1 {
		loads = b.remoteLoads(v, r.Tried)
	}
	for repick := 0; ; repick++ {
		i := b.pick(v, loads)
		if i < 0 || !slices.Contains(r.Tried, b.hosts[i].State) {
			return i
		}
		if repick == repicks {
			return b.untried(i, r.Tried)
		}
	}
}

// untried returns a healthy host of i's level that was not tried, starting at a
// random place, or i if there is none. If one of few hosts is down,
// least-request keeps choosing it, because it has no other requests.
func (b *Balancer) untried(i int, tried []*State) int {
	n := len(b.hosts)
	first := int(b.config.Random() % uint64(n))
	for k := range n {
		at := (first + k) % n
		if h := &b.hosts[at]; b.levelOf[at] == b.levelOf[i] && !h.State.Ejected.Load() && !slices.Contains(tried, h.State) {
			return at
		}
	}
	return i
}

// pick chooses a level by the loads, a locality in it, and a host in that
// locality.
func (b *Balancer) pick(v *view, loads []int) int {
	l := &v.levels[0]
	if loads[0] < 100 {
		l = &v.levels[chooseLevel(loads, b.config.Random())]
	}
	switch len(l.groups) {
	case 0:
		return -1
	case 1:
		return l.groups[0].pick(&b.config)
	}
	return l.choose(b.config.Random()).pick(&b.config)
}

// pickHashed chooses a level and a host by the key.
func (b *Balancer) pickHashed(v *view, r *Request) int {
	h := r.Hash
	if !r.Hashed {
		h = b.config.Random()
	}
	at := 0
	if v.loads[0] < 100 {
		at = chooseLevel(v.loads, h)
	}
	if len(v.levels[at].groups) == 0 {
		return -1
	}
	for repick := uint64(0); ; repick++ {
		i := b.levels[at].table.at(h, repick, v.levels[at].out)
		if i < 0 {
			// Only hosts without an entry in a small table are healthy.
			i = v.levels[at].groups[0].pick(&b.config)
		}
		if repick == repicks || !slices.Contains(r.Tried, b.hosts[i].State) {
			return i
		}
	}
}
