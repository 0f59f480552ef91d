//go:build unix

package server

import "syscall"

const canPeek = true

// peek reports whether there is data to read, and whether the connection is open.
func peek(fd uintptr) (there, open bool) {
	var scratch [1]byte
	for {
		n, _, err := syscall.Recvfrom(int(fd), scratch[:], syscall.MSG_PEEK)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return false, true
		}
		return n > 0 && err == nil, n > 0 && err == nil
	}
}
