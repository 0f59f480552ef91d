// Package hashkey finds the key for consistent hashing in a request, and hashes
// it as Envoy's hash policies do.
package hashkey

import (
	"math/bits"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/upstream/internal/xxhash64"
)

// A Key is the part of a request that chooses the host (the key of Istio's
// consistentHash). Set exactly one field; if several are set, the first counts.
// It must not change after its first use, and is safe for concurrent use.
type Key struct {
	// Header is the name of a header. The values of several lines are sorted, and
	// hashed one after the other.
	Header string
	// Cookie is hashed by its value, and can be created if it is missing.
	Cookie *Cookie
	// SourceIP uses the client's address without its port.
	SourceIP bool
	// QueryParameter is the name of a query parameter, whose first value is
	// hashed without decoding.
	QueryParameter string
}

// A Connection holds the addresses of a request's connection.
type Connection struct {
	// Client is the trusted client. Its port is 0 if the address came from a
	// trusted proxy. If it is invalid, the source address is missing.
	Client netip.AddrPort
	// Remote and Local are the two ends of the connection itself: Remote is
	// "ip:port", and Local's String has that form. A created cookie is made
	// from them.
	Remote string
	Local  net.Addr
}

// A Hash is the result that the balancer uses.
type Hash struct {
	// Value is the hash, if Found.
	Value uint64
	// Found is false if the request has no such key: its host is random then.
	Found bool
	// SetCookies are the values of Set-Cookie headers for the response. They
	// are sent with every response from a host, even one that reports an error.
	SetCookies []string
}

// Hash returns the hash of r's key. It allocates only if a header has several
// lines, or for a cookie that it creates.
// HashAll combines the hashes of several keys as Envoy does
// (HashPolicyImpl::generateHash).
func HashAll(keys []Key, r *http.Request, c Connection) Hash {
	if len(keys) == 1 {
		return keys[0].Hash(r, c)
	}
	var all Hash
	for i := range keys {
		h := keys[i].Hash(r, c)
		if !h.Found {
			continue
		}
		// Without the rotation, two equal hashes would cancel each other out.
		all.Value = bits.RotateLeft64(all.Value, 1) ^ h.Value
		all.Found = true
		all.SetCookies = append(all.SetCookies, h.SetCookies...)
	}
	return all
}

// NewCookie returns the cookie that k creates for a request, or "".
func (k *Key) NewCookie(r *http.Request) string {
	if k.Cookie == nil || k.Cookie.TTL == nil {
		return ""
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if set := k.Hash(r, Connection{Remote: r.RemoteAddr, Local: local}).SetCookies; len(set) > 0 {
		return set[0]
	}
	return ""
}

func (k *Key) Hash(r *http.Request, c Connection) Hash {
	switch {
	case k.Header != "":
		return k.header(r)
	case k.Cookie != nil:
		return k.Cookie.hash(r.Header["Cookie"], c)
	case k.SourceIP:
		return sourceIP(c.Client.Addr())
	case k.QueryParameter != "":
		return queryParameter(r.URL.RawQuery, k.QueryParameter)
	}
	return Hash{}
}

// of hashes a value that is present, even if it is empty.
func of(value string) Hash { return Hash{Value: xxhash64.Sum(value, 0), Found: true} }

func (k *Key) header(r *http.Request) Hash {
	values := r.Header.Values(k.Header)
	switch len(values) {
	case 0:
		if strings.EqualFold(k.Header, "host") && r.Host != "" {
			return of(r.Host)
		}
		return Hash{}
	case 1:
		return of(values[0])
	}
	values = slices.Clone(values)
	slices.Sort(values)
	return of(strings.Join(values, ""))
}

func sourceIP(ip netip.Addr) Hash {
	if !ip.IsValid() {
		return Hash{}
	}
	var text [48]byte
	return Hash{Value: xxhash64.Sum(ip.Unmap().WithZone("").AppendTo(text[:0]), 0), Found: true}
}

// queryParameter hashes the first value of a parameter. Without "=" the value
// is empty.
func queryParameter(query, name string) Hash {
	for query != "" {
		var parameter string
		parameter, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(parameter, "="); key == name {
			return of(value)
		}
	}
	return Hash{}
}
