// Package word processes texts eight bytes at a time.
package word

import "math/bits"

// A Text is a type from which words are read.
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

// Rest returns the last len(s)%8 bytes of s, the first one lowest. The bytes
// above are zero.
func Rest[T Text](s T) uint64 {
	n := len(s) % Size
	if len(s) >= Size {
		// A shift by all 64 bits gives zero.
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

// Fill returns a word with c in all bytes except the first n, which are zero. n
// must be less than Size.
func Fill(c byte, n int) uint64 { return low * uint64(c) << (Size * n & 63) }

// Equal returns a word with the highest bit of each byte of w that equals c,
// and no other bits.
func Equal(w uint64, c byte) uint64 {
	w ^= low * uint64(c)
	return ^(w&^high + ^uint64(high) | w | ^uint64(high))
}

// Count returns the number of bytes in marks.
func Count(marks uint64) int { return int(marks >> 7 * low >> (Size * (Size - 1))) }

// First returns the index of the first byte in marks, which must have at least
// one.
func First(marks uint64) int { return bits.TrailingZeros64(marks) / Size }

// Place returns the index of the byte in marks that follows n others.
func Place(marks uint64, n int) int {
	for range n {
		marks &= marks - 1
	}
	return First(marks)
}

// Mark returns the mark of the byte at an index.
func Mark(place int) uint64 { return 0x80 << (Size * place & 63) }

// In returns a word with the highest bit set for each byte of w between first
// and last. Its other bits are undefined. All bits are undefined unless w,
// first and last are ASCII.
func In(w uint64, first, last byte) uint64 {
	return (w + low*uint64(0x80-first)) &^ (w + low*uint64(0x7f-last))
}

// Letters is In for the letters of both cases.
func Letters(w uint64) uint64 { return In(w|low*0x20, 'a', 'z') }

// Every reports whether w is ASCII and in has the highest bit of each of its
// bytes.
func Every(in, w uint64) bool { return in&^w&high == high }
