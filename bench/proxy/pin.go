//go:build linux

package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

// A cpuSet is a set of processors in the kernel's format.
type cpuSet [16]uint64

func (s *cpuSet) apply(call uintptr) error {
	// The calling thread; a process that it starts inherits the set.
	if _, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*s), uintptr(unsafe.Pointer(s))); errno != 0 {
		return errno
	}
	return nil
}

// pinned calls start so that the processes that it starts run on the first of
// this process's processors, or on all others.
func pinned(first bool, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, some cpuSet
	if err := all.apply(syscall.SYS_SCHED_GETAFFINITY); err != nil {
		return err
	}
	seen := false
	for i, word := range all {
		for bit := range 64 {
			if word&(1<<bit) == 0 {
				continue
			}
			if first != seen {
				some[i] |= 1 << bit
			}
			seen = true
		}
	}
	if some == (cpuSet{}) { // there is only one processor
		some = all
	}
	if err := some.apply(syscall.SYS_SCHED_SETAFFINITY); err != nil {
		return err
	}
	err := start()
	if failed := all.apply(syscall.SYS_SCHED_SETAFFINITY); err == nil {
		err = failed
	}
	return err
}
