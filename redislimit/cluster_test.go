package redislimit

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

const slots = 16384

// startCluster starts three servers with a third of the slots each.
func startCluster(t testing.TB) []*server {
	t.Helper()
	ctx := context.Background()
	servers := make([]*server, 3)
	clients := make([]redis.UniversalClient, 3)
	buses := make([]string, 3)
	for i := range servers {
		_, buses[i], _ = net.SplitHostPort(freeAddress(t))
		servers[i] = startServer(t, "--cluster-enabled", "yes", "--cluster-port", buses[i])
		clients[i] = newClient(t, servers[i].address)
	}
	for i, c := range clients {
		require.NoError(t, c.Do(ctx, "CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1).Err())
		if i > 0 {
			host, port, err := net.SplitHostPort(servers[0].address)
			require.NoError(t, err)
			require.NoError(t, c.Do(ctx, "CLUSTER", "MEET", host, port, buses[0]).Err())
		}
	}
	require.Eventually(t, func() bool {
		for _, c := range clients {
			info, err := c.Do(ctx, "CLUSTER", "INFO").Text()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	}, time.Minute, 20*time.Millisecond)
	return servers
}

func TestCluster(t *testing.T) {
	servers := startCluster(t)
	ctx := context.Background()
	client := newClient(t, "redis+cluster://"+servers[0].address)
	l := New(client, Options{})
	scripts := countScripts(client)

	request := ratelimit.Request{Domain: "shop/limits", Hits: 1}
	for i := range 30 {
		request.Descriptors = append(request.Descriptors, ratelimit.Descriptor{
			Entries: []ratelimit.Entry{{Key: "x-user", Value: strconv.Itoa(i)}}, Requests: 10, Unit: 50 * 365 * 24 * time.Hour,
			Algorithm: ratelimit.Algorithm(i % 2),
		})
	}
	for i := range 12 {
		before := scripts()
		r, err := l.Limit(ctx, request)
		require.NoError(t, err)
		require.Len(t, r.Statuses, 30)
		for j, s := range r.Statuses {
			require.Equal(t, max(0, 9-i), s.Remaining, "%d", j)
			require.Equal(t, i >= 10, s.Over)
		}
		if i == 0 {
			require.Equal(t, 60, scripts()-before, "no server knows the script")
		} else {
			require.Equal(t, 30, scripts()-before, "one call for each descriptor")
		}
	}
	for _, s := range servers {
		n, err := newClient(t, s.address).DBSize(ctx).Result()
		require.NoError(t, err)
		require.Positive(t, n, "the keys are on all servers")
	}

	// A gateway with another clock.
	l.now = func() time.Time { return noon.Add(-100 * 365 * 24 * time.Hour) }
	r, err := l.Limit(ctx, request)
	require.NoError(t, err)
	for _, s := range r.Statuses {
		require.True(t, s.Over)
	}

	// One server does not answer.
	servers[2].kill()
	_, err = l.Limit(ctx, request)
	require.Error(t, err)
}
