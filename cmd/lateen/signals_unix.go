//go:build unix

package main

import (
	"os"
	"syscall"
)

// reopen is the signal to open the access log again, and reload the one to read the
// configuration again.
const (
	reopen = syscall.SIGUSR1
	reload = syscall.SIGHUP
)

// watched are the signals that serve reacts to.
var watched = []os.Signal{syscall.SIGTERM, syscall.SIGINT, reload, reopen}
