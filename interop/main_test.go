// Package interop puts the gateway between peers that others wrote: gRPC's own
// interoperability client and server, a WebSocket library, and processes that
// fail.
package interop

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/grpclog"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// patience bounds what has to happen; it is never waited for in a good run.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		runChild(mode)
		return
	}
	grpclog.SetLoggerV2(fatalPanics{})
	os.Exit(m.Run())
}

// serve serves what b builds on a port of its own, and returns its address.
func serve(t *testing.T, b *gateway.Builder) string {
	t.Helper()
	gw, err := b.Server(spec.Server{Port: 80, Hosts: []string{"*"}}).Build()
	require.NoError(t, err)
	s := server.New(gw, server.Config{Addresses: map[int]string{80: "127.0.0.1:0"}})
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx), "requests did not end")
		require.NoError(t, gw.Close())
	})
	return s.Addr(80).String()
}

// everything is a route that takes every request to the service.
func everything(service string) spec.Route {
	return spec.Route{Destinations: []spec.Destination{{Host: service}}}
}
