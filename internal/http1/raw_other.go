//go:build !unix

package http1

import "net"

// A rawInput is not available here.
type rawInput struct{}

func (*rawInput) init(*input, net.Conn) {}

func (*rawInput) usable() bool { return false }

func (*rawInput) wait() error { panic("unreachable") }
