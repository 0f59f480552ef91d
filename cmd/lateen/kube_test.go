//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A tinyCluster is an API server with Gateways and VirtualServices, whose watches end at
// once, so that both are listed again and again.
type tinyCluster struct {
	// text is what its one VirtualService answers.
	text atomic.Pointer[any]
}

func (c *tinyCluster) set(text any) { c.text.Store(&text) }

func (c *tinyCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	write := func(status int, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	object := func(kind, name string, spec map[string]any) []any {
		return []any{map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": kind,
			"metadata": map[string]any{"name": name, "namespace": "shop", "resourceVersion": "1"}, "spec": spec,
		}}
	}
	items := []any{}
	switch resource := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
	case r.URL.Path == "/apis/networking.istio.io/v1":
		write(200, map[string]any{"kind": "APIResourceList", "resources": []any{
			map[string]any{"name": "gateways"}, map[string]any{"name": "virtualservices"},
		}})
		return
	case strings.HasPrefix(r.URL.Path, "/apis/") && resource != "gateways" && resource != "virtualservices":
		write(404, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404})
		return
	case r.URL.Query().Has("sendInitialEvents"):
		write(422, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422})
		return
	case r.URL.Query().Has("watch"):
		return
	case resource == "gateways":
		items = object("Gateway", "door", map[string]any{"servers": []any{map[string]any{
			"port": map[string]any{"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": []any{"*"},
		}}})
	case resource == "virtualservices":
		items = object("VirtualService", "app", map[string]any{"hosts": []any{"*"}, "gateways": []any{"door"}, "http": []any{
			map[string]any{"directResponse": map[string]any{"status": 200, "body": map[string]any{"string": *c.text.Load()}}},
		}})
	}
	write(200, map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": "1"}, "items": items})
}

// kubeconfig writes the file that leads to an API server.
func kubeconfig(t *testing.T, url string) string {
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: tiny, cluster: {server: %q}}]
contexts: [{name: tiny, context: {cluster: tiny, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: tiny
`, url), 0o600))
	return file
}

func TestServeACluster(t *testing.T) {
	c := new(tinyCluster)
	c.set("one")
	api := httptest.NewServer(c)
	defer api.Close()
	s := serve(t, "--kube", "--kubeconfig", kubeconfig(t, api.URL), "--namespaces", "shop",
		"--listen", "80=127.0.0.1:0", "--listen", "443=127.0.0.1:0", "--admin", "127.0.0.1:0")
	url := "http://" + s.addresses["80"] + "/"
	require.Equal(t, "one", s.body(t, url))
	require.Equal(t, "ready\n", s.body(t, s.admin+"readyz"))
	c.set("two")
	s.eventually(url, "two")
	// What cannot be used is left out, and the version before stays.
	c.set(5)
	s.eventually(s.admin+"status.json", "the version before stays in service")
	require.Equal(t, "two", s.body(t, url))
	// What is served outlives the API server.
	api.CloseClientConnections()
	api.Listener.Close()
	require.Equal(t, "two", s.body(t, url))
	s.signal(syscall.SIGTERM)
	require.Zero(t, s.exit())
	require.Contains(t, s.stderr.String(), "serving generation 2 of the configuration\n")
}

func TestServeWithoutItsCluster(t *testing.T) {
	api := httptest.NewServer(http.NotFoundHandler())
	file := kubeconfig(t, api.URL)
	api.Close()
	stdout, stderr, code := lateen(t, "", "serve", "--kube", "--kubeconfig", file, "--kube-timeout", "300ms")
	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "lateen serve: --kube: the API server "+api.URL+" could not be read in time; ")
	require.Contains(t, stderr, "connection refused")

	_, stderr, code = lateen(t, "", "serve", "--kube", "--kubeconfig", file+".missing")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "lateen serve: --kube: kubeconfig "+file+".missing: ")
}

func TestClusterFlags(t *testing.T) {
	for _, tt := range []struct {
		args    []string
		problem string
	}{
		{[]string{"-f", "product.yaml", "--kubeconfig", "config"}, "--kubeconfig is given without --kube"},
		{[]string{"-f", "product.yaml", "--namespaces", "a"}, "--namespaces is given without --kube"},
		{[]string{"-f", "product.yaml", "--kube-status"}, "--kube-status is given without --kube"},
		{[]string{"--kube", "--namespaces", "a,"}, `invalid value "a," for flag --namespaces: NS,… is expected`},
		{[]string{"--kube", "--namespaces", "a,b", "--namespaces", "a"}, "a is given twice"},
		{[]string{"--kube", "--kube-timeout", "-1s"}, "--kube-timeout -1s: 0 or more is expected"},
	} {
		_, stderr, code := lateen(t, "", append([]string{"serve"}, tt.args...)...)
		require.Equal(t, 2, code)
		require.Contains(t, stderr, tt.problem)
	}
}
