package redislimit

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

// A sentinel tells the client which server is the master.
func TestSentinel(t *testing.T) {
	first := startServer(t, "--repl-diskless-sync-delay", "0")
	host, port, err := net.SplitHostPort(first.address)
	require.NoError(t, err)
	// A replica follows, and takes over.
	second := startServer(t, "--replicaof", host, port)

	sentinel := &server{t: t, program: "redis-server", address: freeAddress(t)}
	_, sentinelPort, err := net.SplitHostPort(sentinel.address)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	// The sentinel writes to its file, so it must not be an argument.
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "port %s\nsentinel monitor shop %s %s 1\nsentinel down-after-milliseconds shop 200\nsentinel failover-timeout shop 3000\n", sentinelPort, host, port), 0o600))
	sentinel.args = []string{file, "--sentinel"}
	sentinel.start()
	t.Cleanup(sentinel.kill)

	ctx := context.Background()
	l := New(newClient(t, "redis+sentinel://"+sentinel.address+"?master_name=shop"), Options{})
	rare := ratelimit.Descriptor{Entries: bob(), Requests: 10, Unit: 50 * 365 * 24 * time.Hour}
	require.Equal(t, 9, limitOne(t, l, 1, rare).Remaining)

	replica, admin := newClient(t, second.address), newClient(t, sentinel.address)
	require.Eventually(t, func() bool {
		keys, err := replica.Keys(ctx, "*").Result()
		if err != nil || len(keys) == 0 {
			return false
		}
		known, err := admin.Do(ctx, "SENTINEL", "REPLICAS", "shop").Slice()
		return err == nil && len(known) == 1
	}, 30*time.Second, 20*time.Millisecond)
	first.kill()
	_, err = l.Limit(ctx, perMinute)
	require.Error(t, err)
	requireRecovery(t, l)
	require.Equal(t, 8, limitOne(t, l, 1, rare).Remaining, "the replica has the counters")
}
