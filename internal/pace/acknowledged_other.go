//go:build !linux || !(amd64 || arm64)

package pace

import "net"

// acknowledges means that acknowledged knows.
const acknowledges = false

// acknowledged does not know how much the peer has acknowledged.
func acknowledged(*net.TCPConn) Progress { return Progress{} }
