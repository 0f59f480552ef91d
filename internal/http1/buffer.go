package http1

import "sync"

// The memory for reading and writing comes from pools by size. A connection has none
// while it waits for a request.
const (
	smallest = 4 << 10
	largest  = 64 << 10
)

// boxes are the pools of buffers of smallest, and of each power of two up to largest.
var boxes [5]sync.Pool

// boxFor returns a buffer of at least n bytes. Those that are larger than largest are
// not kept.
func boxFor(n int) *[]byte {
	size := smallest
	for i := range boxes {
		if n <= size {
			if box, ok := boxes[i].Get().(*[]byte); ok {
				return box
			}
			b := make([]byte, size)
			return &b
		}
		size *= 2
	}
	b := make([]byte, n)
	return &b
}

// put gives a buffer back.
func put(box *[]byte) {
	size := smallest
	for i := range boxes {
		if len(*box) == size {
			boxes[i].Put(box)
			return
		}
		size *= 2
	}
}
