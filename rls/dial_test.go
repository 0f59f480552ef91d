package rls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/lateengo/gateway/internal/testca"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		address, target, host string
		tls, secure           bool
	}{
		{address: "localhost:8081", target: "dns:///localhost:8081", host: "localhost"},
		{address: "grpc://10.0.0.1:8081", target: "dns:///10.0.0.1:8081", host: "10.0.0.1"},
		{address: "[::1]:8081", target: "dns:///[::1]:8081", host: "::1"},
		{address: "grpcs://ratelimit.shop:8081", target: "dns:///ratelimit.shop:8081", host: "ratelimit.shop", tls: true},
		{address: "ratelimit.shop:8081", target: "dns:///ratelimit.shop:8081", host: "ratelimit.shop", tls: true, secure: true},
		{address: "unix:///run/ratelimit.sock", target: "unix:///run/ratelimit.sock"},
	} {
		target, host, secure, err := parseAddress(c.address, c.secure)
		require.NoError(t, err, c.address)
		require.Equal(t, c.target, target, c.address)
		require.Equal(t, c.host, host, c.address)
		require.Equal(t, c.tls, secure, c.address)
	}
	for address, want := range map[string]string{
		"":                      `"" is not host:port`,
		"localhost":             `"localhost" is not host:port`,
		":8081":                 `":8081" is not host:port`,
		"localhost:":            `"localhost:" is not host:port`,
		"localhost:0":           `"localhost:0" is not host:port`,
		"localhost:http":        `"localhost:http" is not host:port`,
		"localhost:65536":       `"localhost:65536" is not host:port`,
		"::1:8081":              `"::1:8081" is not host:port`,
		"grpc://localhost:80/x": `"localhost:80/x" is not host:port`,
		"grpc://a@localhost:80": `"a@localhost:80" is not host:port`,
		"http://localhost:80":   `the scheme is "http", and grpc, grpcs or unix is expected`,
		"unix://ratelimit.sock": `"ratelimit.sock" is not an absolute path`,
	} {
		_, err := Dial(address, DialOptions{})
		require.EqualError(t, err, "rls: address of the rate limit service: "+want)
	}
	_, err := Dial("grpc://localhost:80", DialOptions{TLS: new(tls.Config)})
	require.EqualError(t, err, "rls: address of the rate limit service: a configuration for TLS needs grpcs://")
	_, err = Dial("unix:///a", DialOptions{TLS: new(tls.Config)})
	require.EqualError(t, err, "rls: address of the rate limit service: a socket has no TLS")
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ratelimit.sock")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	g := grpc.NewServer()
	s, _ := server(t, ServerOptions{})
	s.Register(g)
	done := make(chan error)
	go func() { done <- g.Serve(l) }()
	requireRecovery(t, dial(t, "unix://"+path, Options{}))
	g.Stop()
	require.NoError(t, <-done)
}

func TestTLS(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	leaf := root.Certify(t, "leaf", 2, x509.KeyUsageDigitalSignature)
	address, _ := serve(t, "127.0.0.1:0", allow, grpc.Creds(credentials.NewServerTLSFromCert(&tls.Certificate{
		Certificate: [][]byte{leaf.Cert.Raw}, PrivateKey: leaf.Key,
	})))
	authorities := x509.NewCertPool()
	authorities.AddCert(root.Cert)
	call := func(address string, c *tls.Config) error {
		conn, err := Dial(address, DialOptions{TLS: c})
		require.NoError(t, err)
		defer conn.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, err = New(conn, Options{}).Limit(ctx, shopRequest)
		return err
	}
	good := &tls.Config{RootCAs: authorities, ServerName: "a.test"}
	require.NoError(t, call(address, good))
	require.NoError(t, call("grpcs://"+address, good))
	require.Zero(t, good.MinVersion, "the configuration is not changed")
	require.ErrorContains(t, call(address, &tls.Config{RootCAs: authorities}), "certificate")
	require.ErrorContains(t, call("grpcs://"+address, nil), "certificate")
	require.Error(t, call(address, nil), "plain text")
}
