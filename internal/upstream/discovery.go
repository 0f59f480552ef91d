package upstream

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// A Discovery yields the endpoints of a destination as they change. It calls
// update immediately with the present endpoints, even if there are none, and
// again with all endpoints after each change, until ctx ends. Then it returns
// soon. Any goroutine may call update. The latest call counts, and calls after
// the return have no effect. The endpoints given to update must not be changed
// afterwards.
//
// If it returns earlier, with or without an error, it is called again after a
// wait. The wait grows each time until the Discovery has called update.
// Meanwhile requests go to the latest endpoints.
type Discovery func(ctx context.Context, update func([]Endpoint)) error

const (
	// firstEndpointsTimeout limits how long the first requests wait for endpoints,
	// as Envoy's initial_fetch_timeout does.
	firstEndpointsTimeout = 15 * time.Second
	// A Discovery that returned is called again after a random time between
	// half the back-off and all of it. The first and the longest back-off are
	// those of Envoy for a stream from its management server.
	firstDiscoveryBackOff = 500 * time.Millisecond
	lastDiscoveryBackOff  = 30 * time.Second
)

// discover sets the hosts to those that the Discovery yields, until ctx ends.
func (u *Upstream) discover(ctx context.Context) {
	first := sync.OnceFunc(func() { close(u.resolved) })
	defer first()
	defer time.AfterFunc(firstEndpointsTimeout, first).Stop()
	backOff := firstDiscoveryBackOff
	for {
		if u.watch(ctx, first) {
			backOff = firstDiscoveryBackOff
		}
		half := backOff / 2
		backOff = min(2*backOff, lastDiscoveryBackOff)
		select {
		case <-ctx.Done():
			return
		case <-time.After(half + time.Duration(u.config.Random()%uint64(half))):
		}
	}
}

// watch runs the Discovery once, and reports whether it yielded endpoints. No
// update takes effect after the return, because Close retires the hosts that
// exist then.
func (u *Upstream) watch(ctx context.Context, first func()) bool {
	ctx, cancel := context.WithCancel(ctx)
	updated := false
	_ = u.config.Discovery(ctx, func(endpoints []Endpoint) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		u.replaceEndpoints(endpoints)
		updated = true
		first()
	})
	cancel()
	// An update that started before ctx ended holds the lock until it is done.
	u.mu.Lock()
	defer u.mu.Unlock()
	return updated
}

// replaceEndpoints replaces the hosts by those of discovered endpoints, in the
// order of their addresses. Endpoints that New would reject are left out. If
// several have the same address, the first counts. A host whose address stays
// is kept with its connections and ejections, even if its weight, labels or
// locality change.
func (u *Upstream) replaceEndpoints(endpoints []Endpoint) {
	known := make(map[address]*host)
	for _, l := range u.lookups {
		for a, h := range l.hosts {
			known[a] = h
		}
	}
	changed := false
	lookups := make(map[address]*lookup, len(endpoints))
	order := make([]address, 0, len(endpoints))
	for _, e := range endpoints {
		a, fixed := e.fixedAddress()
		if !fixed || lookups[a] != nil || e.check(Static) != nil || e.checkWeight() != nil {
			continue
		}
		l := &lookup{endpoint: &e}
		h := known[a]
		if h == nil {
			h = u.newHost(a, l)
		} else {
			changed = h.describe(&e) || changed
		}
		l.hosts = map[address]*host{a: h}
		lookups[a], order = l, append(order, a)
	}
	slices.SortFunc(order, func(a, b address) int {
		return cmp.Or(cmp.Compare(a.network, b.network), compareAddresses(a.address, b.address), cmp.Compare(a.address, b.address))
	})
	u.lookups = u.lookups[:0]
	for _, a := range order {
		u.lookups = append(u.lookups, lookups[a])
	}
	u.publish(changed)
}
