package rawpath

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOfParsed(t *testing.T) {
	for _, raw := range []string{
		"/", "/a", "/a/b/", "//x", "//", "///x", "/a//b", "/a%2Fb", "/a%2fb", "/a%5cb", `/a\b`, "/a;b=c;d",
		`/a"b"`, "/a%20b", "/%7Eu", "/~u", "/a+b", "/a%2Bb", "/ü", "/%C3%BC", "/%c3%bc", "/a[b]", "/a|b", "/a^b`",
		"/a%25b", "/a%2525b", "/!*'()", "/a{b}", "/<x>", "/%41", "/.%2e/", "/\xff\xfe", "/a:b@c", "/%3Fx",
	} {
		t.Run(raw, func(t *testing.T) {
			u, err := url.ParseRequestURI(raw + "?q=/x%2Fy")
			require.NoError(t, err)
			require.Equal(t, raw, Of(u))
		})
	}
}

func TestOf(t *testing.T) {
	for _, row := range []struct {
		name, path, rawPath, want string
	}{
		{"empty", "", "", "/"},
		{"asterisk", "*", "", "*"},
		{"escaped asterisk", "*", "%2A", "%2A"},
		{"plain", "/a", "", "/a"},
		{"to be escaped", "/a b%", "", "/a%20b%25"},
		{"question mark", "/a?b", "", "/a%3Fb"},
		{"both", "/a/b", "/a%2Fb", "/a%2Fb"},
		{"stale, other text", "/new", "/old%2F", "/new"},
		{"stale, longer", "/a", "/a%2F", "/a"},
		{"stale, shorter", "/a/", "/a", "/a/"},
		{"stale, path empty", "", "/a%2F", "/"},
		{"raw kept as path without being decoded", "/a%2Fb", "/a%2Fb", "/a%252Fb"},
		{"invalid escape in both", "/a%zz", "/a%zz", "/a%zz"},
		{"invalid after a valid one", "/%41%z", "/%41%z", "/%41%z"},
		{"cut escape", "/a%4", "/a%4", "/a%4"},
		{"lone percent", "/a%", "/a%", "/a%"},
		{"invalid escape only in raw", "/b", "/a%zz", "/b"},
		{"invalid escape, stale", "/a%25zz", "/a%zz", "/a%2525zz"},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.Equal(t, row.want, Of(&url.URL{Path: row.path, RawPath: row.rawPath}))
		})
	}
}

func TestSet(t *testing.T) {
	for _, row := range []struct{ raw, path, rawPath string }{
		{"/a", "/a", ""},
		{"", "", ""},
		{"*", "*", ""},
		{"/a%2Fb", "/a/b", "/a%2Fb"},
		{"/a%20b", "/a b", ""},
		{"/a%2fb%20", "/a/b ", "/a%2fb%20"},
		{`/a\b`, `/a\b`, `/a\b`},
		{"//x", "//x", ""},
		{"/a;b", "/a;b", ""},
		{`/"`, `/"`, `/"`},
		{"/ü", "/ü", "/ü"},
		{"/%C3%BC", "/ü", ""},
		{"/%zz", "/%zz", "/%zz"},
		{"/%41%", "/%41%", "/%41%"},
		{"/+", "/+", ""},
	} {
		t.Run(row.raw, func(t *testing.T) {
			u := &url.URL{Path: "/before", RawPath: "/bef%6Fre", RawQuery: "q"}
			Set(u, row.raw)
			require.Equal(t, url.URL{Path: row.path, RawPath: row.rawPath, RawQuery: "q"}, *u)
		})
	}
}

// A byte is plain exactly if net/url does not escape it.
func TestPlainIsNetURL(t *testing.T) {
	for c := range 256 {
		path := "/" + string([]byte{byte(c)})
		require.Equal(t, (&url.URL{Path: path}).EscapedPath() == path, isPlain(path), "%q", path)
	}
}

func TestAllocations(t *testing.T) {
	for _, raw := range []string{"/products/1", "/a%2Fb/c", `/a\b`} {
		u, err := url.ParseRequestURI(raw)
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(100, func() { Of(u) }), raw)
	}
	u := new(url.URL)
	require.Zero(t, testing.AllocsPerRun(100, func() { Set(u, "/products/1") }))
}

func FuzzRoundTrip(f *testing.F) {
	for _, raw := range []string{
		"/", "", "*", "/a%2Fb", `/a\b`, "//x", "/;", `/"`, "/ü", "/%zz", "/%", "/%2", "/%2A", "/%41%zz", "/a?b", "/ ", "\x00", "%2A",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		want := raw
		if want == "" {
			want = "/"
		}
		u := new(url.URL)
		Set(u, raw)
		if got := Of(u); got != want {
			t.Fatalf("Set(%q) left Path %q, RawPath %q; Of returns %q", raw, u.Path, u.RawPath, got)
		}
		if decoded, err := url.PathUnescape(raw); err == nil && u.Path != decoded {
			t.Fatalf("Set(%q) left Path %q, want %q", raw, u.Path, decoded)
		}
		if strings.ContainsAny(raw, "?#") || !strings.HasPrefix(raw, "/") {
			return
		}
		if parsed, err := url.ParseRequestURI(raw); err == nil && Of(parsed) != raw {
			t.Fatalf("Of(parsed %q) = %q", raw, Of(parsed))
		}
	})
}
