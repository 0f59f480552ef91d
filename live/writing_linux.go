package live

import (
	"os"
	"syscall"
)

// isBeingWritten reports whether a process has a file open for writing, and whether that is
// known. The kernel grants a read lease only on files that nobody writes. It gives leases
// only to the owner of the file, and not on all file systems.
func isBeingWritten(path string) (written, known bool) {
	f, err := os.Open(path)
	if err != nil {
		return false, false
	}
	defer f.Close()
	const setLease = 1024 // F_SETLEASE
	fcntl := func(lease int) (errno syscall.Errno) {
		raw, err := f.SyscallConn()
		if err != nil {
			return syscall.EINVAL
		}
		if err := raw.Control(func(fd uintptr) {
			_, _, errno = syscall.Syscall(syscall.SYS_FCNTL, fd, setLease, uintptr(lease))
		}); err != nil {
			return syscall.EINVAL
		}
		return errno
	}
	switch fcntl(syscall.F_RDLCK) {
	case 0:
		fcntl(syscall.F_UNLCK)
		return false, true
	case syscall.EAGAIN:
		return true, true
	}
	return false, false
}
