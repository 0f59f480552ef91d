// Package yield lets requests run while a configuration is read and compiled. The functions
// are Each and Bytes.
//
// The scheduler takes a processor from a goroutine only after 10 ms. A replacement of a
// thousand routes takes less, and so would make the requests wait that are on its processor.
package yield

import "runtime"

// Others may run after this many routes, or bytes of text: after a fraction of a millisecond.
const (
	routes = 8
	bytes  = 2 << 10
)

// Each is called for each element of a long list, with its index, and now and then lets
// other goroutines run. It costs nothing if none is waiting.
func Each(i int) {
	if i%routes == routes-1 {
		runtime.Gosched()
	}
}

// Bytes is called when a part of a text was read, which lies between two offsets.
func Bytes(from, to int) {
	if from/bytes != to/bytes {
		runtime.Gosched()
	}
}
