// Package scan lets programs that look for weak servers look at the gateway's: h2spec, sslscan,
// testssl.sh and slowhttptest.
package scan

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
)

// patience limits the wait for an expected event; a good run never waits that long.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program finds an installed program, or skips the test.
func program(t *testing.T, name, install string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s binary (%s)", name, install)
	}
	return path
}

// answer is a handler with a body of some length, which reads that of the request.
func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "hello, hello")
}

const name = "a.test"

// serve serves the gateway at a port without TLS and one with it.
func serve(t *testing.T, config server.Config) (plain, secure string) {
	t.Helper()
	gw, err := gateway.New().Backend("app", http.HandlerFunc(answer)).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}).
		Server(spec.Server{Port: 80, Hosts: []string{"*"}}).
		Server(spec.Server{Port: 443, Protocol: "HTTPS", Hosts: []string{"*"}, TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "a"}}).
		Build()
	require.NoError(t, err)
	config.Addresses = map[int]string{80: "127.0.0.1:0", 443: "127.0.0.1:0"}
	config.Credentials = map[string]gateway.Credential{"a": {Certificate: certificate(t)}}
	config.Logger = slog.New(slog.DiscardHandler)
	s := server.New(gw, config)
	require.NoError(t, s.Start())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		require.NoError(t, gw.Close())
	})
	return s.Addr(80).String(), s.Addr(443).String()
}

// alone serves the same with net/http's server.
func alone(t *testing.T) (plain, secure string) {
	t.Helper()
	s := &http.Server{
		Handler: http.HandlerFunc(answer), Protocols: new(http.Protocols), ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*certificate(t)}},
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	var addresses []string
	for _, run := range []func(net.Listener) error{s.Serve, func(l net.Listener) error { return s.ServeTLS(l, "", "") }} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addresses = append(addresses, l.Addr().String())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = run(l)
		}()
		t.Cleanup(func() {
			_ = s.Close()
			<-ended
		})
	}
	return addresses[0], addresses[1]
}

// certificate returns a certificate that has signed itself.
func certificate(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
