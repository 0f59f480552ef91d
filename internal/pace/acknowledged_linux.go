//go:build linux && (amd64 || arm64)

package pace

import (
	"encoding/binary"
	"net"
	"syscall"
	"unsafe"
)

// acknowledges means that acknowledged knows.
const acknowledges = true

// Where tcp_info has the number of packets on their way, of acknowledged bytes, and of
// bytes that the peer has no room for.
const (
	unacked    = 24
	bytesAcked = 120
	notSent    = 144
)

// acknowledged tells how much the peer has acknowledged. The kernel may hold megabytes
// that the peer has not taken.
func acknowledged(conn *net.TCPConn) (p Progress) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return p
	}
	_ = raw.Control(func(fd uintptr) {
		var info [notSent + 4]byte
		size := uint32(len(info))
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 && size == uint32(len(info)) {
			p.Known = true
			p.Bytes = int64(binary.NativeEndian.Uint64(info[bytesAcked:]))
			p.Owed = binary.NativeEndian.Uint32(info[unacked:])|binary.NativeEndian.Uint32(info[notSent:]) != 0
		}
	})
	return p
}
