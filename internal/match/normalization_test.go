package match

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

func TestNormalize(t *testing.T) {
	const refused = "400"
	for _, row := range []struct{ Path, base, merge, decode string }{
		{"/", "/", "/", "/"},
		{"/a/b", "/a/b", "/a/b", "/a/b"},
		{"/a/./b", "/a/b", "/a/b", "/a/b"},
		{"/a/../b", "/b", "/b", "/b"},
		{"/../../x", "/x", "/x", "/x"},
		{"/a//b", "/a//b", "/a/b", "/a/b"},
		{"//admin", "//admin", "/admin", "/admin"},
		{`/a\b`, "/a/b", "/a/b", "/a/b"},
		{`/a\..\admin`, "/admin", "/admin", "/admin"},
		{"/a/%2e%2e/b", "/b", "/b", "/b"},
		{"/a/%2E./b", "/b", "/b", "/b"},
		{"/a/.%2e/b", "/b", "/b", "/b"},
		{"/a/%2e/b", "/a/b", "/a/b", "/a/b"},
		{"/a%2Fb", "/a%2Fb", "/a%2Fb", "/a/b"},
		{"/a%2fb", "/a%2fb", "/a%2fb", "/a/b"},
		{"/a%5cb", "/a%5cb", "/a%5cb", "/a/b"},
		{"/admin%2F..", "/admin%2F..", "/admin%2F..", "/"},
		{"/a%252Fb", "/a%252Fb", "/a%252Fb", "/a%252Fb"},
		{"/%7Eu", "/~u", "/~u", "/~u"},
		{"/%61%2D%5f", "/a-_", "/a-_", "/a-_"},
		{"/a%20b", "/a%20b", "/a%20b", "/a%20b"},
		{"/a%25b", "/a%25b", "/a%25b", "/a%25b"},
		{"/caf%c3%A9", "/caf%c3%A9", "/caf%c3%A9", "/caf%c3%A9"},
		{"/café", "/caf%C3%A9", "/caf%C3%A9", "/caf%C3%A9"},
		{"/a b", "/a%20b", "/a%20b", "/a%20b"},
		{`/"<>^{|}` + "`", "/%22%3C%3E%5E%7B%7C%7D%60", "/%22%3C%3E%5E%7B%7C%7D%60", "/%22%3C%3E%5E%7B%7C%7D%60"},
		{"/!$&'()*+,;=:@[]", "/!$&'()*+,;=:@[]", "/!$&'()*+,;=:@[]", "/!$&'()*+,;=:@[]"},
		{"/a/..", "/", "/", "/"},
		{"/a/b/..", "/a/", "/a/", "/a/"},
		{"/a/.", "/a/", "/a/", "/a/"},
		{"/a/", "/a/", "/a/", "/a/"},
		{"/a/...", "/a/...", "/a/...", "/a/..."},
		{"/a/..b", "/a/..b", "/a/..b", "/a/..b"},
		{"/a/.b", "/a/.b", "/a/.b", "/a/.b"},
		{"/a./b", "/a./b", "/a./b", "/a./b"},
		{"/a//../b", "/a/b", "/a/b", "/a/b"},
		{"/100%", "/100%", "/100%", "/100%"},
		{"/%zz", "/%zz", "/%zz", "/%zz"},
		{"/%", "/%", "/%", "/%"},
		{"/a%00b", refused, refused, refused},
		{"/a\x00b", refused, refused, refused},
		{"/a#b", refused, refused, refused},
		// A path that would contain another escape after decoding is refused: a
		// destination would read it differently.
		{"/%2%65", refused, refused, refused},
		{"/%2%65%2e/x", refused, refused, refused},
	} {
		for mode, want := range map[spec.PathNormalization]string{
			spec.NormalizeBase: row.base, spec.NormalizeMergeSlashes: row.merge, spec.NormalizeDecodeAndMergeSlashes: row.decode,
		} {
			got, ok := Normalize(mode, row.Path)
			if !ok {
				got = refused
			}
			require.Equal(t, want, got, "%s of %q", mode, row.Path)
		}
	}
}

func TestNormalizeNone(t *testing.T) {
	for _, path := range []string{"/a/../b", "//x", "/%2e", `/a\b`, "/a%00b"} {
		got, ok := Normalize(spec.NormalizeNone, path)
		require.True(t, ok)
		require.Equal(t, path, got)
	}
	_, ok := Normalize(spec.NormalizeNone, "/a#b")
	require.False(t, ok)
}

func TestNormalizeDoesNotAllocate(t *testing.T) {
	for _, path := range []string{"/api/v1/items/12", "/a%20b/c", "/a.b/c.d"} {
		require.Zero(t, testing.AllocsPerRun(100, func() { Normalize(spec.NormalizeMergeSlashes, path) }), path)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, path := range []string{
		"/", "/a/../b", "/a/%2e%2e/b", "/a%2Fb", `/a\..\b`, "//a///b", "/%7Eu", "/%2%65", "/%%32e", "/a/.%2E/..%2f..", "/\xff", "/a%5C..%5cb",
	} {
		f.Add(path, uint8(0))
		f.Add(path, uint8(2))
	}
	f.Fuzz(func(t *testing.T, path string, mode uint8) {
		if !strings.HasPrefix(path, "/") || strings.Contains(path, "?") {
			t.Skip()
		}
		n := spec.PathNormalization(mode % 4)
		once, ok := Normalize(n, path)
		if !ok {
			return
		}
		require.True(t, strings.HasPrefix(once, "/"), "%q", once)
		twice, ok := Normalize(n, once)
		require.True(t, ok)
		require.Equal(t, once, twice, "%s of %q is not final", n, path)
		if n == spec.NormalizeNone {
			return
		}
		for segment := range strings.SplitSeq(once, "/") {
			require.NotContains(t, []string{".", ".."}, segment, "%q", once)
		}
		require.NotContains(t, once, `\`)
		if n != spec.NormalizeBase {
			require.NotContains(t, once, "//")
		}
	})
}

// TestOrdinaryPathsAreNormal compares the short way with the long one: an
// ordinary path is its own encoding and its own normal form.
func TestOrdinaryPathsAreNormal(t *testing.T) {
	for c := range 256 {
		for _, path := range []string{"/" + string([]byte{byte(c)}), "/a" + string([]byte{byte(c)}) + "b", "/a/" + string([]byte{byte(c), byte(c)})} {
			if !IsOrdinary(path) {
				continue
			}
			u := &url.URL{Path: path}
			require.Equal(t, path, u.EscapedPath())
			got, ok := Normalize(spec.NormalizeBase, path)
			require.True(t, ok, "%q", path)
			require.Equal(t, path, got)
		}
	}
	// Words and bytes give the same result at any position.
	for n := range 20 {
		for _, part := range []string{"/.", "/..", ".", "/.a", "a./b", "//", "$", "~", "=@&", "%41", `\`, "é", "\x00", "\x7f", "\xae", "#", "_+,:;", "AZaz09"} {
			for _, end := range []string{"", "b", "bcdefghi/jkl"} {
				path := "/" + "0123456789abcdefghij"[:n] + part + end
				require.Equal(t, hasOrdinaryBytes(path), IsOrdinary(path), "%q", path)
			}
		}
	}
	for _, path := range []string{"", "a", "*", "/%41", "/a/./b", "/..", `/a\b`, "/a b", "/é", "/a\x00"} {
		require.False(t, IsOrdinary(path), "%q", path)
	}
	for _, path := range []string{"/", "/a.b", "/a/b.c/", "/a//b", "/~u/x-y_z"} {
		require.True(t, IsOrdinary(path), "%q", path)
	}
}
