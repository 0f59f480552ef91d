package attacks

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The routes of the gateway in testdata/gateway.yaml: those of the administrator, and the others.
const admins, public = "admin", "public"

// readings returns the routes that a request could be for, as servers read it that repair what
// they get. If that is not one alone, and the one that the gateway has decided about, somebody
// has got past the gateway.
func (a *arrival) readings() map[string]bool {
	return map[string]bool{a.reading(false): true, a.reading(true): true}
}

// reading returns the route of a request, as a strict or a careless server reads it.
func (a *arrival) reading(careless bool) string {
	host, target := strings.ToLower(a.host), a.target
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	location, query, _ := strings.Cut(target, "?")
	if careless {
		host = strings.TrimRight(host, ".")
		location = carelessPath(location)
	}
	if host == "admin.test" {
		return admins
	}
	if host != "a.test" {
		return public
	}
	if location == "/admin" || strings.HasPrefix(location, "/admin/") {
		return admins
	}
	for _, f := range a.fields {
		name := strings.ToLower(f.name)
		if careless {
			name = strings.ReplaceAll(name, "_", "-")
		}
		if name == "x-role" && f.value == "admin" {
			return admins
		}
	}
	split := func(r rune) bool { return r == '&' || careless && r == ';' }
	for pair := range strings.FieldsFuncSeq(query, split) {
		key, value, _ := strings.Cut(pair, "=")
		key, value = percentDecoded(strings.ReplaceAll(key, "+", " ")), percentDecoded(strings.ReplaceAll(value, "+", " "))
		if careless {
			key, value = strings.TrimSpace(key), strings.Trim(value, " \x00")
		}
		if key == "role" && value == "admin" {
			return admins
		}
	}
	return public
}

// carelessPath returns what servers that repair paths could open for one.
func carelessPath(p string) string {
	for range 4 {
		p = percentDecoded(p)
	}
	p = strings.NewReplacer(
		"\xc0\xae", ".", "\xe0\x80\xae", ".", "\xc0\xaf", "/", "\xe0\x80\xaf", "/", "\xc1\x9c", `\`, "\xc1\xa1", "a",
		"\uff0e", ".", "\uff0f", "/", "\uff3c", "/", "\uff41", "a", "\u2215", "/", "\u2024", ".",
	).Replace(p)
	p = strings.ReplaceAll(p, `\`, "/")
	p, _, _ = strings.Cut(p, "\x00")
	segments := strings.Split(p, "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		s = strings.Trim(s, " \t\r\n")
		if strings.Trim(s, ".") != "" {
			s = strings.TrimRight(s, ".")
		}
		segments[i] = s
	}
	return path.Clean("/" + strings.Join(segments, "/"))
}

// percentDecoded decodes what can be decoded.
func percentDecoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if high, low := hexadecimal(s[i+1]), hexadecimal(s[i+2]); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexadecimal(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }

func TestCarelessPath(t *testing.T) {
	for _, p := range []string{
		"/admin", "/a/../admin", "/a/..;/admin", "/%61dmin", "/%2561dmin", "/%252561dmin", `/\admin`, "//admin", "/admin%00.png", "/admin;x=y",
		"/admin.", "/admin%20", "/admin/", "/%c0%ae%c0%ae/admin", "/x/%ef%bc%8e%ef%bc%8e/admin", "/x%2f..%2fadmin", "/.;/admin", "/admin%0a", "/%c1%a1dmin",
	} {
		require.Equal(t, "/admin", carelessPath(p), p)
	}
	for _, p := range []string{"/", "/administrator", "/x/admin", "/admi", "/x/..y/admin"} {
		require.NotEqual(t, "/admin", carelessPath(p), p)
	}
}

func TestReadings(t *testing.T) {
	for _, row := range []struct {
		a    arrival
		want []string
	}{
		{arrival{host: "a.test", target: "/x"}, []string{public}},
		{arrival{host: "a.test:80", target: "/admin/x"}, []string{admins}},
		{arrival{host: "ADMIN.test", target: "/x"}, []string{admins}},
		{arrival{host: "admin.test.", target: "/x"}, []string{admins, public}},
		{arrival{host: "a.test", target: "/x;/../admin"}, []string{admins, public}},
		{arrival{host: "a.test", target: "/x?role=admin"}, []string{admins}},
		{arrival{host: "a.test", target: "/x?role=%61dmin"}, []string{admins}},
		{arrival{host: "a.test", target: "/x?a=b;role=admin"}, []string{admins, public}},
		{arrival{host: "a.test", target: "/x", fields: []field{{"X_Role", "admin"}}}, []string{admins, public}},
		{arrival{host: "a.test", target: "/x", fields: []field{{"x-role", "admin"}}}, []string{admins}},
		{arrival{host: "b.test", target: "/admin"}, []string{public}},
	} {
		got := row.a.readings()
		require.Len(t, got, len(row.want), "%v", row.a)
		for _, w := range row.want {
			require.True(t, got[w], "%v", row.a)
		}
	}
}
