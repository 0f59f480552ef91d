package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// placed is a service at the WorkloadEntries that it selects, and one whose hosts
// requests name.
const placed = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.test]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: shop}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: v1}
spec: {address: 127.0.0.1, ports: {http: %s}, labels: {app: shop, version: v1}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: v2, labels: {app: shop, version: v2}}
spec: {address: 127.0.0.1, ports: {http: %s}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop.test
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
  subsets: [{name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: tenants}
spec:
  hosts: ["*.tenants.test"]
  resolution: DYNAMIC_DNS
  ports: [{number: 80, name: http, protocol: HTTP}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  http:
  - match: [{uri: {prefix: /tenants}}]
    route: [{destination: {host: "*.tenants.test"}}]
  - match: [{uri: {prefix: /v2}}]
    route: [{destination: {host: shop.test, subset: v2}}]
  - route: [{destination: {host: shop.test}}]
`

func TestServeWorkloadEntries(t *testing.T) {
	place := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name) }))
		t.Cleanup(s.Close)
		_, port, err := net.SplitHostPort(s.Listener.Addr().String())
		require.NoError(t, err)
		return port
	}
	v1, v2 := place("v1"), place("v2")
	file := filepath.Join(t.TempDir(), "placed.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, placed, v1, v2), 0o600))

	_, stderr, code := lateen(t, "", "check", "-f", file)
	require.Zero(t, code)
	require.Empty(t, stderr)
	stdout, _, code := lateen(t, "", "decide", "-f", file, "GET", "http://a.tenants.test/tenants")
	require.Zero(t, code)
	require.Contains(t, stdout, "outbound|80||*.tenants.test")

	s := serve(t, "-f", file, "--listen", "80=127.0.0.1:0")
	get := func(path string) string {
		response, err := client(t).Get("http://" + s.addresses["80"] + path)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return fmt.Sprint(response.StatusCode, " ", string(body))
	}
	require.ElementsMatch(t, []string{"200 v1", "200 v2"}, []string{get("/"), get("/")})
	require.Equal(t, "200 v2", get("/v2"))
	require.Equal(t, "503 no healthy upstream", get("/tenants"), "an address is not under the wildcard")
	s.signal(syscall.SIGTERM)
	require.Contains(t, s.rest(), "endpoints STATIC 127.0.0.1:"+v1+" app=shop version=v1, 127.0.0.1:"+v2+" app=shop version=v2\n")
}
