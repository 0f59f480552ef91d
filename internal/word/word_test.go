package word_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/word"
)

// bytesOf returns the bytes of a word.
func bytesOf(w uint64) []byte {
	var b []byte
	for ; len(b) < word.Size; w >>= 8 {
		b = append(b, byte(w))
	}
	return b
}

func TestWordsOfAText(t *testing.T) {
	text := "abcdefghijklmnopqrstuvwxyz"
	for n := range len(text) {
		s := text[:n]
		for i := 0; i+word.Size <= n; i++ {
			require.Equal(t, s[i:i+word.Size], string(bytesOf(word.At(s, i))))
			require.Equal(t, word.At(s, i), word.At([]byte(s), i))
		}
		rest := s[n-n%word.Size:]
		require.Equal(t, rest+strings.Repeat("\x00", word.Size-len(rest)), string(bytesOf(word.Rest(s))))
		require.Equal(t, word.Rest(s), word.Rest([]byte(s)))
	}
}

func TestFill(t *testing.T) {
	for n := range word.Size {
		require.Equal(t, strings.Repeat("\x00", n)+strings.Repeat("x", word.Size-n), string(bytesOf(word.Fill('x', n))))
	}
}

func TestBegin(t *testing.T) {
	for n := range word.Size + 1 {
		require.Equal(t, strings.Repeat("\x00", word.Size-n)+"abcdefgh"[:n], string(bytesOf(word.Begin(word.At("abcdefgh", 0), n))))
	}
}

func TestPlaces(t *testing.T) {
	for n := range word.Size {
		text := strings.Repeat("x", n) + "/" + strings.Repeat("/", 7-n)
		marks := word.Equal(word.At(text, 0), '/')
		require.Equal(t, n, word.First(marks))
		require.Equal(t, word.Size-n, word.Count(marks))
		require.Equal(t, word.Size-1, word.Place(marks, word.Size-1-n))
		require.Equal(t, marks&-marks, word.Mark(n))
	}
	require.Zero(t, word.Count(0))
}

// marks returns the word that marks those bytes of w for which meant is true.
func marks(w uint64, meant func(c byte) bool) uint64 {
	m := uint64(0)
	for i, c := range bytesOf(w) {
		if meant(c) {
			m |= 0x80 << (8 * i)
		}
	}
	return m
}

const all = 0x8080808080808080

func TestMarks(t *testing.T) {
	// Each byte is between others that could carry over or borrow.
	for _, around := range []string{"\x00\x00", "\x7f\x7f", "//", "01", "zA", "\x00\xff", "\xff\x80"} {
		for c := range 256 {
			w := word.At(around[:1]+string([]byte{byte(c)})+around+"a"+string([]byte{byte(c)})+around, 0)
			require.Equal(t, marks(w, func(b byte) bool { return b == '/' }), word.Equal(w, '/'), "%x", w)
			require.Equal(t, marks(w, func(b byte) bool { return b == 0 }), word.Equal(w, 0), "%x", w)
			in := word.In(w, '+', ';') | word.Letters(w)
			meant := func(b byte) bool { return '+' <= b && b <= ';' || 'a' <= b|0x20 && b|0x20 <= 'z' }
			require.Equal(t, marks(w, meant) == all, word.Every(in, w), "%x", w)
			if marks(w, func(b byte) bool { return b < 0x80 }) == all {
				require.Equal(t, marks(w, meant), in&all, "%x", w)
				require.Equal(t, marks(w, func(b byte) bool { return b <= 'a' }), word.In(w, 0, 'a')&all, "%x", w)
				require.Equal(t, marks(w, func(b byte) bool { return b == 0x7f }), word.In(w, 0x7f, 0x7f)&all, "%x", w)
			}
		}
	}
}
