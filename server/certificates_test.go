package server

import (
	"crypto/tls"
	"net/http"
	"os"
	"testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// strictly is local for servers that must have a certificate.
func strictly(c Config, ports ...int) Config {
	c = local(c, ports...)
	c.AllowBrokenTLS = false
	return c
}

// TestUnusableCertificates starts nothing if no client can connect to a server.
func TestUnusableCertificates(t *testing.T) {
	ca := newAuthority(t)
	cert, key, pool := ca.write(ca.issue("a.test"))
	_, otherKey, _ := ca.write(ca.issue("b.test"))
	empty := t.TempDir() + "/empty.pem"
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	files := func(cert, key, ca string) spec.ServerTLS {
		return spec.ServerTLS{Mode: spec.TLSMutual, ServerCertificate: cert, PrivateKey: key, CACertificates: ca}
	}
	for _, row := range []struct {
		name string
		tls  spec.ServerTLS
		code spec.Code // empty: it starts
	}{
		{"good", files(cert, key, pool), ""},
		{"no credential", simple("none"), spec.CodeNotFound},
		{"no file", files(cert+".none", key, pool), spec.CodeNotFound},
		{"empty file", files(empty, key, pool), spec.CodeInvalid},
		{"key as certificate", files(key, key, pool), spec.CodeInvalid},
		{"key of another", files(cert, otherKey, pool), spec.CodeInvalid},
		{"empty authorities", files(cert, key, empty), spec.CodeInvalid},
		{"missing authorities", files(cert, key, pool+".none"), spec.CodeNotFound},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw, err := toApp(says("")).Server(secure("a.test", row.tls)).Server(plain(80)).Build()
			require.NoError(t, err)
			defer gw.Close()
			s := New(gw, strictly(Config{}, 80, 443))
			err = s.Start()
			defer func() { require.NoError(t, s.Shutdown(t.Context())) }()
			unusable, _ := CheckTLS(gw, Config{})
			if row.code == "" {
				require.NoError(t, err)
				require.Empty(t, unusable)
				return
			}
			var e *spec.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, row.code, e.Code)
			require.Contains(t, e.Problem, ": no client can connect")
			require.Empty(t, s.Ports())
			require.Equal(t, []*spec.Error{e}, unusable)
		})
	}
}

// TestReplacementWithUnusableCertificate changes nothing, and what was read before stays in
// use.
func TestReplacementWithUnusableCertificate(t *testing.T) {
	ca := newAuthority(t)
	cert, key, _ := ca.write(ca.issue("a.test"))
	credentials := map[string]gateway.Credential{"a": {CertificateFile: cert, KeyFile: key}}
	with := func(text string) *gateway.Builder { return toApp(says(text)).Server(secure("a.test", simple("a"))) }
	s, _ := start(t, with("one"), strictly(Config{Credentials: credentials}, 443))
	client := &tls.Config{RootCAs: ca.pool, ServerName: "a.test"}
	says := func(want string) {
		t.Helper()
		_, body, err := shake(t, s, client)
		require.NoError(t, err)
		require.Equal(t, want, body)
	}
	says("one")
	var e *spec.Error
	require.ErrorAs(t, s.Replace(with("two").Server(secure("b.test", simple("b")))), &e)
	require.Contains(t, e.Error(), `there is no credential "b": no client can connect`)
	says("one")

	require.NoError(t, os.Remove(cert))
	require.NoError(t, s.Replace(with("three")))
	require.Contains(t, s.Warnings()[0].String(), "no such file or directory: what was read before stays")
	says("three")
}

// TestUnknownServerName gets the alert of RFC 6066, section 3.
func TestUnknownServerName(t *testing.T) {
	ca := newAuthority(t)
	s, _ := start(t, toApp(says("")).Server(secure("a.test", simple("a"))), local(Config{Credentials: map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}}, 443))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, name := range []string{"b.test", ""} {
			_, _, err := shake(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: name, MaxVersion: version})
			require.ErrorContains(t, err, "unrecognized name")
		}
	}
}

// TestDefaultSuites refuses suites without authenticated encryption, unless a server names
// them.
func TestDefaultSuites(t *testing.T) {
	ca := newAuthority(t)
	named := simple("a")
	named.CipherSuites = []string{"ECDHE-ECDSA-AES128-SHA"}
	s, _ := start(t, toApp(says("")).Server(secure("a.test", simple("a"))).Server(secure("b.test", named)),
		local(Config{Credentials: map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}}, 443))
	for _, row := range []struct {
		server string
		suite  uint16
		ok     bool
	}{
		{"a.test", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true},
		{"a.test", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, true},
		{"a.test", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false},
		{"a.test", tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false},
		{"b.test", tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, true},
		{"b.test", tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, false},
	} {
		_, _, err := shake(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: row.server, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{row.suite}})
		require.Equal(t, row.ok, err == nil, "%s %s: %v", row.server, tls.CipherSuiteName(row.suite), err)
	}
}

func TestCertificates(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue("a.test")
	s, _ := start(t, toApp(http.NotFound).Server(secure("a.test", simple("a"))).Server(plain(80)),
		local(Config{Credentials: map[string]gateway.Credential{"a": {Certificate: cert}}}, 80, 443))
	leaf, err := withLeaf(*cert)
	require.NoError(t, err)
	require.Equal(t, []observe.Certificate{{
		Gateway: "g", Port: 443, Hosts: []string{"a.test"}, Names: []string{"a.test"}, Serial: "2", NotBefore: leaf.Leaf.NotBefore, NotAfter: leaf.Leaf.NotAfter,
	}}, s.Certificates())
}
