package server

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/spec"
)

func TestCertificateChoice(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "rsa"}, DNSNames: []string{"a.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, root.Cert, key.Public(), root.Key)
	require.NoError(t, err)
	ec := root.Certify(t, "ecdsa", 3, x509.KeyUsageDigitalSignature)
	file := func(cert []byte, key crypto.PrivateKey) spec.TLSCertificate {
		text, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(t, err)
		return spec.TLSCertificate{ServerCertificate: pemFile(t, "CERTIFICATE", cert), PrivateKey: pemFile(t, "PRIVATE KEY", text)}
	}
	rsaFile, ecFile := file(der, key), file(ec.Cert.Raw, ec.Key)
	credentials := map[string]gateway.Credential{
		"rsa": {Certificate: &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}, "ecdsa": {Certificate: identity(ec)},
	}
	list := func(files ...spec.TLSCertificate) spec.ServerTLS {
		return spec.ServerTLS{Mode: spec.TLSSimple, TLSCertificates: files}
	}
	names := func(list ...string) spec.ServerTLS {
		return spec.ServerTLS{Mode: spec.TLSSimple, CredentialNames: list}
	}
	onlyRSA := []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	onlyECDSA := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	both := append(onlyRSA, onlyECDSA...)
	for _, tt := range []struct {
		name   string
		server spec.ServerTLS
		// asks is the name that the client asks for, and suites are those it
		// supports.
		asks   string
		suites []uint16
		want   string // empty: no connection
	}{
		{"both, ECDSA first", list(ecFile, rsaFile), "a.test", both, "ecdsa"},
		{"both, RSA first", list(rsaFile, ecFile), "a.test", both, "ecdsa"},
		{"RSA", list(ecFile, rsaFile), "a.test", onlyRSA, "rsa"},
		{"ECDSA", list(rsaFile, ecFile), "a.test", onlyECDSA, "ecdsa"},
		{"by credentials", names("rsa", "ecdsa"), "a.test", both, "ecdsa"},
		{"by credentials, RSA", names("ecdsa", "rsa"), "a.test", onlyRSA, "rsa"},
		{"without a name", list(rsaFile, ecFile), "", both, "ecdsa"},
		{"without a name, RSA", list(ecFile, rsaFile), "", onlyRSA, "rsa"},
		{"by another name, RSA first", list(rsaFile, ecFile), "b.test", both, "rsa"},
		{"by another name, ECDSA first", list(ecFile, rsaFile), "b.test", both, "ecdsa"},
		{"by another name, not the first", list(ecFile, rsaFile), "b.test", onlyRSA, ""},
		{"a list of one", list(rsaFile), "a.test", both, "rsa"},
		{"a list of one that the client cannot", list(rsaFile), "a.test", onlyECDSA, ""},
		{"the third", list(rsaFile, rsaFile, ecFile), "a.test", both, "rsa"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := start(t, toApp(says("app")).Server(secure("*", tt.server)), local(Config{Credentials: credentials}, 443))
			require.Empty(t, s.Warnings())
			config := &tls.Config{InsecureSkipVerify: true, ServerName: tt.asks, MaxVersion: tls.VersionTLS12, CipherSuites: tt.suites}
			state, _, err := shake(t, s, config)
			if tt.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, state.PeerCertificates[0].Subject.CommonName)
		})
	}
}

// If one of several certificates cannot be read, the server is closed, as in
// Envoy.
func TestOneOfSeveralCertificatesIsMissing(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	key, err := x509.MarshalPKCS8PrivateKey(root.Key)
	require.NoError(t, err)
	good := spec.TLSCertificate{ServerCertificate: pemFile(t, "CERTIFICATE", root.Cert.Raw), PrivateKey: pemFile(t, "PRIVATE KEY", key)}
	bad := spec.TLSCertificate{ServerCertificate: good.PrivateKey, PrivateKey: good.PrivateKey}
	server := secure("a.test", spec.ServerTLS{Mode: spec.TLSSimple, TLSCertificates: []spec.TLSCertificate{good, bad}})
	s, _ := start(t, toApp(says("app")).Server(server), local(Config{}, 443))
	require.Len(t, s.Warnings(), 1)
	require.Contains(t, s.Warnings()[0].String(), "TLS.TLSCertificates[1].ServerCertificate: certificate "+bad.ServerCertificate)
	_, _, err = shake(t, s, as(nil, "a.test", tls.VersionTLS13))
	require.Error(t, err)
}
