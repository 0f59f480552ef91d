package upstream

import "net/http"

// protocolOf returns the protocol for r.
func (c *Config) protocolOf(r *http.Request) Protocol {
	switch {
	case c.Protocol != ClientProtocol:
		return c.Protocol
	case r.ProtoMajor >= 2:
		return HTTP2
	}
	return HTTP1
}

// newClient returns a client for h.
func (u *Upstream) newClient(h *host) client {
	if u.config.Protocol == ClientProtocol {
		return &clientProtocol{http1: u.newClientOver(HTTP1, h), http2: u.newClientOver(HTTP2, h)}
	}
	return u.newClientOver(u.config.Protocol, h)
}

func (u *Upstream) newClientOver(protocol Protocol, h *host) client {
	c := u.over[protocol]
	if protocol == HTTP2 || c.Transport == NetHTTP {
		return newNetHTTP(c, h, u.breaker)
	}
	return newDirect(c, h, u.breaker)
}

// A clientProtocol is a client that uses the protocol of the request's client.
// Each protocol has its own connections; both share the limits.
type clientProtocol struct{ http1, http2 client }

func (c *clientProtocol) serve(x exchange) (sent bool, err error) {
	if x.upstream.config.protocolOf(x.r) == HTTP2 {
		return c.http2.serve(x)
	}
	return c.http1.serve(x)
}

func (c *clientProtocol) closeIdle() {
	c.http1.closeIdle()
	c.http2.closeIdle()
}
