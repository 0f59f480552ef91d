package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/rls"
)

// Two processes allow together what one would. The service knows the domain, and has no
// limits of its own.
func TestServeAsksARateLimitService(t *testing.T) {
	counts := &tally{counts: map[string]int{}}
	address := startService(t, counts)
	config := sharedShop(t)
	one, two := serveShop(t, config, "--rate-limit-service", address), serveShop(t, config, "--rate-limit-service", "grpc://"+address)
	requireOneLimit(t, one, two)
	require.Equal(t, 1, counts.keys(), "both ask about the same")
	for _, s := range []*serving{one, two} {
		s.signal(syscall.SIGTERM)
		require.Zero(t, s.exit())
		require.NotContains(t, s.stderr.String(), "rate limits are counted in this process only")
	}
}

func TestRateLimitServiceIsLookedFor(t *testing.T) {
	counts := &tally{counts: map[string]int{}}
	require.Empty(t, looked(t, sharing{service: new(startService(t, counts))}))
	require.Zero(t, counts.keys(), "a look counts nothing")
	require.Contains(t, looked(t, sharing{service: new("unix://" + filepath.Join(t.TempDir(), "none"))}),
		"flag=--rate-limit-service error=\"it accepts no connection\"")
}

// startService starts a rate limit service on a free port.
func startService(t *testing.T, counts ratelimit.Limiter) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	config, err := rls.ParseConfig(rls.ConfigFile{Name: "shop.yaml", Text: []byte("domain: default/all\n")})
	require.NoError(t, err)
	server := grpc.NewServer()
	rls.NewServer(counts, config, rls.ServerOptions{}).Register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

// A tally is a limiter that never forgets.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (y *tally) Limit(_ context.Context, request ratelimit.Request) (ratelimit.Response, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	var response ratelimit.Response
	for _, d := range request.Descriptors {
		key := fmt.Sprint(request.Domain, d.Entries)
		y.counts[key]++
		s := ratelimit.Status{Over: y.counts[key] > d.Requests, Remaining: max(d.Requests-y.counts[key], 0)}
		response.Over = response.Over || s.Over
		response.Statuses = append(response.Statuses, s)
	}
	return response, nil
}

// keys returns how many keys were counted.
func (y *tally) keys() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.counts)
}
