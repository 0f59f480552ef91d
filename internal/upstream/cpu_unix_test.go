//go:build unix

package upstream

import "syscall"

// processorTime returns the nanoseconds of processor time that this process used.
func processorTime() int64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}
