package istio

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// digests is the seed of all digests of this process.
var digests = maphash.MakeSeed()

// digest returns a number that is the same for equal values, with any order of map
// keys and any layout.
func digest(values ...*value) uint64 {
	var h maphash.Hash
	h.SetSeed(digests)
	for _, v := range values {
		v.digest(&h)
	}
	return h.Sum64()
}

func (v *value) digest(h *maphash.Hash) {
	if v == nil {
		h.WriteByte(byte(null))
		return
	}
	h.WriteByte(byte(v.form))
	digestText(h, v.scalar)
	digestLength(h, len(v.elements))
	if v.form != object {
		for _, e := range v.elements {
			e.digest(h)
		}
		return
	}
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(v.keys[i].name, v.keys[j].name) })
	for _, i := range order {
		digestText(h, v.keys[i].name)
		v.elements[i].digest(h)
	}
}

func digestText(h *maphash.Hash, s string) {
	digestLength(h, len(s))
	h.WriteString(s)
}

func digestLength(h *maphash.Hash, n int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}
