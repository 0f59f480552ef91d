package server

import "sync/atomic"

// figures are counts of a socket, over all its generations.
type figures struct {
	// accepted counts connections, and failedHandshakes those that got no further.
	accepted, failedHandshakes atomic.Uint64
	// open counts connections that net/http's server has, and active requests.
	open, active atomic.Int64
}
