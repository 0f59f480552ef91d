//go:build !unix

package main

import (
	"os"
	"syscall"
)

// noSignal is sent by nobody.
type noSignal string

func (s noSignal) String() string { return string(s) }
func (noSignal) Signal()          {}

const (
	reopen = noSignal("reopen")
	reload = noSignal("reload")
)

// watched are the signals that serve reacts to.
var watched = []os.Signal{syscall.SIGTERM, os.Interrupt}
