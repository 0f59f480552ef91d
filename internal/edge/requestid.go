package edge

import (
	"encoding/binary"
	"sync"
)

// idBatch is how many request ids are made at once.
const idBatch = 16

// RequestIDs are batches of ids that are not yet all used. An id is a part of
// its batch's text, which saves one allocation per id.
type RequestIDs struct{ batches sync.Pool }

// A requestIDBatch is a batch. Its first used ids were given out.
type requestIDBatch struct {
	text string
	used int
}

// RequestID returns a new random UUID (RFC 9562, version 4).
func (e *Edge) RequestID() string {
	batch, _ := e.IDs.batches.Get().(*requestIDBatch)
	if batch == nil {
		batch = &requestIDBatch{used: idBatch}
	}
	if batch.used == idBatch {
		var text [36 * idBatch]byte
		for i := range idBatch {
			putUUID((*[36]byte)(text[36*i:]), e.Random(), e.Random())
		}
		batch.text, batch.used = string(text[:]), 0
	}
	id := batch.text[36*batch.used:][:36]
	batch.used++
	e.IDs.batches.Put(batch)
	return id
}

// putUUID writes the version 4 UUID for 128 random bits. Six of them are fixed.
func putUUID(text *[36]byte, a, b uint64) {
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:8], a)
	binary.LittleEndian.PutUint64(raw[8:], b)
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	for i, at := range uuidDigits {
		binary.LittleEndian.PutUint16(text[at:], hexPairs[raw[i]])
	}
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
}

// uuidDigits are the positions of the 16 bytes in a UUID's text.
var uuidDigits = [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// hexPairs are the two hexadecimal digits of each byte, the first in the low bits.
var hexPairs = func() (t [256]uint16) {
	const digits = "0123456789abcdef"
	for i := range t {
		t[i] = uint16(digits[i>>4]) | uint16(digits[i&15])<<8
	}
	return t
}()
