package server

import "sync/atomic"

// figures are counts of a socket, over all its generations.
type figures struct {
	// accepted counts connections, and failedHandshakes those that got no further.
	accepted, failedHandshakes atomic.Uint64
	// panics counts requests whose handlers panicked.
	panics atomic.Uint64
	// refused counts connections above a limit.
	refused atomic.Uint64
	// slowBodies and slowReaders count what clients were too slow for.
	slowBodies, slowReaders atomic.Uint64
	// open counts connections that an HTTP server has, and active requests.
	open, active atomic.Int64
}
