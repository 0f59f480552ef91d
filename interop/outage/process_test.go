package outage

import (
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process is a server that a test has started. It listens on its address.
type process struct {
	t       testing.TB
	address string
	command func() *exec.Cmd
	running *exec.Cmd
}

func startProcess(t testing.TB, address string, command func() *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, address: address, command: command}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// start returns when the process accepts connections.
func (p *process) start() {
	p.t.Helper()
	p.running = p.command()
	require.NoError(p.t, p.running.Start())
	require.Eventually(p.t, func() bool {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, patience, 5*time.Millisecond)
}

// kill ends the process like kill -9.
func (p *process) kill() {
	if p.running != nil {
		_ = p.running.Process.Kill()
		_ = p.running.Wait()
		p.running = nil
	}
}

// stop returns when all threads of the process have stopped.
func (p *process) stop() {
	p.t.Helper()
	require.NoError(p.t, p.running.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus
	_, err := syscall.Wait4(p.running.Process.Pid, &status, syscall.WUNTRACED, nil)
	require.NoError(p.t, err)
	require.True(p.t, status.Stopped())
}

func (p *process) proceed() {
	p.t.Helper()
	require.NoError(p.t, p.running.Process.Signal(syscall.SIGCONT))
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
