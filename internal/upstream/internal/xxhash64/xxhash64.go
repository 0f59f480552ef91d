// Package xxhash64 computes XXH64, the 64-bit xxHash. Envoy uses it for
// consistent hashing: for the keys of requests and the addresses of hosts.
package xxhash64

import "math/bits"

// The primes of the algorithm.
const (
	prime1 uint64 = 11400714785074694791
	prime2 uint64 = 14029467366897019727
	prime3 uint64 = 1609587929392839161
	prime4 uint64 = 9650029242287828579
	prime5 uint64 = 2870177450012600261
)

// stripe is the number of bytes that the four accumulators process at a time.
const stripe = 32

// Sum returns the XXH64 of data with a seed; Envoy's default seed is 0. It does
// not allocate.
func Sum[T string | []byte](data T, seed uint64) uint64 {
	n := len(data)
	i := 0
	var h uint64
	if n >= stripe {
		a, b, c, d := seed+prime1+prime2, seed+prime2, seed, seed-prime1
		for ; i+stripe <= n; i += stripe {
			a = round(a, word64(data[i:i+8]))
			b = round(b, word64(data[i+8:i+16]))
			c = round(c, word64(data[i+16:i+24]))
			d = round(d, word64(data[i+24:i+32]))
		}
		h = bits.RotateLeft64(a, 1) + bits.RotateLeft64(b, 7) + bits.RotateLeft64(c, 12) + bits.RotateLeft64(d, 18)
		for _, accumulator := range [...]uint64{a, b, c, d} {
			h = (h^round(0, accumulator))*prime1 + prime4
		}
	} else {
		h = seed + prime5
	}
	h += uint64(n)

	for ; i+8 <= n; i += 8 {
		h = bits.RotateLeft64(h^round(0, word64(data[i:i+8])), 27)*prime1 + prime4
	}
	if i+4 <= n {
		h = bits.RotateLeft64(h^uint64(word32(data[i:i+4]))*prime1, 23)*prime2 + prime3
		i += 4
	}
	for ; i < n; i++ {
		h = bits.RotateLeft64(h^uint64(data[i])*prime5, 11) * prime1
	}

	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

func round(accumulator, word uint64) uint64 {
	return bits.RotateLeft64(accumulator+word*prime2, 31) * prime1
}

// word64 and word32 read little-endian words.
func word64[T string | []byte](b T) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func word32[T string | []byte](b T) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}
