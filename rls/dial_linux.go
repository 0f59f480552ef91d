package rls

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is the option TCP_USER_TIMEOUT, which package syscall does not
// have everywhere.
const tcpUserTimeout = 18

// control bounds how long data may stay unacknowledged.
func control(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var failed error
	if err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unacknowledged.Milliseconds()))
	}); err != nil {
		return err
	}
	return failed
}
