// Package interop tests the gateway with independent peers: gRPC's own
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

// patience limits the wait for an expected event; a good run never waits that
// long.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		runChild(mode)
		return
	}
	grpclog.SetLoggerV2(fatalPanics{})
	os.Exit(m.Run())
}

// serve serves the gateway that b builds on a free port, and returns its
// address.
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

// everything is a route that sends every request to the service.
func everything(service string) spec.Route {
	return spec.Route{Destinations: []spec.Destination{{Host: service}}}
}
