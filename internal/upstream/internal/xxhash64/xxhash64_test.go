package xxhash64

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// The published hashes of texts, with lengths on both sides of every step of the
// algorithm.
func TestTexts(t *testing.T) {
	for _, row := range []struct {
		text string
		seed uint64
		want uint64
	}{
		{"", 0, 0xef46db3751d8e999},
		{"a", 0, 0xd24ec4f1a98c6e5b},
		{"ab", 0, 7347350983217793633},
		{"abc", 0, 0x44bc2cf5ad770999},
		{"foo", 0, 3728699739546630719},
		{"1234", 0, 0xd8316e61d84f6ba4},
		{"xxhash", 0, 0x32dd38952c4bc720},
		{"12345678", 0, 0xd2d02f08cf7cfd4a},
		{"123456789012345", 0, 0xc377d78ade001a3c},
		{"1234567890123456", 0, 0xb61c33dc6c59f270},
		{"1234567890123456789012345678901", 0, 0x8f367cb873a5376e},
		{"12345678901234567890123456789012", 0, 0x40fd1aa52d98274c},
		{"The quick brown fox jumps over the lazy dog", 0, 0x0b242d361fda71bc},
		{"this is a test", 0xcafe, 0x4228c3215949e862},
		{"", 0x1234567890abcdef, 0xa2f5c44d0f46c872},
		{"0", 0x1234567890abcdef, 0xf47ebf7f5cb6795b},
	} {
		require.Equal(t, row.want, Sum(row.text, row.seed), "%q with seed %d", row.text, row.seed)
		require.Equal(t, row.want, Sum([]byte(row.text), row.seed), "%q with seed %d", row.text, row.seed)
	}
}

// The self-test of the reference implementation: prefixes of one pseudo-random
// buffer, with and without a seed.
func TestReferenceBuffer(t *testing.T) {
	const (
		prime32 = 2654435761
		prime64 = 11400714785074694797
	)
	buffer := make([]byte, 222)
	generator := uint64(prime32)
	for i := range buffer {
		buffer[i] = byte(generator >> 56)
		generator *= prime64
	}
	for _, row := range []struct {
		length int
		seed   uint64
		want   uint64
	}{
		{0, 0, 0xef46db3751d8e999},
		{0, prime32, 0xac75fda2929b17ef},
		{1, 0, 0xe934a84adb052768},
		{1, prime32, 0x5014607643a9b4c3},
		{4, 0, 0x9136a0dca57457ee},
		{14, 0, 0x8282dcc4994e35c8},
		{14, prime32, 0xc3bd6bf63deb6df0},
		{222, 0, 0xb641ae8cb691c174},
		{222, prime32, 0x20cb8ab7ae10c14a},
	} {
		require.Equal(t, row.want, Sum(buffer[:row.length], row.seed), "%d bytes with seed %d", row.length, row.seed)
		require.Equal(t, row.want, Sum(string(buffer[:row.length]), row.seed), "%d bytes with seed %d", row.length, row.seed)
	}
}

func TestAllocatesNothing(t *testing.T) {
	text, data := "198.51.100.7:8080_1023", []byte("198.51.100.7:8080_1023")
	require.Zero(t, testing.AllocsPerRun(100, func() { sink = Sum(text, 0) ^ Sum(data, 1) }))
}

// sink keeps the compiler from removing the measured code.
var sink uint64

func BenchmarkSum(b *testing.B) {
	for _, n := range []int{4, 22, 64, 1024} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := string(make([]byte, n))
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				sink = Sum(text, 0)
			}
		})
	}
}
