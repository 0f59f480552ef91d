package redislimit

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

// A server is a process of Redis or Valkey that keeps nothing on disk.
type server struct {
	t       testing.TB
	program string
	address string
	args    []string
	process *exec.Cmd
}

// startServer starts redis-server on a free port, and skips the test where there
// is none.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	return startProgram(t, "redis-server", args...)
}

func startProgram(t testing.TB, program string, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	s := &server{t: t, program: program, address: freeAddress(t)}
	_, port, err := net.SplitHostPort(s.address)
	require.NoError(t, err)
	s.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)
	s.start()
	t.Cleanup(s.kill)
	return s
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (s *server) start() {
	s.t.Helper()
	s.process = exec.Command(s.program, s.args...)
	require.NoError(s.t, s.process.Start())
	require.Eventually(s.t, func() bool {
		client, err := NewClient(s.address)
		if err != nil {
			return false
		}
		defer client.Close()
		return client.Ping(context.Background()).Err() == nil
	}, 30*time.Second, 10*time.Millisecond)
}

func (s *server) signal(signal syscall.Signal) {
	require.NoError(s.t, s.process.Process.Signal(signal))
}

func (s *server) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

func newClient(t testing.TB, address string) redis.UniversalClient {
	t.Helper()
	client, err := NewClient(address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

var perMinute = ratelimit.Request{Domain: "shop/limits", Hits: 1, Descriptors: []ratelimit.Descriptor{{Entries: bob(), Requests: 1000, Unit: time.Minute}}}

// requireRecovery fails if the limiter does not answer again.
func requireRecovery(t *testing.T, l *Limiter) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := l.Limit(context.Background(), perMinute)
		return err == nil
	}, 30*time.Second, time.Millisecond)
}

// everywhere runs a test with miniredis, Redis and Valkey.
func everywhere(t *testing.T, test func(*testing.T, redis.UniversalClient)) {
	t.Run("miniredis", func(t *testing.T) { test(t, newClient(t, miniredis.RunT(t).Addr())) })
	t.Run("redis", func(t *testing.T) { test(t, newClient(t, startServer(t).address)) })
	t.Run("valkey", func(t *testing.T) { test(t, newClient(t, startProgram(t, "valkey-server").address)) })
}

// setTime makes the server's clock show a time for all further calls. Keys stay
// an hour longer then, as they expire by another clock.
func (l *Limiter) setTime(t testing.TB, now time.Time) {
	t.Helper()
	script := source
	for old, changed := range map[string]string{
		"redis.call('TIME')":              fmt.Sprintf("{'%d','%d'}", now.Unix(), now.Nanosecond()/1000),
		"math.floor(after / 1000) + 1":    "math.floor(after / 1000) + 3600000",
		"redis.call('PEXPIRE', key, ttl)": "redis.call('PEXPIRE', key, number(ttl + 3600000))",
	} {
		require.Equal(t, 1, strings.Count(script, old), old)
		script = strings.Replace(script, old, changed, 1)
	}
	l.script = redis.NewScript(script)
	l.now = func() time.Time { return now }
}
