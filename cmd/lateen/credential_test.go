package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/server"
)

func TestCredentialFlag(t *testing.T) {
	for _, row := range []struct {
		text string
		want *server.Credential
	}{
		{"n=c,k", &server.Credential{CertificateFile: "c", KeyFile: "k"}},
		{"n=c,k,a", &server.Credential{CertificateFile: "c", KeyFile: "k", CAFile: "a"}},
		{"n=c,k,a,l", &server.Credential{CertificateFile: "c", KeyFile: "k", CAFile: "a", CRLFile: "l"}},
		{"n=,,a", &server.Credential{CAFile: "a"}},
		{"n=c", nil},
		{"n=c,k,a,l,x", nil},
		{"=c,k", nil},
		{"n", nil},
	} {
		t.Run(row.text, func(t *testing.T) {
			var c configuration
			err := c.addCredential(row.text)
			if row.want == nil {
				require.EqualError(t, err, "NAME=CERT,KEY[,CA[,CRL]] is expected")
				return
			}
			require.NoError(t, err)
			require.Equal(t, map[string]server.Credential{"n": *row.want}, c.serverCredentials())
		})
	}
}

// Destinations have no lists of their own: with a credential's they would be trusted
// unasked.
func TestCredentialsToDestinations(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	key, err := x509.MarshalPKCS8PrivateKey(root.Key)
	require.NoError(t, err)
	dir := t.TempDir()
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	certFile, keyFile := file("cert.pem", "CERTIFICATE", root.Cert.Raw), file("key.pem", "PRIVATE KEY", key)
	for _, row := range []struct {
		name        string
		given       server.Credential
		shows, asks bool
		err         string
	}{
		{"certificate", server.Credential{CertificateFile: certFile, KeyFile: keyFile}, true, false, ""},
		{"certificate and authorities", server.Credential{CertificateFile: certFile, KeyFile: keyFile, CAFile: certFile}, true, true, ""},
		{"authorities", server.Credential{CAFile: certFile}, false, true, ""},
		{"lists", server.Credential{CertificateFile: certFile, KeyFile: keyFile, CAFile: certFile, CRLFile: certFile}, false, false, "about clients"},
		{"no key", server.Credential{CertificateFile: certFile, CAFile: certFile}, false, false, "no such file"},
		{"no certificate among the authorities", server.Credential{CAFile: keyFile}, false, false, "holds no certificate"},
		{"nothing", server.Credential{}, false, false, "no such file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			read, err := (&credential{"n", row.given}).toDestinations()
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, row.shows, read.Certificate != nil)
			require.Equal(t, row.asks, read.CAs != nil)
		})
	}
}
