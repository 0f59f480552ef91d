package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// binary is lateen, built once for all tests.
var binary string

// asCommand is the environment variable that makes this test's own program the
// command. With -short nothing else is built.
const asCommand = "LATEEN_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	flag.Parse()
	// Servers that do not answer are a part of the tests.
	logging.Disable()
	if testing.Short() {
		var err error
		if binary, err = os.Executable(); err != nil {
			panic(err)
		}
		if err := os.Setenv(asCommand, "1"); err != nil {
			panic(err)
		}
		goleak.VerifyTestMain(m)
		return
	}
	dir, err := os.MkdirTemp("", "lateen")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "lateen")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		_ = os.RemoveAll(dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// patience bounds what has to happen; it is never waited for in a good run.
const patience = 20 * time.Second

// lateen runs the command to its end, in testdata.
func lateen(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Dir = "testdata"
	var out, err bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, &err
	failure := c.Run()
	var exit *exec.ExitError
	if failure != nil && !errors.As(failure, &exit) {
		require.NoError(t, failure)
	}
	return out.String(), err.String(), c.ProcessState.ExitCode()
}

// A serving is a running "lateen serve".
type serving struct {
	t       *testing.T
	process *exec.Cmd
	// addresses are those that it listens at, by port.
	addresses map[string]string
	// admin is the URL of the status page, if there is one.
	admin string
	out   *bufio.Scanner
	// line is what came on the standard output after the addresses.
	line   string
	stderr bytes.Buffer
	waited func() error
}

// serve runs "lateen serve" until the end of the test, and waits until it
// listens at all its ports.
func serve(t *testing.T, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, process: exec.Command(binary, append([]string{"serve", "--access-log", "off", "--print-routes"}, args...)...), addresses: map[string]string{}}
	s.process.Dir = "testdata"
	s.process.Stderr = &s.stderr
	// Not StdoutPipe, which Wait closes before all is read.
	out, in, err := os.Pipe()
	require.NoError(t, err)
	s.process.Stdout = in
	require.NoError(t, s.process.Start())
	require.NoError(t, in.Close())
	s.waited = sync.OnceValue(s.process.Wait)
	t.Cleanup(func() {
		_ = s.process.Process.Kill()
		_ = s.waited()
		out.Close()
		if t.Failed() {
			t.Log(s.stderr.String())
		}
	})
	require.NoError(t, out.SetReadDeadline(time.Now().Add(patience)))
	s.out = bufio.NewScanner(out)
	for s.out.Scan() {
		words := strings.Fields(s.out.Text())
		if words[0] == "admin" {
			s.admin = words[1]
			continue
		}
		if words[0] != "listening" {
			s.line = s.out.Text()
			return s
		}
		require.Len(t, words, 3)
		s.addresses[words[1]] = words[2]
	}
	require.Fail(t, "it ended")
	return s
}

// rest reads what else comes on the standard output, to its end.
func (s *serving) rest() string {
	var b strings.Builder
	b.WriteString(s.line + "\n")
	for s.out.Scan() {
		b.WriteString(s.out.Text() + "\n")
	}
	require.NoError(s.t, s.out.Err())
	return b.String()
}

// signal sends a signal.
func (s *serving) signal(sig os.Signal) { require.NoError(s.t, s.process.Process.Signal(sig)) }

// exit returns the code with which it exits.
func (s *serving) exit() int {
	_ = s.waited()
	return s.process.ProcessState.ExitCode()
}

func drainAndClose(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, body)
	_ = body.Close()
}
