package upstream

import "time"

// A ConnectRetrier is implemented by response writers that may retry a request whose
// connection could not be made. RetriesConnect reports whether they would do so now, with
// another endpoint if there is one.
type ConnectRetrier interface{ RetriesConnect() bool }

// connectTimeout returns how long connecting for the exchange may take. A host that drops
// packets should not cost a request all of the time while another one can have it.
func (x *exchange) connectTimeout(c *Config) time.Duration {
	if c.EarlyConnectTimeout <= 0 || c.EarlyConnectTimeout >= c.ConnectTimeout {
		return c.ConnectTimeout
	}
	if w, ok := x.w.(ConnectRetrier); !ok || !w.RetriesConnect() || !x.hasOther() {
		return c.ConnectTimeout
	}
	return c.EarlyConnectTimeout
}

// hasOther reports whether there is a host that is neither ejected nor the one of this
// try or of an earlier one.
func (x *exchange) hasOther() bool {
	tried, _ := x.r.Context().Value(triedKey{}).(*Tried)
	for _, h := range x.upstream.hosts.Load().hosts {
		if h != x.host && !h.state.Ejected.Load() && !tried.has(&h.state) {
			return true
		}
	}
	return false
}
