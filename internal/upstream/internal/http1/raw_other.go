//go:build !unix

package http1

import "net"

// A rawIO has no use on this system.
type rawIO struct{}

func (r *rawIO) init(*Conn, net.Conn, bool)      {}
func (r *rawIO) usable() bool                    { return false }
func (r *rawIO) peek() peeked                    { return unknown }
func (r *rawIO) send(*Conn, []byte) (int, error) { panic("unreachable") }
func (r *rawIO) try([]byte) (int, error)         { panic("unreachable") }
