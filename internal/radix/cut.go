package radix

import (
	"cmp"
	"math/bits"
	"strings"

	"github.com/lateengo/gateway/internal/word"
)

// A cut is the place before or after a slash of a string. The end of a string
// counts as a slash.
type cut struct {
	// slashes is the number of slashes before that slash.
	slashes int
	// after is 1 for the place after the slash.
	after int
}

// cutOf returns the cut at which key ends. If the key ends in a slash, a string
// that begins with it has the same cut there; otherwise the string may have it,
// or continue within the segment.
func cutOf(key string) cut {
	n := strings.Count(key, "/")
	if strings.HasSuffix(key, "/") {
		return cut{n - 1, 1}
	}
	return cut{n, 0}
}

// compare orders cuts, last first.
func (c cut) compare(d cut) int {
	return cmp.Or(cmp.Compare(d.slashes, c.slashes), cmp.Compare(d.after, c.after))
}

// before returns the length of the part of s before a cut, and its hash. The
// length is -1 if s has no such cut. The seed need not be secret, because only
// the operator chooses the keys of a table. Clients only look keys up, which
// makes no search longer.
func before[S string | []byte](s S, c cut) (length int, h uint64) {
	left, h := c.slashes, uint64(seed)
	i := 0
	for ; i <= len(s)-word.Size; i += word.Size {
		w := word.At(s, i)
		slashes := word.Equal(w, '/')
		n := word.Count(slashes)
		if n > left {
			size := word.Place(slashes, left) + c.after
			return i + size, finish(h, word.Begin(w, size))
		}
		left -= n
		h = mix(h, w)
	}
	return beforeEnd(s, c.after, i, left, h)
}

// beforeEnd is before for the last bytes of s, from i on, with left slashes
// remaining.
func beforeEnd[S string | []byte](s S, after, i, left int, h uint64) (int, uint64) {
	w := word.Rest(s)
	slashes := word.Equal(w, '/') | word.Mark(len(s)-i)
	if word.Count(slashes) <= left {
		return -1, 0
	}
	size := word.Place(slashes, left) + after
	if i+size > len(s) {
		return -1, 0
	}
	return i + size, finish(h, word.Begin(w, size))
}

const (
	seed = 0x9e3779b97f4a7c15
	// factor is odd, and half of its bits are set.
	factor = 0xa0761d6478bd642f
)

// mix adds a whole word to a hash.
func mix(h, w uint64) uint64 { return (bits.RotateLeft64(h, 23) ^ w) * factor }

// finish adds the last word. After it every bit depends on the whole text.
func finish(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w, factor)
	return hi ^ lo
}
