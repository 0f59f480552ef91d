//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shown is a configuration whose one answer is a text.
func shown(port int, text string) string {
	return fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  servers:
  - {port: {number: %d, name: http, protocol: HTTP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: app}
spec:
  hosts: ["*"]
  gateways: [gw]
  http:
  - directResponse: {status: 200, body: {string: %q}}
`, port, text)
}

// body returns the body of an answer.
func (s *serving) body(t require.TestingT, path string) string {
	response, err := client(s.t).Get(path)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// eventually waits until a URL answers with a text.
func (s *serving) eventually(url, text string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(t *assert.CollectT) {
		require.Contains(t, s.body(t, url), text)
	}, patience, 10*time.Millisecond)
}

func TestServeFollowsItsFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.yaml")
	put := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o644)) }
	put(shown(80, "one"))
	s := serve(t, "-f", file, "--watch", "--listen", "80=127.0.0.1:0", "--admin", "127.0.0.1:0")
	url := "http://" + s.addresses["80"] + "/"
	require.Equal(t, "one", s.body(t, url))
	put(shown(80, "two"))
	s.eventually(url, "two")

	// A file with an error changes nothing, and the status page says what is wrong.
	put(strings.Replace(shown(80, "three"), "hosts:", "hots:", 1))
	s.eventually(s.admin+"status", "The latest configuration is not in service")
	require.Contains(t, s.body(t, s.admin+"status.json"), `app.yaml:6:54: Gateway default/gw: spec.servers[0].hots: unknown field`)
	require.Equal(t, "two", s.body(t, url))

	put(shown(80, "four"))
	s.eventually(url, "four")
	require.NotContains(t, s.body(t, s.admin+"status"), "not in service")
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
	for _, want := range []string{
		"serving generation 2 of the configuration\n", "serving generation 3 of the configuration\n",
		"app.yaml:6:54: Gateway default/gw: spec.servers[0].hots: unknown field", "the one before stays in service",
	} {
		require.Contains(t, s.stderr.String(), want)
	}
}

// SIGHUP reads the files again, also without --watch.
func TestServeReloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.yaml")
	put := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o644)) }
	put(shown(80, "one"))
	s := serve(t, "-f", file, "--listen", "80=127.0.0.1:0")
	url := "http://" + s.addresses["80"] + "/"
	put(shown(80, "two"))
	require.Equal(t, "one", s.body(t, url))
	s.signal(syscall.SIGHUP)
	s.eventually(url, "two")
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
}
