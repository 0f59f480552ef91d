package attacks

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec/istio"
)

// A contestant is a server in front of a gateway.
type contestant struct {
	name string
	// refuses means that each hostile case that must pass does, and accepts that each legal
	// one does.
	refuses, accepts bool
	// configure changes the gateway, if it is not nil.
	configure func(*gateway.Builder)
	// serve serves a gateway, and returns the address. stop waits for the requests.
	serve func(t *testing.T, gw *gateway.Gateway) (address string, stop func())
}

var contestants = []contestant{
	{"Lateen", true, true, nil, listeners(server.Config{Engine: server.EngineLateen})},
	{"Lateen, strict", true, true, func(b *gateway.Builder) { b.Strict(gateway.Strict{}) }, listeners(server.Config{Engine: server.EngineLateen})},
	{"Lateen with net/http's server", true, false, nil, listeners(server.Config{Engine: server.EngineNetHTTP})},
	{"net/http behind Guard", false, false, nil, guarded},
	{"net/http alone", false, false, nil, plain},
}

// listeners serves with package server.
func listeners(config server.Config) func(*testing.T, *gateway.Gateway) (string, func()) {
	return func(t *testing.T, gw *gateway.Gateway) (string, func()) {
		config := config
		config.Addresses = map[int]string{80: "127.0.0.1:0"}
		config.GracePeriod = -1
		config.Logger = slog.New(slog.DiscardHandler)
		s := server.New(gw, config)
		require.NoError(t, s.Start())
		return s.Addr(80).String(), func() {
			ctx, cancel := context.WithTimeout(context.Background(), testwire.Patience)
			defer cancel()
			require.NoError(t, s.Shutdown(ctx))
		}
	}
}

// guarded is plain behind the guard that package server exports.
func guarded(t *testing.T, gw *gateway.Gateway) (string, func()) {
	var srv *http.Server
	return behind(t, gw, func(l net.Listener) net.Listener { return server.Guard(srv, l) }, func(s *http.Server) { srv = s })
}

// plain serves with net/http's server, as a program does that brings its own.
func plain(t *testing.T, gw *gateway.Gateway) (string, func()) {
	return behind(t, gw, func(l net.Listener) net.Listener { return l }, func(*http.Server) {})
}

// behind serves with an http.Server, whose listener and settings are changed before.
func behind(t *testing.T, gw *gateway.Gateway, wrap func(net.Listener) net.Listener, change func(*http.Server)) (string, func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	// The time for a head is the one that package server has.
	s := &http.Server{Handler: gw, Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: server.DefaultReadHeaderTimeout}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	change(s)
	var running sync.WaitGroup
	running.Go(func() { _ = s.Serve(wrap(l)) })
	return l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), testwire.Patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		running.Wait()
	}
}

var configuration = sync.OnceValue(func() []byte {
	text, err := os.ReadFile("testdata/gateway.yaml")
	if err != nil {
		panic(err)
	}
	return text
})

// through runs a case against a contestant.
func (k *contestant) through(t *testing.T, c *testCase, quiet time.Duration) *outcome {
	app := startBackend(t)
	b := gateway.New().Load(istio.Bytes("gateway.yaml", configuration())).BackendURL("app", "http://"+app.listener.Addr().String())
	b.Logger(slog.New(slog.DiscardHandler))
	if k.configure != nil {
		k.configure(b)
	}
	gw, err := b.Build()
	require.NoError(t, err)
	address, stop := k.serve(t, gw)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	var o *outcome
	if c.overHTTP2() {
		o = talkHTTP2(conn, c, quiet)
	} else {
		o = talk(conn, c, quiet)
	}
	_ = conn.Close()
	stop()
	require.NoError(t, gw.Close())
	o.take(app.stop())
	return o
}
