//go:build unix

package server

import (
	"math"
	"syscall"
)

// ownFiles is how many files the process needs for itself.
const ownFiles = 64

// mostConnections returns half of the files that the process may open, or -1 if that is
// not limited.
func mostConnections() int {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil || uint64(files.Cur) > math.MaxInt32 {
		return -1
	}
	return max(int(files.Cur)-ownFiles, 2) / 2
}
