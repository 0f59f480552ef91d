package main

import (
	"encoding/json"
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

// Every request has a line in the access log, whose file can be rotated. A signal to
// reload does not end the process.
func TestServeWritesAnAccessLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	s := serveProduct(t, "--access-log", path, "--access-log-format", "json", "--log-format", "json")
	c := client(t)
	get := func(path string) {
		response, err := c.Get("http://" + s.addresses["80"] + path)
		require.NoError(t, err)
		drainAndClose(response.Body)
	}
	get("/products/1")
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), "\n"))
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, os.Rename(path, path+".1"))
	s.signal(reload)
	s.signal(reopen)
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		_, err := os.Stat(path)
		require.NoError(t, err)
	}, 10*time.Second, 10*time.Millisecond)
	get("/other")
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
	for name, want := range map[string]string{path + ".1": "GET /products/1 200 default/product-virtualservice", path: "GET /other 404 "} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var line struct {
			Method, Path string
			Code         int    `json:"response_code"`
			Service      string `json:"virtual_service"`
		}
		require.NoError(t, json.Unmarshal(text, &line), string(text))
		require.Equal(t, want, strings.Join([]string{line.Method, line.Path, map[int]string{200: "200", 404: "404"}[line.Code], line.Service}, " "))
	}
	require.Contains(t, s.stderr.String(), `"msg":"the configuration was replaced"`)
}

func TestServeAdmin(t *testing.T) {
	s := serveProduct(t, "--admin", "127.0.0.1:0")
	c := client(t)
	response, err := c.Get("http://" + s.addresses["80"] + "/products/1")
	require.NoError(t, err)
	drainAndClose(response.Body)
	base := strings.TrimSuffix(s.admin, "/")
	require.NotEmpty(t, base)
	for path, want := range map[string]string{
		"/":            "default/product-virtualservice",
		"/status.json": `"VirtualService": "default/product-virtualservice"`,
		"/metrics":     `lateen_route_requests_total{listener="0.0.0.0_80",virtual_service="default/product-virtualservice"`,
		"/healthz":     "ok",
		"/readyz":      "ready",
		"/decide?url=http://shop.example.com/products/1&format=json": `"kind": "forward"`,
	} {
		response, err := c.Get(base + path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 200, response.StatusCode, path)
		require.Contains(t, string(body), want, path)
	}
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
}

func TestServeFlagsOfObserving(t *testing.T) {
	for _, tt := range []struct{ args, problem string }{
		{"--access-log-format %NONE%", "there is no operator %NONE%"},
		{"--access-log-format combined", "default, json or a format with operators"},
		{"--access-log /none/here/access.log", "no such file"},
		{"--admin localhost", "HOST:PORT or :PORT is expected"},
		{"--log-format xml", "one of text, json is expected"},
		{"--log-level inof", "did you mean info?"},
	} {
		_, stderr, code := lateen(t, "", append([]string{"serve", "-f", "product.yaml"}, strings.Fields(tt.args)...)...)
		require.Equal(t, 2, code, tt.args)
		require.Contains(t, stderr, tt.problem, tt.args)
	}
}
