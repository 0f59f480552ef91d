package hashkey

import (
	"math/bits"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway/internal/upstream/internal/xxhash64"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// request returns a GET request with header lines.
func request(target string, lines ...string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// local is the address that a client connected to.
var local = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:8080"))

func TestKey(t *testing.T) {
	session := time.Duration(0)
	client := Connection{Client: netip.MustParseAddrPort("203.0.113.9:4711"), Remote: "203.0.113.9:4711", Local: local}
	header, query := Key{Header: "x-user"}, Key{QueryParameter: "user"}
	cookie, ip := Key{Cookie: &Cookie{Name: "user"}}, Key{SourceIP: true}
	const missing = "\x00"
	for _, row := range []struct {
		name   string
		key    Key
		r      *http.Request
		client string
		want   string // the text that is hashed
	}{
		{"header", header, request("/", "X-User: ann"), "", "ann"},
		{"empty header", header, request("/", "X-User: "), "", ""},
		{"no header", header, request("/", "X-Users: ann"), "", missing},
		{"lines are sorted and concatenated", header, request("/", "X-User: b", "X-User: a", "X-User: c"), "", "abc"},
		{"in any order", header, request("/", "X-User: c", "X-User: b", "X-User: a"), "", "abc"},
		{"a list in one line stays", header, request("/", "X-User: b, a"), "", "b, a"},
		{"host", Key{Header: "host"}, request("http://shop.com/"), "", "shop.com"},

		{"query", query, request("/?user=ann"), "", "ann"},
		{"first value", query, request("/?x=1&user=ann&user=bob"), "", "ann"},
		{"raw value", query, request("/?user=a%20b+c"), "", "a%20b+c"},
		{"value with equals sign", query, request("/?user=a=b"), "", "a=b"},
		{"empty value", query, request("/?user="), "", ""},
		{"no value", query, request("/?user&x"), "", ""},
		{"semicolon is part of it", query, request("/?user=a;b"), "", "a;b"},
		{"names are compared as they stand", query, request("/?User=ann&us%65r=bob"), "", missing},
		{"no parameter", query, request("/?users=ann"), "", missing},
		{"no query", query, request("/"), "", missing},

		{"cookie", cookie, request("/", "Cookie: user=ann"), "", "ann"},
		{"among others", cookie, request("/", "Cookie: a=b; user=ann; c=d"), "", "ann"},
		{"in another line", cookie, request("/", "Cookie: a=b", "Cookie: user=ann"), "", "ann"},
		{"first", cookie, request("/", "Cookie: user=ann; user=bob"), "", "ann"},
		{"quoted", cookie, request("/", `Cookie: user="ann"`), "", "ann"},
		{"one quote", cookie, request("/", `Cookie: user="`), "", `"`},
		{"with equals sign", cookie, request("/", "Cookie: user=a=="), "", "a=="},
		{"what net/http drops", cookie, request("/", `Cookie: user=a\b"c`), "", `a\b"c`},
		{"malformed ones are skipped", cookie, request("/", "Cookie: user; ;user=ann"), "", "ann"},
		{"other case", cookie, request("/", "Cookie: User=ann"), "", missing},
		{"empty cookie is none", cookie, request("/", "Cookie: user="), "", missing},
		{"without ttl none is created", cookie, request("/"), "", missing},

		{"source", ip, request("/"), "203.0.113.9:4711", "203.0.113.9"},
		{"source of a trusted proxy", ip, request("/"), "203.0.113.9:0", "203.0.113.9"},
		{"source IPv6", ip, request("/"), "[2001:db8::1]:4711", "2001:db8::1"},
		{"source IPv4 in IPv6", ip, request("/"), "[::ffff:203.0.113.9]:4711", "203.0.113.9"},
		{"no source", ip, request("/"), "", missing},

		{"no key", Key{}, request("/?user=ann", "X-User: ann"), "", missing},
		{"given cookie is not created", Key{Cookie: &Cookie{Name: "user", TTL: &session}}, request("/", "Cookie: user=ann"), "", "ann"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := client
			c.Client = netip.AddrPort{}
			if row.client != "" {
				c.Client = netip.MustParseAddrPort(row.client)
			}
			got := row.key.Hash(row.r, c)
			want := Hash{Value: xxhash64.Sum(row.want, 0), Found: true}
			if row.want == missing {
				want = Hash{}
			}
			require.Equal(t, want, got)
		})
	}
}

// The order of a header's lines does not change.
func TestHeaderIsNotSorted(t *testing.T) {
	r := request("/", "X-User: b", "X-User: a")
	(&Key{Header: "X-User"}).Hash(r, Connection{})
	require.Equal(t, []string{"b", "a"}, r.Header["X-User"])
}

func TestCreatedCookie(t *testing.T) {
	hour, session := time.Hour, time.Duration(0)
	c := Connection{Remote: "203.0.113.9:4711", Local: local}
	value := hex(xxhash64.Sum("203.0.113.9:471110.0.0.1:8080", 0))
	require.Regexp(t, "^[0-9a-f]{16}$", value)
	for _, row := range []struct {
		cookie Cookie
		want   string
	}{
		{Cookie{Name: "user", TTL: &session}, `user="*"; HttpOnly`},
		{Cookie{Name: "user", TTL: &hour}, `user="*"; Max-Age=3600; HttpOnly`},
		{Cookie{Name: "user", TTL: &session, Path: "/"}, `user="*"; Path=/; HttpOnly`},
		{
			Cookie{Name: "user", TTL: &hour, Path: "/a", Attributes: []Attribute{{"SameSite", "Strict"}, {"Secure", ""}}},
			`user="*"; Max-Age=3600; Path=/a; SameSite=Strict; Secure; HttpOnly`,
		},
	} {
		k := Key{Cookie: &row.cookie}
		h := k.Hash(request("/"), c)
		require.Equal(t, []string{strings.ReplaceAll(row.want, "*", value)}, h.SetCookies)
		require.True(t, h.Found)
		require.Equal(t, xxhash64.Sum(value, 0), h.Value)

		require.Equal(t, h, k.Hash(request("/other", "Cookie: user="), c), "the same on one connection")
		again := k.Hash(request("/", `Cookie: user="`+value+`"`), Connection{Remote: "198.51.100.1:1", Local: local})
		require.Equal(t, Hash{Value: h.Value, Found: true}, again, "the client is sent to the same host from anywhere")
		other := k.Hash(request("/"), Connection{Remote: "203.0.113.9:4712", Local: c.Local})
		require.NotEqual(t, h.SetCookies, other.SetCookies)
		require.Equal(t, Hash{}, k.Hash(request("/"), Connection{}))
	}
}

func TestHex(t *testing.T) {
	require.Equal(t, "0000000000000000", hex(0))
	require.Equal(t, "00000000000000ff", hex(255))
	require.Equal(t, "0123456789abcdef", hex(0x0123456789abcdef))
}

func TestAllocatesNothing(t *testing.T) {
	r := request("/?a=b&user=ann", "X-User: ann", "Cookie: a=b; user=ann")
	c := Connection{Client: netip.MustParseAddrPort("[2001:db8::1]:4711")}
	for name, k := range keys {
		require.Zero(t, testing.AllocsPerRun(100, func() { sink = k.Hash(r, c) }), name)
	}
}

var keys = map[string]*Key{
	"header": {Header: "X-User"}, "cookie": {Cookie: &Cookie{Name: "user"}},
	"query": {QueryParameter: "user"}, "source": {SourceIP: true},
}

var sink Hash

func BenchmarkHash(b *testing.B) {
	r := request("/?a=b&user=ann", "X-User: ann", "Cookie: a=b; user=ann")
	c := Connection{Client: netip.MustParseAddrPort("203.0.113.9:4711")}
	for name, k := range keys {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink = k.Hash(r, c)
			}
		})
	}
}

// No value crashes the functions that read client input, and a value that is
// found was sent.
func FuzzHash(f *testing.F) {
	f.Add("user=ann&x", `a=b; user="ann"`)
	f.Add("&&=&user", `;user=;=;"`)
	f.Fuzz(func(t *testing.T, query, cookie string) {
		r := &http.Request{Header: http.Header{"Cookie": {cookie}}}
		value := cookieValue(r.Header["Cookie"], "user")
		require.Contains(t, cookie, value)
		h := queryParameter(query, "user")
		require.Equal(t, h.Found, strings.Contains("&"+query+"&", "&user=") || strings.Contains("&"+query+"&", "&user&"))
	})
}

// Several keys are combined, and one that is missing does not count.
func TestHashAll(t *testing.T) {
	header, query := Key{Header: "x-user"}, Key{QueryParameter: "q"}
	of := func(target string, keys ...Key) Hash {
		return HashAll(keys, request(target, "x-user: ann"), Connection{})
	}
	one, other := of("/?q=1", header), of("/?q=1", query)
	require.Equal(t, header.Hash(request("/", "x-user: ann"), Connection{}), one)
	require.Equal(t, Hash{Value: bits.RotateLeft64(one.Value, 1) ^ other.Value, Found: true}, of("/?q=1", header, query))
	require.Equal(t, Hash{Value: one.Value, Found: true}, of("/", header, query))
	require.Equal(t, Hash{Value: other.Value, Found: true}, of("/?q=1", Key{Header: "x-none"}, query))
	require.NotEqual(t, of("/?q=1", header, query), of("/?q=2", header, query))
	require.NotEqual(t, Hash{Found: true}, of("/?q=1", query, query), "two equal hashes do not cancel each other out")
	require.Equal(t, Hash{}, of("/", Key{Header: "x-none"}, Key{QueryParameter: "q"}))
}
