package redislimit

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/ratelimit"
)

// maxKey bounds the part of a key that clients can choose, in bytes. A longer one
// is replaced by its SHA-256.
const maxKey = 256

// gcraKey returns the identity of a limit as text, for example
// "shop/limits|1m0s|x-user=bob". Separators inside of names and values are
// escaped, so two different descriptors never have the same text.
//
// The unit is a part of it, because a policy can have several limits with the
// same entries. The number of requests is not: after a change of the limit,
// clients keep what they have used.
func gcraKey(domain string, d *ratelimit.Descriptor) string {
	var b strings.Builder
	escape(&b, domain)
	b.WriteByte('|')
	b.WriteString(d.Unit.String())
	for _, e := range d.Entries {
		b.WriteByte('|')
		escape(&b, e.Key)
		b.WriteByte('=')
		escape(&b, e.Value)
	}
	return b.String()
}

// windowKey returns the key of a fixed window up to the time of its start, as
// github.com/envoyproxy/ratelimit writes it.
func windowKey(domain string, d *ratelimit.Descriptor) string {
	var b strings.Builder
	b.WriteString(domain)
	b.WriteByte('_')
	for _, e := range d.Entries {
		b.WriteString(e.Key)
		b.WriteByte('_')
		b.WriteString(e.Value)
		b.WriteByte('_')
	}
	return b.String()
}

// bounded returns the key, or its hash if the key is too long. The prefix keeps
// hashes apart from the keys of other programs.
func bounded(prefix, key string) string {
	if len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return prefix + "sha256:" + hex.EncodeToString(sum[:])
}

// escape writes a text without separators, without bytes that a terminal does not
// show, and without the braces that select a slot of a cluster.
func escape(b *strings.Builder, text string) {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~' || strings.IndexByte("%|={}", c) >= 0:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		default:
			b.WriteByte(c)
		}
	}
}

// windowStart returns the start of a window as text: Unix time in seconds, with a
// fraction only if there is one.
func windowStart(micros int64) string {
	text := strconv.FormatInt(micros/1e6, 10)
	if fraction := micros % 1e6; fraction != 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(1e6+fraction, 10)[1:], "0")
	}
	return text
}
