//go:build !unix

package server

// mostConnections returns -1: the number of files is not limited.
func mostConnections() int { return -1 }
