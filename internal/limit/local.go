package limit

import (
	"cmp"
	"net"
	"net/http"
	"strings"

	"github.com/lateengo/gateway/internal/bucket"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/spec"
)

// A Local is what the bucket of a spec.LocalDescriptor counts: the descriptors that some
// actions make.
type Local struct {
	Actions *Actions
	Entries []spec.DescriptorEntry
	// Preferred are the entries of buckets that count a descriptor instead, if it has
	// their entries.
	Preferred [][]spec.DescriptorEntry
	// PerConnection means that each connection has a bucket of its own.
	PerConnection bool
}

// Keyed reports whether there are several buckets.
func (l *Local) Keyed() bool { return l.PerConnection || !isExact(l.Entries) }

// isExact reports whether all entries have a value.
func isExact(entries []spec.DescriptorEntry) bool {
	for i := range entries {
		if entries[i].Value == "" {
			return false
		}
	}
	return true
}

// Prefers reports whether one bucket counts the descriptors that have the entries of
// both, and the other one does not. In the order of the configuration, a is before b.
func Prefers(a, b []spec.DescriptorEntry) bool { return isExact(a) || !isExact(b) }

// matches reports whether a descriptor has some entries.
func matches(wanted []spec.DescriptorEntry, entries []ratelimit.Entry) bool {
	if len(wanted) != len(entries) {
		return false
	}
	for i := range wanted {
		if wanted[i].Key != entries[i].Key || wanted[i].Value != "" && wanted[i].Value != entries[i].Value {
			return false
		}
	}
	return true
}

// counted appends the entries of the request's descriptor, and reports whether this
// bucket counts it.
func (l *Local) counted(to []ratelimit.Entry, v *match.View) ([]ratelimit.Entry, bool) {
	entries, ok := l.Actions.entries(to, v)
	if !ok || !matches(l.Entries, entries) {
		return entries, false
	}
	for _, other := range l.Preferred {
		if matches(other, entries) {
			return entries, false
		}
	}
	return entries, true
}

func (l *Local) key(b *bucket.Buckets, v *match.View) (bucket.Key, bool) {
	var room [8]ratelimit.Entry
	entries, on := l.counted(room[:0], v)
	if !on {
		return 0, false
	}
	var buffer [128]byte
	text := buffer[:0]
	for i := range l.Entries {
		if l.Entries[i].Value == "" {
			text = appendValue(text, entries[i].Value)
		}
	}
	if l.PerConnection {
		text = appendConnection(text, v.Request)
	}
	return b.Hash(text), true
}

func (l *Local) descriptor(p *Limit, v *match.View) (ratelimit.Descriptor, bool) {
	d := ratelimit.Descriptor{Requests: p.Spec.Requests, Unit: p.Spec.Unit, Burst: p.Spec.Burst}
	entries, on := l.counted(nil, v)
	d.Entries = entries
	return d, on
}

func (l *Local) describe() string {
	var b strings.Builder
	for _, e := range l.Entries {
		if e.Value == "" {
			b.WriteString(", each " + e.Key)
		} else {
			b.WriteString(", " + e.Key + "=" + e.Value)
		}
	}
	b.WriteString(connectionText(l.PerConnection))
	b.WriteString(", of (" + l.Actions.String() + ")")
	return b.String()
}

// A General is the bucket of a spec.LocalRateLimit for all requests.
type General struct {
	// Unless are the limits that keep a request from this bucket if one of them
	// counts it.
	Unless        []*Limit
	PerConnection bool
}

func (g *General) key(b *bucket.Buckets, v *match.View) (bucket.Key, bool) {
	for _, l := range g.Unless {
		if _, on := l.Key(v); on {
			return 0, false
		}
	}
	if !g.PerConnection {
		return b.Hash(nil), true
	}
	var buffer [128]byte
	return b.Hash(appendConnection(buffer[:0], v.Request)), true
}

func (g *General) describe() string {
	text := connectionText(g.PerConnection)
	if len(g.Unless) > 0 {
		text += ", all without a bucket of their own"
	}
	return text
}

func connectionText(per bool) string {
	if per {
		return ", each connection"
	}
	return ""
}

// appendConnection appends what identifies the connection of a request to a bucket's
// key: its two addresses. No two connections have the same at the same time.
func appendConnection(text []byte, r *http.Request) []byte {
	text = appendValue(text, r.RemoteAddr)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		text = appendValue(text, local.String())
	}
	return text
}

// Rate returns the numbers of a token bucket as those of a limit.
func Rate(b *spec.TokenBucket) spec.RateLimit {
	return spec.RateLimit{Requests: cmp.Or(b.TokensPerFill, 1), Unit: b.FillInterval, Burst: b.MaxTokens}
}
