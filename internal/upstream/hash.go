package upstream

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
)

// hash returns the hash of r's key. It looks up only those client addresses
// that the key needs.
func (c *Config) hash(r *http.Request) hashkey.Hash {
	var between hashkey.Connection
	switch {
	case c.Hash.SourceIP && c.ClientAddress != nil:
		between.Client = c.ClientAddress(r)
	case c.Hash.SourceIP:
		between.Client, _ = netip.ParseAddrPort(r.RemoteAddr)
	case c.Hash.Cookie != nil && c.Hash.Cookie.TTL != nil:
		between.Remote = r.RemoteAddr
		between.Local, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	}
	return c.Hash.Hash(r, between)
}
