// Package program runs an example as a person would.
package program

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Program is an example that accepts connections.
type Program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
}

// Start builds the main package in the test's directory, starts it, and waits
// for the line "listening on URL". The test's end kills it.
func Start(t *testing.T, args ...string) *Program {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "example.exe")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	cmd := exec.Command(binary, args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	url, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, found, "the first line is %q", line)
	return &Program{t, cmd, url}
}

// Get returns the status and the body of a response.
func (p *Program) Get(path string) (int, string) {
	p.t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(p.url + path)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, string(body)
}

// Stop sends the program a signal and requires that it ends without failure.
func (p *Program) Stop(s os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
	require.NoError(p.t, p.cmd.Wait())
}
