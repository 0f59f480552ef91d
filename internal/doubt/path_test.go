package doubt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPathIsPlain(t *testing.T) {
	for _, path := range []string{
		"", "/", "*", "/a", "/a/", "//a", "/a//b", "/a.html", "/.well-known/x", "/.a", "/..a", "/a..b", "/a/./b", "/a/../b", "/a/..", "/%2e%2e/b", "/a%20b",
		"/a%20b/c", "/%20a", "/a%2Fb", "/a%5Cb", "/100%25", "/100%25/x", "/a%25zz", "/a%3Bb", "/a%3b", "/%E2%82%AC", "/€", "/%C3%A9t%C3%A9", "/été", "/%E9", "/a+b", "/a@b:c,d=e",
		"/(a)!*'", "/%7Ejo", "/a%0Ab", "/日本", "/%EF%BC%A1", "/a%", "/a%4", "/\xc0", "/\xc0a", "/%F0%9F%98%80", "/%E0%A4%85", "/v1.2/x",
	} {
		require.True(t, PathIsPlain(path), path)
	}
	for _, path := range []string{
		"/a;b", "/a;b=c/d", "/..;/b", "/.;/b", "/;", "/%2e%2e;/b", "/..%3b/b", "/.%3B/b", `/a\b`, `/..\b`, "/%252e%252e/b", "/a%252fb", "/a%2541", "/%25%32%65"[:4] + "32e",
		"/%c0%af", "/%C0%AE%C0%AE/b", "/%c1%9c", "/\xc0\xaf", "/%e0%80%af", "/%f0%80%80%af", "/%f8%80%80%80%af", "/%fc%80%80%80%80%af",
		"/%EF%BC%8E%EF%BC%8E/b", "/a%EF%BC%8Fb", "/a%ef%bc%bcb", "/a．", "/a／b", "/a＼b", "/a％2e", "/a%20", "/a%20/b", "/a%09", "/a%0a", "/a%0d/b", "/a%00", "/a%7f",
		"/a.", "/a./b", "/a%2e", "/a%2E/b", "/...", "/.../b", "/..%20/b", "/.%20", "/a/..%2fb", "/a%2f..%2fb", "/a/%2e%2e%2fb", "/a%2f../b", "/a%5c..%5cb", "/a%2f..", "/a%2f.",
		"/a%20%2Fb", "/a.%2Fb",
	} {
		require.False(t, PathIsPlain(path), path)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { PathIsPlain("/a%20b/%252e") }))
}

func BenchmarkPathIsPlain(b *testing.B) {
	for b.Loop() {
		PathIsPlain("/products/1/reviews.json")
	}
}

func TestEscapesOfEscapes(t *testing.T) {
	for _, path := range []string{"/%2541", "/%25%34%31", "/%254%31", "/%25%341", "/%%34%31", "/a/%25%32%65%25%32%65/b"} {
		require.False(t, PathIsPlain(path), path)
	}
	for _, path := range []string{"/%25", "/%25%2", "/%25z%31", "/%25%2041", "/%41%42"} {
		require.True(t, PathIsPlain(path), path)
	}
}
