// Package balance chooses the host of a request: Envoy's load balancing
// policies, with locality, priorities, panic, slow start, and ejected hosts. It
// does not handle connections.
package balance

import (
	"sync/atomic"
	"time"
)

// A Host is one address that requests can be sent to.
type Host struct {
	// Address is "ip:port", or the path of a socket. The consistent hash of the
	// host is made from it.
	Address string
	// Weight is the share of requests relative to other hosts. Zero counts as 1.
	Weight uint32
	// Locality is where the host runs.
	Locality Locality
	// Labels are compared with the proxy's for failover.
	Labels map[string]string
	// Added is when the host joined and its warmup began.
	Added time.Time
	// State is shared by all balancers that know the host. It must not be nil.
	State *State
}

// A State is the data of a host that changes between two requests. It is the
// identity of the host: a host that stays when others change keeps its State.
type State struct {
	// Active is the number of requests in progress. The sender of a request
	// counts it, from the choice of the host to the end of the exchange.
	Active atomic.Int64
	// Ejected is set while the host is ejected. After a change, call Update of
	// the balancers that know the host.
	Ejected atomic.Bool
}

// A member is a host in one of the groups that are chosen from.
type member struct {
	state  *State
	index  int32 // index in the hosts of the Balancer
	weight uint32
	added  time.Time
}
