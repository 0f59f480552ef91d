//go:build unix

// Package ci drives the programs of this repository as a person would: built,
// started, asked over real connections, and stopped.
//
//	go test ./.ci
package ci

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds everything that is waited for.
const patience = 60 * time.Second

// A program is one that runs in a process group of its own.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  chan string
	exited chan error
}

// start runs a command in the repository's root. The test's end kills all of it.
func start(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(name, args...), lines: make(chan string, 1000), exited: make(chan error, 1)}
	p.cmd.Dir = ".."
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
	go func() {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			select {
			case p.lines <- scanner.Text():
			default:
			}
		}
		close(p.lines)
		p.exited <- p.cmd.Wait()
	}()
	return p
}

// after returns what follows prefix in the first line that begins with it.
func (p *program) after(prefix string) string {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			require.True(p.t, ok, "the program ended without a line %q", prefix)
			if rest, found := strings.CutPrefix(line, prefix); found {
				return strings.TrimSpace(rest)
			}
		case <-timeout:
			require.FailNow(p.t, "no line "+prefix)
		}
	}
}

// stop asks the program to end, and requires that it does so without failure.
func (p *program) stop() {
	p.t.Helper()
	require.NoError(p.t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM))
	select {
	case err := <-p.exited:
		require.NoError(p.t, err)
	case <-time.After(patience):
		require.FailNow(p.t, "the program does not end on SIGTERM")
	}
}

// get returns status, header and body of an answer. Redirects are not followed.
func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := http.Client{Timeout: patience}
	resp, err := client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

// backend starts a version of the product service, which tells what reaches it.
func backend(t *testing.T, version string, calls *atomic.Int64) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		fmt.Fprintf(w, "%s %s %s %q", version, r.Method, r.RequestURI, r.Header["X-Forwarded-Proto"])
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestServe runs the main job: a cluster's YAML in front of two services.
func TestServe(t *testing.T) {
	lateen := filepath.Join(t.TempDir(), "lateen")
	build := exec.Command("go", "build", "-o", lateen, "./cmd/lateen")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	for _, row := range []struct{ semantics, products, product, proto string }{
		{"native", "/", "/1?x=1", `["https"]`},
		{"envoy", "/", "//1?x=1", `["http" "https"]`},
	} {
		t.Run(row.semantics, func(t *testing.T) {
			var v1, v2 atomic.Int64
			p := start(t, lateen, "serve", "-f", "examples/product/product.yaml", "--semantics", row.semantics,
				"--listen", "80=127.0.0.1:0",
				"--backend", "product-service.default.svc.cluster.local:8080="+backend(t, "v1", &v1),
				"--backend", "product-service-v2.default.svc.cluster.local:8080="+backend(t, "v2", &v2))
			url := "http://" + p.after("listening 80 ")

			for path, arrives := range map[string]string{"/products": row.products, "/products/1?x=1": row.product} {
				status, header, body := get(t, url+path)
				require.Equal(t, http.StatusOK, status, path)
				_, rest, _ := strings.Cut(body, " ")
				require.Equal(t, "GET "+arrives+" "+row.proto, rest, path)
				require.Equal(t, row.semantics == "envoy", header.Get("Server") == "istio-envoy")
			}
			status, _, _ := get(t, url+"/other")
			require.Equal(t, http.StatusNotFound, status)

			// 600 a minute is what one client has.
			limited := 0
			for range 1000 {
				status, header, _ := get(t, url+"/products")
				if status == http.StatusTooManyRequests {
					require.Regexp(t, `^[1-9]\d*$`, header.Get("Retry-After"))
					limited++
					continue
				}
				require.Equal(t, http.StatusOK, status)
			}
			require.Positive(t, limited)
			require.EqualValues(t, 1002-limited, v1.Load()+v2.Load())
			require.Greater(t, v1.Load(), 4*v2.Load(), "nine in ten belong to v1")
			require.Positive(t, v2.Load())

			p.stop()
		})
	}
}

// TestExample runs what the README says to try first.
func TestExample(t *testing.T) {
	p := start(t, "go", "run", "./examples/product", "-addr", "127.0.0.1:0")
	url := p.after("listening on ")
	status, _, body := get(t, url+"/products/1")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, ": GET /1, X-Forwarded-Proto: https")
	status, _, _ = get(t, url+"/other")
	require.Equal(t, http.StatusNotFound, status)
}
