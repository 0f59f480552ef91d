package hashkey

import (
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/upstream/internal/xxhash64"
)

// A Cookie is a cookie whose value chooses the host (Istio's httpCookie).
type Cookie struct {
	// Name is the cookie's name.
	Name string
	// TTL is how long a created cookie lasts, in whole seconds. If it is nil,
	// no cookie is created; zero creates one for the client's session.
	TTL *time.Duration
	// Path is the path of a created cookie. Empty gives it none.
	Path string
	// Attributes are added to a created cookie in their order.
	Attributes []Attribute
}

// An Attribute is an attribute of a Set-Cookie header. If the value is empty,
// only the name is sent.
type Attribute struct{ Name, Value string }

// hash returns the hash of the cookie's value. An empty value counts as
// missing.
func (k *Cookie) hash(lines []string, c Connection) Hash {
	if value := cookieValue(lines, k.Name); value != "" {
		return of(value)
	}
	if k.TTL == nil || c.Remote == "" || c.Local == nil {
		return Hash{}
	}
	// All requests of one connection get the same cookie, which is computed
	// instead of stored.
	value := hex(xxhash64.Sum(c.Remote+c.Local.String(), 0))
	h := of(value)
	h.SetCookies = []string{k.setCookie(value)}
	return h
}

// setCookie returns a Set-Cookie header in Envoy's order of attributes.
func (k *Cookie) setCookie(value string) string {
	var b strings.Builder
	b.WriteString(k.Name)
	b.WriteString(`="`)
	b.WriteString(value)
	b.WriteByte('"')
	if seconds := int64(*k.TTL / time.Second); seconds != 0 {
		b.WriteString("; Max-Age=")
		b.WriteString(strconv.FormatInt(seconds, 10))
	}
	if k.Path != "" {
		b.WriteString("; Path=")
		b.WriteString(k.Path)
	}
	for _, a := range k.Attributes {
		b.WriteString("; ")
		b.WriteString(a.Name)
		if a.Value != "" {
			b.WriteByte('=')
			b.WriteString(a.Value)
		}
	}
	b.WriteString("; HttpOnly")
	return b.String()
}

// cookieValue returns the value of the first cookie with a name, without
// surrounding quotes. Like Envoy, it is more lenient than net/http: a value may
// have any bytes except a semicolon.
func cookieValue(lines []string, name string) string {
	for _, line := range lines {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			key, value, ok := strings.Cut(strings.TrimLeft(pair, " "), "=")
			if !ok || key != name {
				continue
			}
			if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
				return value[1 : n-1]
			}
			return value
		}
	}
	return ""
}

// hex returns the sixteen digits of n.
func hex(n uint64) string {
	const digits = "0123456789abcdef"
	var text [16]byte
	for i := range text {
		text[i] = digits[n>>(60-4*i)&15]
	}
	return string(text[:])
}
