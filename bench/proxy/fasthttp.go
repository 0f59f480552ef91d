//go:build linux

package main

import (
	"math/rand/v2"
	"net"
	"strings"

	"github.com/valyala/fasthttp"
)

// serveFastHTTP serves with fasthttp's server and client. It does much less than a gateway:
// it makes no X-Request-Id, and knows nothing of hop-by-hop headers and retries.
func serveFastHTTP(backends []string) (string, error) {
	clients := make([]*fasthttp.HostClient, len(backends))
	for i := range clients {
		clients[i] = &fasthttp.HostClient{Addr: backends[i], MaxConns: 1000, NoDefaultUserAgentHeader: true, DisablePathNormalizing: true}
	}
	server := &fasthttp.Server{NoDefaultServerHeader: true, NoDefaultDate: true, NoDefaultContentType: true}
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		client := clients[0]
		if rand.Uint64()%100 >= 90 {
			client = clients[1]
		}
		r, host := &ctx.Request, string(ctx.Host())
		r.SetRequestURI(strings.TrimPrefix(string(r.Header.RequestURI()), "/products"))
		r.URI().SetHost(host)
		r.Header.SetHost(host)
		r.Header.Set("X-Forwarded-Proto", "https")
		if a, ok := ctx.RemoteAddr().(*net.TCPAddr); ok {
			r.Header.Set("X-Forwarded-For", a.IP.String())
		}
		if err := client.Do(r, &ctx.Response); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadGateway)
		}
	}
	return listen(server.Serve)
}
