package server

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/spec"
)

// TestRotation swaps the certificate, the key and the revocation list of a server 100 times, and
// adds and removes another server, while clients connect. No handshake fails and no request is
// lost, and a client that each list revokes is never let in.
func TestRotation(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	client, revoked := root.Certify(t, "client", 2, 0), root.Certify(t, "revoked", 3, 0)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, kind string, der []byte) {
		require.NoError(t, os.WriteFile(path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	const swaps = 100
	rotate := func(n int64) {
		leaf := root.Certify(t, fmt.Sprint("server ", n), 100+n, 0)
		key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
		require.NoError(t, err)
		write("cert.pem", "CERTIFICATE", leaf.Cert.Raw)
		write("key.pem", "PRIVATE KEY", key)
		write("crl.pem", "X509 CRL", root.Revokes(t, nil, 3, 1000+n).Raw)
	}
	rotate(0)
	write("ca.pem", "CERTIFICATE", root.Cert.Raw)
	credentials := map[string]gateway.Credential{
		"a": {CertificateFile: path("cert.pem"), KeyFile: path("key.pem"), CAFile: path("ca.pem"), CRLFile: path("crl.pem")},
		"b": {Certificate: identity(root.Certify(t, "b", 4, 0))},
	}
	build := func() *gateway.Builder {
		return toApp(says("app")).Server(secure("a.test", spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "a"}))
	}
	s, _ := start(t, build(), strictly(Config{Credentials: credentials, GracePeriod: DefaultGracePeriod}, 443))
	address := s.Addr(443).String()

	var running sync.WaitGroup
	var over atomic.Bool
	var handshakes atomic.Int64
	var mu sync.Mutex
	var failed []error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = append(failed, err)
	}
	for i := range 4 {
		config := as(identity(client), "a.test", []uint16{tls.VersionTLS12, tls.VersionTLS13}[i%2])
		running.Go(func() {
			for !over.Load() {
				if err := once(address, config, 1+i); err != nil {
					fail(err)
				}
				handshakes.Add(1)
			}
		})
	}
	running.Go(func() {
		for !over.Load() {
			if once(address, as(identity(revoked), "a.test", tls.VersionTLS13), 1) == nil {
				fail(fmt.Errorf("a revoked client was let in"))
			}
		}
	})
	for n := range int64(swaps) {
		before := handshakes.Load()
		rotate(n + 1)
		switch n % 10 {
		case 3:
			require.NoError(t, s.Replace(build().Server(secure("b.test", simple("b")))))
		case 7:
			require.NoError(t, s.Replace(build()))
		default:
			require.NoError(t, s.Sync())
		}
		require.Eventually(t, func() bool { return handshakes.Load() > before }, patience, time.Millisecond)
	}
	over.Store(true)
	running.Wait()
	require.Empty(t, failed)
	state, _, err := shake(t, s, as(identity(client), "a.test", tls.VersionTLS13))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint("server ", swaps), state.PeerCertificates[0].Subject.CommonName)
}

// once connects and sends requests, until there were enough or an answer is the last one.
func once(address string, config *tls.Config, requests int) error {
	raw, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err
	}
	conn := tls.Client(raw, config)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err := conn.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	in := bufio.NewReader(conn)
	for n := range requests {
		last, err := askOnce(conn, in)
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		if last {
			return nil
		}
	}
	return nil
}

// TestBrokenMaterial shakes hands with servers of each mode, whose material is good or broken
// in some way. A broken one is refused at the start; where that is allowed, no client connects to
// it, and others of the port go on.
func TestBrokenMaterial(t *testing.T) {
	ca := newAuthority(t)
	cert, key, pool := ca.write(ca.issue("a.test"))
	_, otherKey, _ := ca.write(ca.issue("other.test"))
	text := func(path string) []byte {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		return content
	}
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "file.pem")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	block, _ := pem.Decode(text(key))
	private, err := x509.ParseECPrivateKey(block.Bytes)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	garbage, missing := file([]byte("\x00\xffgarbage")), cert+".none"
	cut := func(path string) string { return file(text(path)[:len(text(path))/2]) }
	notBase64 := file([]byte("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"))
	notX509 := file(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
	joined := file(append(text(cert), text(key)...))
	type material struct {
		name          string
		cert, key, ca string
		works         bool
	}
	materials := []material{
		{"good", cert, key, pool, true},
		{"a key in PKCS 8", cert, file(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), pool, true},
		{"one file for both", joined, joined, pool, true},
		{"text before the certificate", file(append([]byte("Bag Attributes\n"), text(cert)...)), key, pool, true},
		{"no certificate", missing, key, pool, false},
		{"no key", cert, missing, pool, false},
		{"an empty certificate", file(nil), key, pool, false},
		{"an empty key", cert, file(nil), pool, false},
		{"garbage as certificate", garbage, key, pool, false},
		{"garbage as key", cert, garbage, pool, false},
		{"half a certificate", cut(cert), key, pool, false},
		{"half a key", cert, cut(key), pool, false},
		{"a certificate in DER", file(ca.issue("a.test").Certificate[0]), key, pool, false},
		{"a certificate that is no base64", notBase64, key, pool, false},
		{"a certificate that is no X.509", notX509, key, pool, false},
		{"certificate and key exchanged", key, cert, pool, false},
		{"the key of another", cert, otherKey, pool, false},
		{"a directory as certificate", t.TempDir(), key, pool, false},
		{"a directory as key", cert, t.TempDir(), pool, false},
		{"authorities: none", cert, key, missing, false},
		{"authorities: empty", cert, key, file(nil), false},
		{"authorities: garbage", cert, key, garbage, false},
		{"authorities: a key", cert, key, key, false},
		{"authorities: half", cert, key, cut(pool), false},
		{"authorities: no X.509", cert, key, notX509, false},
	}
	for mode, name := range map[spec.TLSMode]string{spec.TLSSimple: "SIMPLE", spec.TLSMutual: "MUTUAL", spec.TLSOptionalMutual: "OPTIONAL_MUTUAL", spec.TLSIstioMutual: "ISTIO_MUTUAL"} {
		for _, m := range materials {
			works := m.works || mode == spec.TLSSimple && strings.HasPrefix(m.name, "authorities:")
			t.Run(name+"/"+m.name, func(t *testing.T) {
				credentials := map[string]gateway.Credential{
					"good":             {Certificate: ca.issue("good.test")},
					WorkloadCredential: {CertificateFile: m.cert, KeyFile: m.key, CAFile: m.ca},
				}
				terms := spec.ServerTLS{Mode: mode, CredentialName: WorkloadCredential}
				if mode == spec.TLSIstioMutual {
					terms.CredentialName = ""
				}
				b := toApp(says("app")).Server(secure("a.test", terms)).Server(secure("good.test", simple("good")))
				gw, err := b.Build()
				require.NoError(t, err)
				strict := New(gw, strictly(Config{Credentials: credentials}, 443))
				err = strict.Start()
				require.NoError(t, strict.Shutdown(t.Context()))
				require.NoError(t, gw.Close())
				require.Equal(t, works, err == nil, "%v", err)

				s, _ := start(t, b, local(Config{Credentials: credentials}, 443))
				for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
					_, _, err = shake(t, s, as(ca.issue("client"), "a.test", version))
					require.Equal(t, works, err == nil, "%v", err)
					_, body, err := shake(t, s, as(nil, "good.test", version))
					require.NoError(t, err)
					require.Equal(t, "app", body)
				}
			})
		}
	}
}
