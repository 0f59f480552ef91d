//go:build !linux

package rls

import "syscall"

// control changes nothing where the kernel has no such option.
func control(string, string, syscall.RawConn) error { return nil }
