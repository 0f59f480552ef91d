package edge

import (
	"math/rand/v2"
)

// Random returns a random number. It is safe for concurrent use and takes no
// lock.
func Random() uint64 { return rand.Uint64() }
