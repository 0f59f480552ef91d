package observe

import "net"

// A Port is a port of a gateway that accepts connections, with its present figures.
// server.Listeners.Ports returns them. The counts begin when the port is opened.
type Port struct {
	// Listener is Envoy's name of the listener, such as "0.0.0.0_80".
	Listener string
	// Number and Bind are the port number and bind address of its servers.
	Number int
	Bind   string
	// TLS means that connections begin with TLS.
	TLS bool
	// Addr is the address of the listener.
	Addr net.Addr

	// Accepted counts the connections so far, and FailedHandshakes those whose
	// TLS handshake failed. Open is the number of connections at present, without
	// hijacked ones, and Active the number of requests, with upgraded connections.
	// Panics counts requests whose handlers panicked. Refused counts connections above
	// MaxConnections or MaxConnectionsPerAddress, which were closed at once, and
	// RefusedPerAddress those of them above MaxConnectionsPerAddress. SlowBodies
	// counts requests below MinBodyRate, and SlowReaders connections, or streams of
	// HTTP/2, that ended because of MinResponseRate.
	Accepted, FailedHandshakes uint64
	Panics                     uint64
	Refused, RefusedPerAddress uint64
	SlowBodies, SlowReaders    uint64
	Open, Active               int64
	// Unread counts the requests that were refused because they violate HTTP or are above
	// a limit, so that no handler saw them, by the status of the answer, in order. Those
	// that net/http's server of HTTP/2 resets by itself are not counted.
	Unread []StatusCount
}

// A StatusCount is how many answers had a status.
type StatusCount struct {
	Status int
	Count  uint64
}
