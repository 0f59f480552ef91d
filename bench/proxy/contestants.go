//go:build linux

package main

import (
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// A contestant is a proxy in front of two backends.
type contestant struct {
	name string
	// serve starts to serve, and returns the address.
	serve func(backends []string) (string, error)
	// bare means that it does less than the others: it serves only HTTP/1.1, and keeps
	// whole bodies in memory. It takes part only in contests of small requests.
	bare bool
}

// Contestants that are compared with each other, the bare ones last. The reference is the one to
// which all others are compared.
const (
	reference      = "ReverseProxy"
	pooled         = "ReverseProxy, BufferPool"
	gatewayNetHTTP = "lateen, net/http's client"
	gatewayServer  = "lateen, net/http's server"
	fastHTTP       = "fasthttp"
)

var contestants = []contestant{
	{name: "lateen", serve: func(backends []string) (string, error) {
		return serveGateway(gateway.TransportDirect, server.EngineLateen, backends)
	}},
	{name: gatewayServer, serve: func(backends []string) (string, error) {
		return serveGateway(gateway.TransportDirect, server.EngineNetHTTP, backends)
	}},
	{name: gatewayNetHTTP, serve: func(backends []string) (string, error) {
		return serveGateway(gateway.TransportNetHTTP, server.EngineLateen, backends)
	}},
	{name: reference, serve: func(backends []string) (string, error) { return serveReverseProxy(nil, backends) }},
	{name: pooled, serve: func(backends []string) (string, error) { return serveReverseProxy(new(bufferPool), backends) }},
	{name: fastHTTP, serve: serveFastHTTP, bare: true},
}

func isBare(name string) bool {
	return slices.ContainsFunc(contestants, func(c contestant) bool { return c.name == name && c.bare })
}

// serveGateway serves with a gateway and its own listeners.
func serveGateway(transport gateway.Transport, engine server.Engine, backends []string) (string, error) {
	gw, err := gateway.New().
		Server(spec.Server{Port: 80, Hosts: []string{"*"}}).
		Transport(transport).
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/products")}},
			Rewrite:      &spec.Rewrite{URI: "/"},
			Headers:      spec.Headers{Request: spec.HeaderOperations{Add: map[string]string{"X-Forwarded-Proto": "https"}}},
			Destinations: []spec.Destination{{Host: "product", Weight: 90}, {Host: "product-v2", Weight: 10}},
		}).
		BackendURL("product", "http://"+backends[0]).
		BackendURL("product-v2", "http://"+backends[1]).
		Build()
	if err != nil {
		return "", err
	}
	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}, Engine: engine})
	if err := s.Start(); err != nil {
		return "", err
	}
	return s.Addr(80).String(), nil
}

// serveReverseProxy serves with httputil.ReverseProxy. It does a little less
// than a gateway: it makes no X-Request-Id.
func serveReverseProxy(pool httputil.BufferPool, backends []string) (string, error) {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			out := r.Out
			out.URL.Scheme, out.URL.Host = "http", backends[0]
			if rand.Uint64()%100 >= 90 {
				out.URL.Host = backends[1]
			}
			out.URL.Path, out.URL.RawPath = strings.TrimPrefix(out.URL.Path, "/products"), ""
			if host, _, err := net.SplitHostPort(r.In.RemoteAddr); err == nil {
				out.Header["X-Forwarded-For"] = []string{host}
			}
			out.Header["X-Forwarded-Proto"] = []string{"https"}
		},
		Transport:  &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true},
		BufferPool: pool,
	}
	return listen(plainServer(proxy).Serve)
}

// listen serves on a free port.
func listen(serve func(net.Listener) error) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = serve(l) }()
	return l.Addr().String(), nil
}

// A bufferPool is an httputil.BufferPool of buffers as large as ReverseProxy's
// own.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 32<<10)
}

func (p *bufferPool) Put(b []byte) { p.pool.Put(&b) }
