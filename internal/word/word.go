// Package word looks at texts eight bytes at a time.
package word

import "math/bits"

// A Text is what words are read from.
type Text interface{ ~string | ~[]byte }

// Size is the number of bytes in a word.
const Size = 8

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// At returns the eight bytes of s from i on, the first one lowest.
func At[T Text](s T, i int) uint64 {
	s = s[i : i+Size]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Rest returns the last len(s)%8 bytes of s, the first one lowest, above which
// all is zero.
func Rest[T Text](s T) uint64 {
	n := len(s) % Size
	if len(s) >= Size {
		// A shift by all 64 bits leaves nothing.
		return At(s, len(s)-Size) >> (Size * (Size - n))
	}
	w := uint64(0)
	for i := range n {
		w |= uint64(s[i]) << (Size * i)
	}
	return w
}

// Begin returns the first n bytes of w, moved to the top, and zeros below.
func Begin(w uint64, n int) uint64 { return w << (Size * (Size - n)) }

// Fill returns a word with c in all bytes but the first n, of which there are less
// than Size and which are zero.
func Fill(c byte, n int) uint64 { return low * uint64(c) << (Size * n & 63) }

// Equal returns w with the highest bit set of those bytes that are c, and
// nothing else.
func Equal(w uint64, c byte) uint64 {
	w ^= low * uint64(c)
	return ^(w&^high + ^uint64(high) | w | ^uint64(high))
}

// Count returns how many bytes marks means.
func Count(marks uint64) int { return int(marks >> 7 * low >> (Size * (Size - 1))) }

// First returns the place of the first byte that marks means, of which there is
// at least one.
func First(marks uint64) int { return bits.TrailingZeros64(marks) / Size }

// Place returns the place of the byte that marks means after n others.
func Place(marks uint64, n int) int {
	for range n {
		marks &= marks - 1
	}
	return First(marks)
}

// Mark returns what means the byte at a place.
func Mark(place int) uint64 { return 0x80 << (Size * place & 63) }

// In returns w with the highest bit set of those bytes that lie between first and
// last. The other bits mean nothing, and none does unless all of w is ASCII, as
// first and last are.
func In(w uint64, first, last byte) uint64 {
	return (w + low*uint64(0x80-first)) &^ (w + low*uint64(0x7f-last))
}

// Letters is In for the letters of both cases.
func Letters(w uint64) uint64 { return In(w|low*0x20, 'a', 'z') }

// Every reports whether w is ASCII and in has the highest bit of each of its
// bytes.
func Every(in, w uint64) bool { return in&^w&high == high }
