package upstream

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/lateengo/gateway/internal/upstream/internal/hashkey"
)

// hash returns the hash of r's keys. It looks up only those client addresses
// that the keys need.
func (c *Config) hash(r *http.Request) hashkey.Hash {
	var between hashkey.Connection
	for i := range c.Hash {
		switch k := &c.Hash[i]; {
		case k.SourceIP && c.ClientAddress != nil:
			between.Client = c.ClientAddress(r)
		case k.SourceIP:
			between.Client, _ = netip.ParseAddrPort(r.RemoteAddr)
		case k.Cookie != nil && k.Cookie.TTL != nil:
			between.Remote = r.RemoteAddr
			between.Local, _ = r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		}
	}
	return hashkey.HashAll(c.Hash, r, between)
}
