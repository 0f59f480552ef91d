package hosts

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostTable(t *testing.T) {
	table := func(domains ...string) *Table[string] {
		h := new(Table[string])
		for _, d := range domains {
			h.Add(d, d)
		}
		return h
	}
	for _, row := range []struct{ domains, host, want string }{
		{"* *.com *.shop.com a.shop.com", "a.shop.com", "a.shop.com"},
		{"* *.com *.shop.com a.shop.com", "b.shop.com", "*.shop.com"},
		{"* *.com *.shop.com a.shop.com", "x.b.shop.com", "*.shop.com"},
		{"* *.com *.shop.com a.shop.com", "shop.com", "*.com"},
		{"* *.com *.shop.com a.shop.com", "shop.org", "*"},
		{"* *.com *.shop.com a.shop.com", "a.shop.com.", "*"},
		{"a.shop.com", "A.Shop.COM", "a.shop.com"},
		{"a.shop.com", "a.shop.com:8080", "a.shop.com"},
		{"a.shop.com", "a.shop.com:", "a.shop.com"},
		{"a.shop.com", "xa.shop.com", ""},
		{"*.shop.com", ".shop.com", ""},
		{"*-a.com", "x-a.com", "*-a.com"},
		{"*-a.com", "-a.com", ""},
		{"[::1]", "[::1]:80", "[::1]"},
		{"[::1]", "[::1]", "[::1]"},
		{"*", "", "*"},
		{"a.com", "", ""},
	} {
		got, ok := table(strings.Fields(row.domains)...).Find(row.host)
		require.Equal(t, row.want != "", ok, "%+v", row)
		require.Equal(t, row.want, got, "%+v", row)
	}
}

// Plain names are valid, and found unchanged.
func TestPlainNames(t *testing.T) {
	for n := range 20 {
		for c := range 256 {
			for _, end := range []string{"", "x", "x.example.com"} {
				name := "shop-1.example.co.uk"[:n] + string([]byte{byte(c)}) + end
				if !IsPlainName(name) {
					continue
				}
				require.True(t, Valid(name), "%q", name)
				require.Equal(t, name, strings.ToLower(WithoutPort(name)))
			}
		}
	}
	for _, name := range []string{"", "a", "a.b", "shop-1.example.com", "10.0.0.1", "xn--mnchen-3ya.example.com"} {
		require.True(t, IsPlainName(name), "%q", name)
	}
	for _, name := range []string{"A", "a:80", "[::1]", "a/b", "shop1.example.com:80", "shop1.example.coM", "é"} {
		require.False(t, IsPlainName(name), "%q", name)
	}
}

func TestIntersect(t *testing.T) {
	for _, row := range []struct{ server, service, want string }{
		{"*.example.com", "a.example.com", "a.example.com"},
		{"a.example.com", "*.example.com", "a.example.com"},
		{"*", "*", "*"},
		{"*.example.com", "example.com", ""},
		{"*.example.com", "x.y.example.com", "x.y.example.com"},
		{"a.example.com", "b.example.com", ""},
		{"Example.com", "example.com", ""},
		{"*.com", "*.shop.com", "*.shop.com"},
		{"*.shop.com", "*.com", "*.shop.com"},
		{"a.com b.com", "b.com a.com c.com", "a.com b.com"},
		{"*", "a.com a.com", "a.com"},
	} {
		got := Intersect(strings.Fields(row.server), strings.Fields(row.service))
		require.Equal(t, row.want, strings.Join(got, " "), "%+v", row)
	}
}

func TestHostsFor(t *testing.T) {
	for _, row := range []struct{ hosts, namespace, want string }{
		{"a.test", "any", "a.test"},
		{"team-a/a.test", "team-a", "a.test"},
		{"team-a/a.test", "team-b", ""},
		{"*/a.test", "any", "a.test"},
		{"./a.test", "infra", "a.test"},
		{"./a.test", "other", ""},
		{"team-a/a.test */*", "other", "*"},
		{"team-b/* a.test", "team-b", "* a.test"},
	} {
		got := ForNamespace(strings.Fields(row.hosts), "infra", row.namespace)
		require.Equal(t, row.want, strings.Join(got, " "), "%+v", row)
	}
}

// FuzzHostTable compares the table with a scan for the longest domain.
func FuzzHostTable(f *testing.F) {
	f.Add("* *.com *.shop.com a.shop.com", "b.shop.com:80")
	f.Add("*-a.com a-a.com", "X-A.com")
	f.Add("[::1] *", "[::1]:8080")
	f.Fuzz(func(t *testing.T, domains, authority string) {
		var table Table[string]
		var list []string
		for _, d := range strings.Fields(strings.ToLower(domains)) {
			if strings.LastIndexByte(d, '*') > 0 {
				continue
			}
			table.Add(d, d)
			list = append(list, d)
		}
		host := strings.ToLower(WithoutPort(authority))
		if host != strings.ToLower(host) || !isASCII(authority) {
			t.Skip()
		}
		want, found := "", false
		for _, d := range list {
			matches := d == host
			if strings.HasPrefix(d, "*") {
				matches = d == "*" || len(host) > len(d)-1 && strings.HasSuffix(host, d[1:])
			}
			switch {
			case !matches:
			case !found, d == host, want != host && len(d) > len(want):
				want, found = d, true
			}
		}
		got, ok := table.Find(authority)
		require.Equal(t, found, ok, "%q in %q", authority, list)
		require.Equal(t, want, got, "%q in %q", authority, list)
	})
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
