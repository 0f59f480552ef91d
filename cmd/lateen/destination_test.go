package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// secured is a service at two places, one of them near to region r, to which TLS
// shows a certificate.
const secured = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: secured}
spec:
  hosts: [secured.test]
  resolution: STATIC
  ports: [{number: 443, name: https, protocol: HTTPS}]
  endpoints:
  - {address: 127.0.0.1, ports: {https: %s}, locality: q/z}
  - {address: 127.0.0.1, ports: {https: %s}, locality: r/z}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: secured}
spec:
  host: secured.test
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN}
    outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 100}
    tls: {mode: MUTUAL, credentialName: client, sni: example.com, subjectAltNames: [example.com]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: secured}
spec:
  hosts: ["*"]
  http:
  - route: [{destination: {host: secured.test, port: {number: 443}}}]
`

// TLS to destinations has the credentials of the command line, and endpoints
// nearby are preferred.
func TestServeDestinations(t *testing.T) {
	place := func(name string) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, name)
		}))
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		_, port, err := net.SplitHostPort(s.Listener.Addr().String())
		require.NoError(t, err)
		return port
	}
	file := filepath.Join(t.TempDir(), "secured.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, secured, place("far"), place("near")), 0o600))
	cert, key := certificate(t)
	get := func(address string) (int, string) {
		response, err := client(t).Get("http://" + address)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	t.Run("with the credential", func(t *testing.T) {
		s := serve(t, "-f", file, "--listen", "80=127.0.0.1:0", "--locality", "r/z/s", "--credential", "client="+cert+","+key+","+cert)
		for range 10 {
			_, body := get(s.addresses["80"])
			require.Equal(t, "near", body)
		}
	})
	t.Run("with authorities that cannot be read", func(t *testing.T) {
		s := serve(t, "-f", file, "--listen", "80=127.0.0.1:0", "--credential", "client="+cert+","+key+","+key)
		status, _ := get(s.addresses["80"])
		require.Equal(t, 503, status)
		s.signal(syscall.SIGTERM)
		require.Zero(t, s.exit())
		require.Contains(t, s.stderr.String(), "spec.trafficPolicy.tls.credentialName: the credential's authorities cannot be read, "+
			"so that connections to the destination fail: "+key+" contains no PEM certificate\n")
	})
	t.Run("without it, check warns", func(t *testing.T) {
		_, stderr, code := lateen(t, "", "check", "-f", file)
		require.Zero(t, code)
		require.Contains(t, stderr, `no credential "client" is registered`)
		_, stderr, code = lateen(t, "", "check", "-f", file, "--credential", "client="+cert+","+key)
		require.Zero(t, code)
		require.Empty(t, stderr)
	})
}

func TestLocalityFlag(t *testing.T) {
	for _, text := range []string{"", "r//s", "r/z/", "a/b/c/d"} {
		require.EqualError(t, new(configuration).setLocality(text), "REGION[/ZONE[/SUBZONE]] is expected", text)
	}
	for _, text := range []string{"r", "r/z", "r/z/s"} {
		require.NoError(t, new(configuration).setLocality(text))
	}
}
