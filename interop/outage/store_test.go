package outage

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
	"github.com/lateengo/gateway/redislimit"
	"github.com/lateengo/gateway/rls"
	"github.com/lateengo/gateway/spec"
)

// A store counts for several gateways.
type store struct {
	// server answers the gateways. Its counts are in redis, which can be the same.
	server, redis *process
	algorithm     spec.LimitAlgorithm
	// connect returns a limiter with connections of its own.
	connect func(t testing.TB, address string) ratelimit.Limiter
	// questions makes what counts the requests that a client sends over one
	// connection.
	questions func(counted func()) questionReader
	// garbage is what a server never answers.
	garbage map[string]string
}

// stores are the stores, by name. Each skips a test where its programs are missing.
var stores = map[string]func(testing.TB) *store{
	"redis":   startRedisStore,
	"windows": startWindowStore,
	"envoy":   startEnvoyStore,
}

// startRedis starts redis-server, which keeps all on disk.
func startRedis(t testing.TB) *process {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed")
	}
	address, dir := freeAddress(t), t.TempDir()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	return startProcess(t, address, func() *exec.Cmd {
		return exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--dir", dir)
	})
}

func startRedisStore(t testing.TB) *store {
	t.Helper()
	server := startRedis(t)
	return &store{
		server: server, redis: server,
		connect: func(t testing.TB, address string) ratelimit.Limiter {
			client, err := redislimit.NewClient("redis://" + address + "?pool_size=64")
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, client.Close()) })
			return redislimit.New(client, redislimit.Options{})
		},
		questions: redisQuestions,
		garbage: map[string]string{
			"noise":          "\x00\xff\xfe noise \r\n\r\n",
			"a status":       "+OK\r\n",
			"half an array":  "*3\r\n:0\r\n",
			"a large number": "*3\r\n:0\r\n:9223372036854775807\r\n:9223372036854775807\r\n",
			"a huge array":   "*1000000000\r\n",
			"a huge map":     "%1000000000\r\n",
			"a huge string":  "$9223372036854775807\r\n",
			"a web server":   "HTTP/1.1 400 Bad Request\r\n\r\n",
		},
	}
}

func startWindowStore(t testing.TB) *store {
	t.Helper()
	s := startRedisStore(t)
	s.algorithm = spec.LimitFixedWindow
	return s
}

// startEnvoyStore starts github.com/envoyproxy/ratelimit, from the path in the
// environment variable LATEEN_RATELIMIT, and its Redis.
func startEnvoyStore(t testing.TB) *store {
	t.Helper()
	path := os.Getenv("LATEEN_RATELIMIT")
	if path == "" {
		t.Skip("without github.com/envoyproxy/ratelimit: LATEEN_RATELIMIT is not set to its program")
	}
	redis := startRedis(t)
	address, dir := freeAddress(t), t.TempDir()
	config := filepath.Join(dir, "limits", "config")
	require.NoError(t, os.MkdirAll(config, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(config, "shop.yaml"), []byte("domain: shop\n"), 0o644))
	port := func(address string) string {
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		return port
	}
	httpPort, debugPort := port(freeAddress(t)), port(freeAddress(t))
	server := startProcess(t, address, func() *exec.Cmd {
		c := exec.Command(path)
		c.Env = append(os.Environ(), "GRPC_HOST=127.0.0.1", "GRPC_PORT="+port(address), "HOST=127.0.0.1", "PORT="+httpPort,
			"DEBUG_HOST=127.0.0.1", "DEBUG_PORT="+debugPort, "USE_STATSD=false", "REDIS_SOCKET_TYPE=tcp", "REDIS_URL="+redis.address,
			"RUNTIME_ROOT="+dir, "RUNTIME_SUBDIRECTORY=limits", "RUNTIME_WATCH_ROOT=false", "LOG_LEVEL=fatal")
		return c
	})
	return &store{
		server: server, redis: redis, algorithm: spec.LimitFixedWindow,
		connect: func(t testing.TB, address string) ratelimit.Limiter {
			conn, err := rls.Dial(address, rls.DialOptions{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, conn.Close()) })
			return rls.New(conn, rls.Options{SendLimits: true})
		},
		questions: grpcQuestions,
		garbage: map[string]string{
			"noise":        "\x00\xff\xfe noise \r\n\r\n",
			"a huge frame": "\xff\xff\xff\x00\x00\x00\x00\x00\x01",
			"a web server": "HTTP/1.1 400 Bad Request\r\n\r\n",
		},
	}
}

// forget deletes what a store has counted. Its Redis must not run.
func (s *store) forget() {
	dir := s.redis.command().Args
	require.NoError(s.redis.t, os.RemoveAll(filepath.Join(dir[len(dir)-1], "appendonlydir")))
}
