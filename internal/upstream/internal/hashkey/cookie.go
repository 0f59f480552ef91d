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
	// TTL says how long a created cookie lasts, in whole seconds. Nil creates
	// none; zero creates one for the client's session.
	TTL *time.Duration
	// Path is the path of a created cookie. Empty gives it none.
	Path string
	// Attributes are given to a created cookie in their order.
	Attributes []Attribute
}

// An Attribute is one of a Set-Cookie header. Where the value is empty, only the
// name is sent.
type Attribute struct{ Name, Value string }

// hash returns the hash of the cookie's value. An empty value is none.
func (k *Cookie) hash(lines []string, c Connection) Hash {
	if value := cookieValue(lines, k.Name); value != "" {
		return of(value)
	}
	if k.TTL == nil || c.Remote == "" || c.Local == nil {
		return Hash{}
	}
	// All requests of one connection get the same cookie, which need not be kept.
	value := hex(xxhash64.Sum(c.Remote+c.Local.String(), 0))
	h := of(value)
	h.SetCookie = k.setCookie(value)
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

// cookieValue returns the value of the first cookie with a name, without the
// quotes that may be around it. It is more lenient than net/http, as Envoy is: a
// value may have any bytes but a semicolon.
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
