package balance

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A Balancer chooses among hosts that do not change, but may be ejected and
// return. Where a host joins or leaves, a new Balancer takes its place. It is safe
// for concurrent use, and Pick takes no lock and allocates nothing unless a retry
// goes to other localities.
type Balancer struct {
	config Config
	hosts  []Host
	levels []level
	// levelOf is the index of the level of each host, or -1 if it gets nothing.
	levelOf []int

	mu   sync.Mutex // orders updates of view
	view atomic.Pointer[view]
}

// A Request is what the choice of a host depends on.
type Request struct {
	// Hash is that of the request's key, if Hashed. Without it a hashing policy
	// takes any host. Other policies ignore it.
	Hash   uint64
	Hashed bool
	// Tried are the hosts that earlier tries of the request were sent to, in their
	// order. They are avoided, though not at all costs: a host is chosen up to six
	// times, and then it is taken whatever it is.
	Tried []*State
	// RemoteLocalities lets every second retry leave the priorities that were
	// tried (Istio's retryRemoteLocalities). Hashing policies ignore it.
	RemoteLocalities bool
}

// repicks is how often a host that was tried before is put back (Envoy's
// host_selection_retry_max_attempts, as Istio sets it).
const repicks = 5

// New returns a Balancer of the hosts. It builds the tables of hashing policies,
// which takes milliseconds with a thousand hosts: it is not for the way of a
// request. Hosts are not copied; they must not be changed any more.
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

// Update takes note of which hosts are ejected. It costs as much as looking at all
// hosts, and nothing of the tables of hashing policies is built again: a key of an
// ejected host moves, and all others stay.
//
// Who replaces one Balancer by another calls Update of the new one after that,
// since an ejection in between was reported to the old one.
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

// untried returns a healthy host of i's level that was not tried, from anywhere
// on, or i if there is none. Where one of few hosts is down, chance alone keeps
// coming back to it: nobody else has a request there.
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

// pick chooses a level by the loads, a locality of it, and a host of that.
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
			// Only hosts for which a small table has no entry are healthy.
			i = v.levels[at].groups[0].pick(&b.config)
		}
		if repick == repicks || !slices.Contains(r.Tried, b.hosts[i].State) {
			return i
		}
	}
}
