package rls

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

// A process is a program that a test has started.
type process struct {
	t       testing.TB
	command func() *exec.Cmd
	running *exec.Cmd
}

func startProcess(t testing.TB, command func() *exec.Cmd) *process {
	p := &process{t: t, command: command}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *process) start() {
	p.running = p.command()
	require.NoError(p.t, p.running.Start())
}

func (p *process) signal(s syscall.Signal) { require.NoError(p.t, p.running.Process.Signal(s)) }

// stop returns when all threads of the process have stopped.
func (p *process) stop() {
	p.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.running.Process.Pid, &status, syscall.WUNTRACED, nil)
	require.NoError(p.t, err)
	require.True(p.t, status.Stopped())
}

func (p *process) kill() {
	if p.running != nil {
		_ = p.running.Process.Kill()
		_ = p.running.Wait()
		p.running = nil
	}
}

func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A peer is a process of github.com/envoyproxy/ratelimit with the limits of the
// tests.
type peer struct {
	*process
	address string
}

// startPeer starts the peer and its Redis. The environment variable
// LATEEN_RATELIMIT has the path of the peer. Without both the test is skipped.
func startPeer(t testing.TB, environment ...string) *peer {
	t.Helper()
	path := os.Getenv("LATEEN_RATELIMIT")
	if path == "" {
		t.Skip("not compared with github.com/envoyproxy/ratelimit: LATEEN_RATELIMIT is not set to its program")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("not compared with github.com/envoyproxy/ratelimit: it needs redis-server, which is not installed")
	}
	redis, address := freeAddress(t), freeAddress(t)
	dir := t.TempDir()
	_, redisPort, _ := net.SplitHostPort(redis)
	startProcess(t, func() *exec.Cmd {
		return exec.Command("redis-server", "--bind", "127.0.0.1", "--port", redisPort, "--save", "", "--appendonly", "no", "--dir", dir)
	})
	requireListening(t, redis)

	config := filepath.Join(dir, "limits", "config")
	require.NoError(t, os.MkdirAll(config, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(config, "shop.yaml"), []byte(shopLimits), 0o644))
	_, port, _ := net.SplitHostPort(address)
	_, httpPort, _ := net.SplitHostPort(freeAddress(t))
	_, debugPort, _ := net.SplitHostPort(freeAddress(t))
	p := startProcess(t, func() *exec.Cmd {
		c := exec.Command(path)
		c.Env = append(os.Environ(), "GRPC_HOST=127.0.0.1", "GRPC_PORT="+port, "HOST=127.0.0.1", "PORT="+httpPort,
			"DEBUG_HOST=127.0.0.1", "DEBUG_PORT="+debugPort, "USE_STATSD=false", "REDIS_SOCKET_TYPE=tcp", "REDIS_URL="+redis,
			"RUNTIME_ROOT="+dir, "RUNTIME_SUBDIRECTORY=limits", "RUNTIME_WATCH_ROOT=false", "LOG_LEVEL=error")
		c.Env = append(c.Env, environment...)
		return c
	})
	requireListening(t, address)
	return &peer{process: p, address: address}
}

func requireListening(t testing.TB, address string) {
	t.Helper()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
}

func TestPeerStops(t *testing.T) {
	p := startPeer(t)
	l := dial(t, p.address, Options{})
	requireRecovery(t, l)
	for range 2 {
		p.stop()
		requireDeadline(t, l)
		// A new connection gets no answer either.
		requireDeadline(t, dial(t, p.address, Options{}))
		p.signal(syscall.SIGCONT)
		requireRecovery(t, l)
	}
}

func TestPeerIsKilled(t *testing.T) {
	p := startPeer(t)
	l := dial(t, p.address, Options{})
	requireRecovery(t, l)
	for range 2 {
		errs := make(chan error)
		for range 16 {
			go func() {
				for {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					_, err := l.Limit(ctx, shopRequest)
					cancel()
					if err != nil {
						errs <- err
						return
					}
				}
			}()
		}
		p.kill()
		for range 16 {
			require.Error(t, <-errs)
		}
		p.start()
		requireRecovery(t, l)
	}
}

// The peer counts by the limit that a request has.
func TestPeerUsesSentLimits(t *testing.T) {
	p := startPeer(t)
	l := dial(t, p.address, Options{Domain: "shop", SendLimits: true})
	requireRecovery(t, l)
	waitForRoom(t, time.Minute)
	for n := range 4 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		r, err := l.Limit(ctx, one("any", ratelimit.Descriptor{Entries: user("eve"), Requests: 2, Unit: time.Minute}))
		cancel()
		require.NoError(t, err)
		require.Equal(t, n >= 2, r.Over)
		require.Equal(t, max(1-n, 0), r.Statuses[0].Remaining)
		require.Positive(t, r.Statuses[0].Reset)
	}
}

// waitForRoom waits until a window is not about to end.
func waitForRoom(t testing.TB, unit time.Duration) {
	t.Helper()
	const room = 5 * time.Second
	require.Eventually(t, func() bool {
		return unit-time.Duration(time.Now().UnixNano()%int64(unit)) > room
	}, 2*room, 10*time.Millisecond)
}
