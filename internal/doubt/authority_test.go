package doubt

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsAuthority(t *testing.T) {
	for authority, want := range map[string]bool{
		"a": true, "shop.example.com": true, "SHOP.example.COM": true, "a.": true, "a_b": true, "xn--mnchen-3ya.de": true,
		"a:80": true, "a:": true, "a:0": true, "a:00080": true, "a:65535": true, "10.0.0.1": true, "10.0.0.1:8080": true, "~user!$&'()*+,;=": true,
		"[::1]": true, "[::1]:80": true, "[::1]:": true, "[2001:db8::1]:65535": true, "[::ffff:10.0.0.1]": true,
		"": false, ":": false, ":80": false, "a:b": false, "a:99999": false, "a:65536": false, "a:000080": false, "a:80:80": false, "a:-1": false,
		"a:+80": false, "a:8 0": false, "a: 80": false, "u@h": false, "u:p@h": false, "@": false, "a%2eb": false, "%": false, "a%00": false,
		"a b": false, " a": false, "a\t": false, "a/b": false, "a?b": false, "a#b": false, `a\b`: false, "ä": false, "a\x00": false, "a\x7f": false,
		"[": false, "]": false, "[]": false, "[a]": false, "[::1": false, "::1": false, "::1]": false, "a[::1]": false, "[::1]a": false, "[::1]:b": false,
		"[10.0.0.1]": false, "[fe80::1%25eth0]": false, "[fe80::1%eth0]": false, "[v1.a]": false, "[::1].": false, "[[::1]]": false, "[::g]": false, "a,b": true, "a, b": false,
	} {
		require.Equal(t, want, IsAuthority(authority), "%q", authority)
	}
	for _, authority := range []string{"shop.example.com:8080", "[2001:db8::1]:443", "a:99999"} {
		require.Zero(t, testing.AllocsPerRun(100, func() { IsAuthority(authority) }), authority)
	}
}

func TestHasOneHost(t *testing.T) {
	for _, row := range []struct {
		method, target, host string
		major, minor         int
		want                 bool
	}{
		{"GET", "/", "a", 1, 1, true},
		{"GET", "/", "", 1, 1, false},
		{"GET", "/", "", 1, 0, true},
		{"GET", "/", "", 2, 0, false},
		{"GET", "/", "a:b", 1, 0, false},
		{"OPTIONS", "*", "", 1, 1, true},
		{"GET", "http://a/", "a", 1, 1, true},
		{"GET", "https://a:1/", "a:1", 1, 1, true},
		{"GET", "http://u@a/", "a", 1, 1, false},
		{"GET", "http:///x", "a", 1, 1, false},
		{"GET", "http:/x", "a", 1, 1, false},
		{"GET", "ftp://a/", "a", 1, 1, false},
		{"GET", "file:///etc", "a", 1, 1, false},
		{"CONNECT", "a:443", "a:443", 1, 1, true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.Host, r.RequestURI, r.ProtoMajor, r.ProtoMinor = row.method, row.host, row.target, row.major, row.minor
		if row.method == http.MethodConnect {
			r.URL = &url.URL{Host: row.target}
		} else {
			var err error
			r.URL, err = url.ParseRequestURI(row.target)
			require.NoError(t, err)
		}
		require.Equal(t, row.want, HasOneHost(r), "%+v", row)
	}
}

func BenchmarkIsAuthority(b *testing.B) {
	for _, authority := range []string{"shop.example.com", "shop.example.com:8080", "[2001:db8::1]:443"} {
		b.Run(strings.ReplaceAll(authority, "/", ""), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				IsAuthority(authority)
			}
		})
	}
}

func TestIsDNSAuthority(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, good := range []string{"a", "a.b", "A-1.b_c:80", "a.b.", "a.b.:80", "192.0.2.1", "[2001:db8::1]:443", label + "." + label, "xn--bcher-kva.example"} {
		require.True(t, IsDNSAuthority(good), good)
	}
	for _, bad := range []string{"", ".", "a..b", ".a", "a..", "a*", "a;b", "a(b)", "a&b", "a!b", label + "a", strings.Repeat("a.", 127) + "a", "a:b", "u@a"} {
		require.False(t, IsDNSAuthority(bad), bad)
	}
}
