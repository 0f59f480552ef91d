package interop

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// A process is a backend in a separate process.
type process struct {
	t       *testing.T
	mode    string
	address string
	command *exec.Cmd
	stdin   io.Closer
	// reports are the lines that it writes.
	reports chan string
	// exited is closed when it has ended.
	exited chan struct{}
}

// startProcess starts a backend on a free port, until the end of the test.
func startProcess(t *testing.T, mode string) *process {
	t.Helper()
	p := &process{t: t, mode: mode, address: "127.0.0.1:0"}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// start starts the process, the next time at the same address.
func (p *process) start() {
	p.t.Helper()
	p.command = exec.Command(os.Args[0])
	p.command.Env = append(os.Environ(), childMode+"="+p.mode, childAddress+"="+p.address)
	p.command.Stderr = os.Stderr
	var err error
	p.stdin, err = p.command.StdinPipe()
	require.NoError(p.t, err)
	stdout, err := p.command.StdoutPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, p.command.Start())
	reports, exited, command := make(chan string, 1<<16), make(chan struct{}), p.command
	go func() {
		defer close(exited)
		defer close(reports)
		for in := bufio.NewScanner(stdout); in.Scan(); {
			reports <- in.Text()
		}
		_ = command.Wait()
	}()
	p.reports, p.exited = reports, exited
	p.address = p.next()
}

// next returns the process's next report.
func (p *process) next() string {
	p.t.Helper()
	select {
	case line, ok := <-p.reports:
		require.True(p.t, ok, "the backend has ended")
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "the backend reports nothing")
		panic("unreachable")
	}
}

// reported returns the number of reports so far, and drops them.
func (p *process) reported() int {
	n := len(p.reports)
	for range n {
		<-p.reports
	}
	return n
}

// kill ends the process like kill -9, and waits for that.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	p.stdin.Close()
	<-p.exited
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(s))
}

// get sends a request directly to the process.
func (p *process) get(path string) string {
	p.t.Helper()
	response, err := http.Get("http://" + p.address + path)
	require.NoError(p.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	return string(body)
}

// serviceOf declares a service whose endpoints are processes.
func serviceOf(processes ...*process) spec.Service {
	s := spec.Service{
		Hosts:      []string{"app.example.com"},
		Ports:      []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
		Resolution: spec.ResolveStatic,
	}
	for _, p := range processes {
		host, port, _ := net.SplitHostPort(p.address)
		number, _ := strconv.Atoi(port)
		s.Endpoints = append(s.Endpoints, spec.Endpoint{Address: host, Ports: map[string]int{"http": number}})
	}
	return s
}
