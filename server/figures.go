package server

import "sync/atomic"

// figures are counts of a socket, over all its generations.
type figures struct {
	// accepted counts connections, and failedHandshakes those that got no further.
	accepted, failedHandshakes atomic.Uint64
	// panics counts requests whose handlers panicked.
	panics atomic.Uint64
	// refused counts connections above a limit, and refusedPerAddress those of them above
	// that of their address.
	refused, refusedPerAddress atomic.Uint64
	// slowBodies and slowReaders count what clients were too slow for.
	slowBodies, slowReaders atomic.Uint64
	// unread counts the requests that no handler saw, by the status of the answer less 400.
	unread [200]atomic.Uint64
	// open counts connections that an HTTP server has, and active requests.
	open, active atomic.Int64
}
