package upstream

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// frame returns a frame with a payload of n bytes, which look like close frames.
func frame(first byte, n int, masked bool) []byte {
	out, mask := []byte{first}, byte(0)
	if masked {
		mask = 0x80
	}
	switch {
	case n < 126:
		out = append(out, mask|byte(n))
	case n < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, mask|126), uint16(n))
	default:
		out = binary.BigEndian.AppendUint64(append(out, mask|127), uint64(n))
	}
	if masked {
		out = append(out, 1, 2, 3, 4)
	}
	return append(out, bytes.Repeat([]byte{0x88}, n)...)
}

// However a stream is split, the close frame comes between two of its frames, and it is
// the first such place after leave.
func TestFarewell(t *testing.T) {
	stream, ends := []byte(nil), []int{0}
	add := func(f []byte) {
		stream = append(stream, f...)
		ends = append(ends, len(stream))
	}
	add(frame(0x81, 5, false))
	add(frame(0x82, 0, false))
	add(frame(0x01, 125, false)) // the first fragment of a message
	add(frame(0x89, 0, false))   // a ping
	add(frame(0x00, 126, false))
	add(frame(0x80, 65535, false))
	add(frame(0xc2, 65536, false)) // compressed
	add(frame(0x81, 3, true))
	for _, seed := range []uint64{1, 2, 3, 4, 5, 6, 7, 8} {
		random := rand.New(rand.NewPCG(seed, 0))
		most := []int{1, 3, 100, 1 << 17}[seed%4]
		for range 8 {
			at := random.IntN(len(stream) + 1)
			if random.IntN(2) == 0 {
				at = min(max(ends[random.IntN(len(ends))]+random.IntN(5)-2, 0), len(stream))
			}
			var client bytes.Buffer
			f := &farewell{client: &client}
			write := func(p []byte) {
				for len(p) > 0 {
					n := min(1+random.IntN(most), len(p))
					m, err := f.Write(p[:n])
					if err != nil || n != m {
						require.FailNow(t, "a write fails")
					}
					p = p[n:]
				}
			}
			write(stream[:at])
			f.leave()
			write(stream[at:])
			want := 0
			for want < len(ends) && ends[want] < at {
				want++
			}
			require.Equal(t, append(bytes.Clone(stream[:ends[want]]), goingAway...), client.Bytes(), "left after %d bytes", at)
		}
	}
}

// A backend that closes by itself is not interrupted.
func TestFarewellAfterClose(t *testing.T) {
	closing := append(frame(0x81, 2, false), 0x88, 2, 3, 0xe8)
	for at := range len(closing) + 1 {
		var client bytes.Buffer
		f := &farewell{client: &client}
		_, _ = f.Write(closing[:at])
		f.leave()
		_, _ = f.Write(closing[at:])
		if at == 0 {
			require.Equal(t, goingAway, client.Bytes())
			continue
		}
		if at <= 4 {
			require.Equal(t, append(frame(0x81, 2, false), goingAway...), client.Bytes(), at)
			continue
		}
		require.Equal(t, closing, client.Bytes(), at)
	}
}

// No stream makes the gateway fail, or changes while nobody leaves.
func FuzzFarewell(f *testing.F) {
	f.Add([]byte("hello"), 2)
	f.Add(frame(0x81, 300, true), 7)
	f.Add([]byte{0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 4)
	f.Fuzz(func(t *testing.T, stream []byte, at int) {
		at = min(max(at, 0), len(stream))
		var client bytes.Buffer
		w := &farewell{client: &client}
		_, _ = w.Write(stream[:at])
		require.True(t, bytes.Equal(stream[:at], client.Bytes()))
		_, _ = w.Write(stream[at:])
		require.True(t, bytes.Equal(stream, client.Bytes()))
		w.leave()
		require.Contains(t, []int{len(stream), len(stream) + len(goingAway)}, client.Len())
	})
}
