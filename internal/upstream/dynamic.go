package upstream

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The limits for the names of a destination with DynamicDNS. They are the
// defaults of Envoy's DNS cache.
const (
	// maxNames is the maximum number of names (max_hosts).
	maxNames = 1024
	// maxNameWaits is how many requests may wait for the first answer to a name
	// (max_pending_requests of dns_cache_circuit_breaker).
	maxNameWaits = 1024
	// unusedNameTTL is how long a name is known after its last request (host_ttl).
	unusedNameTTL = 5 * time.Minute
	// shortestNameTTL is the minimum time for which an answer is valid
	// (dns_min_refresh_rate).
	shortestNameTTL = 5 * time.Second
)

// The failures that Envoy's dynamic forward proxy itself answers.
var (
	errNameUnresolved = &refusal{FlagDNSFailure, "DNS resolution failure"}
	errNamesFull      = &refusal{FlagOverflow, "DNS cache overflow"}
	errNameWaitsFull  = &refusal{FlagOverflow, "Dynamic forward proxy pending request overflow"}
)

// A refusal is the failure of a request that never reached a host.
type refusal struct{ flag, body string }

func (r *refusal) Error() string { return r.body }

// A nameTable holds the hosts of a destination with DynamicDNS, by the names
// that requests ask for (Envoy's DnsCacheImpl). Only a request for an unknown
// name takes the lock, and the lock is never held during a lookup.
type nameTable struct {
	upstream *Upstream
	// suffix is the lower-case end of all names. Something must precede it.
	suffix string
	port   string
	start  time.Time
	// waits counts the requests that wait for a first answer.
	waits atomic.Int64

	ctx context.Context
	// names holds the *requestedName of each name. It changes under mu.
	names sync.Map

	mu sync.Mutex
	// count is the number of names.
	count int
	// barren are the names that turned out to have no address.
	barren map[*requestedName]struct{}
	closed bool
}

// A requestedName is a name that a request has asked for.
type requestedName struct {
	lookup *lookup
	// resolved is closed after the first lookup.
	resolved chan struct{}
	// host is nil until an address is known.
	host atomic.Pointer[host]
	// used is the time of the latest request for it, since the table's start.
	used atomic.Int64
	// forget ends the lookups.
	forget context.CancelFunc
}

func newNameTable(ctx context.Context, u *Upstream, e *Endpoint) *nameTable {
	wildcard, port := e.wildcard()
	return &nameTable{
		upstream: u, suffix: strings.ToLower(wildcard[1:]), port: port,
		start: time.Now(), ctx: ctx, barren: make(map[*requestedName]struct{}),
	}
}

// pick returns the host of a request for an authority and counts a request to
// it. The authority's port is ignored. A name that does not match the wildcard
// is never looked up or connected to, and neither is text that could be read as
// an address.
func (t *nameTable) pick(ctx context.Context, authority string) (*host, error) {
	name, ok := t.nameOf(authority)
	if !ok {
		return nil, errNoEndpoint
	}
	n, err := t.find(ctx, name)
	if err != nil {
		return nil, err
	}
	n.used.Store(int64(time.Since(t.start)))
	if err := t.await(ctx, n); err != nil {
		return nil, err
	}
	if d := t.upstream.detector; d != nil {
		d.Sweep()
	}
	h := n.host.Load()
	switch {
	case h == nil:
		return nil, errNameUnresolved
	case h.state.Ejected.Load():
		return nil, errNoEndpoint
	}
	h.state.Active.Add(1)
	return h, nil
}

// await waits for the first answer to n.
func (t *nameTable) await(ctx context.Context, n *requestedName) error {
	select {
	case <-n.resolved:
		return nil
	default:
	}
	defer t.waits.Add(-1)
	if t.waits.Add(1) > maxNameWaits {
		return errNameWaitsFull
	}
	select {
	case <-n.resolved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wildcard returns the name and the port of an endpoint of DynamicDNS.
func (e *Endpoint) wildcard() (name, port string) {
	name, port, _ = net.SplitHostPort(e.Address)
	return name, port
}

// isWildcard reports whether a name is a wildcard for all names with the same
// end, and that end is not empty.
func isWildcard(name string) bool {
	rest, ok := strings.CutPrefix(name, "*")
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '-') && strings.Contains(rest, ".") && isDNSName("a"+rest)
}

// nameOf returns the name in an authority, in lower case, if it matches the
// wildcard.
func (t *nameTable) nameOf(authority string) (string, bool) {
	name := authority
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[:i]
	}
	if !isDNSName(name) {
		return "", false
	}
	name = strings.ToLower(name)
	return name, len(name) > len(t.suffix) && strings.HasSuffix(name, t.suffix)
}

// isDNSName reports whether s is a DNS name: labels of letters, digits, hyphens
// and underscores. The last label must begin with a letter: every top-level
// domain does, and no form of an IP address does.
func isDNSName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for {
		label, rest, more := strings.Cut(s, ".")
		if len(label) == 0 || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isLetter(c) && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
		if !more {
			return isLetter(label[0])
		}
		s = rest
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// find returns the entry of a name, and looks the name up if it is unknown.
func (t *nameTable) find(ctx context.Context, name string) (*requestedName, error) {
	if n := t.known(name); n != nil {
		return n, nil
	}
	n, err := t.add(name)
	if err != nil {
		return nil, err
	}
	if n == nil {
		// The request began before Close, and gets its own entry.
		n = t.newName(name)
		t.resolve(ctx, n)
		close(n.resolved)
		n.retire()
	}
	return n, nil
}

// known returns the entry of a name, or nil.
func (t *nameTable) known(name string) *requestedName {
	n, _ := t.names.Load(name)
	known, _ := n.(*requestedName)
	return known
}

// add returns the entry of a name that was unknown a moment ago, or nil if the
// table is closed.
func (t *nameTable) add(name string) (*requestedName, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch n := t.known(name); {
	case t.closed:
		return nil, nil
	case n != nil:
		return n, nil
	case t.count >= maxNames && !t.makeRoom():
		return nil, errNamesFull
	}
	n := t.newName(name)
	var ctx context.Context
	ctx, n.forget = context.WithCancel(t.ctx)
	t.names.Store(name, n)
	t.count++
	t.upstream.stopped.Go(func() { t.refresh(ctx, n) })
	return n, nil
}

func (t *nameTable) newName(name string) *requestedName {
	n := &requestedName{
		lookup:   &lookup{endpoint: &Endpoint{Address: name}, name: name, port: t.port},
		resolved: make(chan struct{}),
	}
	n.used.Store(int64(time.Since(t.start)))
	return n
}

// makeRoom drops a name that has no address, if there is one, so that made-up
// names do not keep out real ones. t.mu is held.
func (t *nameTable) makeRoom() bool {
	for n := range t.barren {
		n.forget()
		t.remove(n)
		return true
	}
	return false
}

// remove removes n from the table, if it is there. t.mu is held.
func (t *nameTable) remove(n *requestedName) {
	if t.names.CompareAndDelete(n.lookup.name, n) {
		t.count--
	}
	delete(t.barren, n)
}

// settle records whether n, which was looked up, has an address.
func (t *nameTable) settle(n *requestedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.host.Load() == nil && t.known(n.lookup.name) == n {
		t.barren[n] = struct{}{}
	} else {
		delete(t.barren, n)
	}
}

// refresh looks n up until it is no longer requested, or ctx ends.
func (t *nameTable) refresh(ctx context.Context, n *requestedName) {
	defer t.drop(n)
	for first := true; ; first = false {
		barren := n.host.Load() == nil
		wait := t.resolve(ctx, n)
		if barren {
			t.settle(n)
		}
		if first {
			close(n.resolved)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(wait, unusedNameTTL)):
		}
		if time.Since(t.start)-time.Duration(n.used.Load()) > unusedNameTTL {
			return
		}
	}
}

// resolve looks n up once, and returns the wait before the next lookup. A known
// address stays until there is another one. Open connections also stay.
func (t *nameTable) resolve(ctx context.Context, n *requestedName) time.Duration {
	u := t.upstream
	answer, err := u.config.lookUp(ctx, n.lookup.name)
	if err != nil {
		answer = Answer{}
	}
	if answer.TTL > 0 {
		answer.TTL = max(answer.TTL, shortestNameTTL)
	}
	if found := usable(answer, t.port); len(found) > 0 {
		if h := n.host.Load(); h != nil {
			h.address.Store(&found[0])
		} else {
			h = u.newHost(found[0], n.lookup)
			if u.detector != nil {
				h.monitor = u.detector.Add(&h.state.Ejected, u.reportEjections(h))
			}
			n.host.Store(h)
		}
	}
	return u.config.untilNextLookup(answer)
}

// drop forgets n.
func (t *nameTable) drop(n *requestedName) {
	n.forget()
	t.mu.Lock()
	t.remove(n)
	t.mu.Unlock()
	if h := n.host.Load(); h != nil && h.monitor != nil {
		t.upstream.detector.Remove(h.monitor)
	}
	n.retire()
}

// retire closes the connections of n that are not in use, now and later.
func (n *requestedName) retire() {
	if h := n.host.Load(); h != nil {
		h.retire()
	}
}

// close prevents new lasting lookups. Running ones end with the table's
// context.
func (t *nameTable) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}
