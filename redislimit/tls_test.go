package redislimit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/ratelimit"
)

// redisTLS is the variable with the address of the Redis in the other process.
const redisTLS = "LATEEN_TEST_REDIS_TLS"

// A client trusts the authorities of the system, and those in SSL_CERT_FILE. Package
// x509 reads that once, so the client is in another process.
func TestTLS(t *testing.T) {
	if address := os.Getenv(redisTLS); address != "" {
		useTLS(t, address)
		return
	}
	root := testca.Root(t, "root", 1, testca.Signs)
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, root.Cert, key.Public(), root.Key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)

	_, port, _ := net.SplitHostPort(freeAddress(t))
	ca := write("ca.pem", "CERTIFICATE", root.Cert.Raw)
	// The server listens without TLS as well, so that it is known when it has started.
	startTLSServer(t, "--tls-port", port, "--tls-auth-clients", "no", "--tls-ca-cert-file", ca,
		"--tls-cert-file", write("redis.pem", "CERTIFICATE", cert), "--tls-key-file", write("redis.key", "PRIVATE KEY", keyDER))
	address := "rediss://127.0.0.1:" + port
	unknowing := newClient(t, address)

	// The handshake can take longer than a client waits, on a busy machine.
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		_, err := New(unknowing, Options{}).Limit(context.Background(), perMinute)
		assert.ErrorContains(t, err, "certificate", "the authority is unknown")
	}, time.Minute, time.Millisecond)
	_, err = New(newClient(t, "127.0.0.1:"+port), Options{}).Limit(context.Background(), perMinute)
	require.Error(t, err, "without TLS")

	c := exec.Command(os.Args[0], "-test.run", "^TestTLS$", "-test.v")
	c.Env = append(os.Environ(), "SSL_CERT_FILE="+ca, redisTLS+"="+address)
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// useTLS counts at a server with TLS.
func useTLS(t *testing.T, address string) {
	for _, algorithm := range []ratelimit.Algorithm{ratelimit.AlgorithmGCRA, ratelimit.AlgorithmFixedWindow} {
		for i := range 3 {
			// Each replica has a connection of its own.
			s := limitOne(t, New(newClient(t, address), Options{}), 1, ratelimit.Descriptor{
				Entries: bob(), Requests: 2, Unit: 50 * 365 * 24 * time.Hour, Algorithm: algorithm,
			})
			require.Equal(t, i == 2, s.Over)
		}
	}
}

// startTLSServer is startServer, and skips the test if the server cannot use TLS.
func startTLSServer(t *testing.T, args ...string) {
	t.Helper()
	if path, err := exec.LookPath("redis-server"); err == nil {
		// It listens nowhere, and so ends at once.
		out, _ := exec.Command(path, "--port", "0", "--tls-port", "0").CombinedOutput()
		if !strings.Contains(string(out), "not listen") {
			t.Skip("redis-server has no TLS")
		}
	}
	startServer(t, args...)
}
