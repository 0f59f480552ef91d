package compile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestTLSToDestinations(t *testing.T) {
	backend := httptest.NewTLSServer(testhttp.AnswerOK)
	defer backend.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw})
	require.NoError(t, os.WriteFile(ca, text, 0o600))
	for _, row := range []struct {
		name     string
		tls      spec.ClientTLS
		status   int
		warnings int
	}{
		{"its authority and a name that it has", spec.ClientTLS{Mode: spec.ClientTLSSimple, CACertificates: ca, SubjectAltNames: []string{"example.com"}}, 200, 0},
		{"a name that it has not", spec.ClientTLS{Mode: spec.ClientTLSSimple, CACertificates: ca, SubjectAltNames: []string{"other.test"}}, 503, 0},
		{"another authority", spec.ClientTLS{Mode: spec.ClientTLSSimple, SubjectAltNames: []string{"example.com"}}, 503, 0},
		{"no verification", spec.ClientTLS{Mode: spec.ClientTLSSimple, InsecureSkipVerify: true}, 200, 0},
		{"authorities that cannot be read", spec.ClientTLS{Mode: spec.ClientTLSSimple, CACertificates: ca + ".none"}, 503, 1},
		{"a credential that nobody registered", spec.ClientTLS{Mode: spec.ClientTLSSimple, CredentialName: "none"}, 503, 1},
		{"plain text", spec.ClientTLS{}, 400, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			// Two routes have the destination, but each problem is reported once.
			gw := testgateway.Built(t, gateway.New().Service(testhttp.ServiceOf(t, backend.URL)).
				DestinationRule(spec.DestinationRule{Name: "shop", Host: "shop.internal", TrafficPolicy: &spec.TrafficPolicy{TLS: &row.tls}}).
				Route(spec.Route{Match: []spec.Match{{URI: spec.Prefix("/other")}}, Destinations: []spec.Destination{{Host: "shop.internal"}}}).
				Route(spec.Route{Destinations: []spec.Destination{{Host: "shop.internal"}}}))
			require.Equal(t, row.status, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
			unread := 0
			for _, w := range gw.Warnings() {
				if w.Field == "TrafficPolicy.TLS.CACertificates" || w.Field == "TrafficPolicy.TLS.CredentialName" {
					unread++
				}
			}
			require.Equal(t, row.warnings, unread, "%v", gw.Warnings())
		})
	}
}

// A revokedBackend is a backend with its own authority, which may revoke its
// certificate.
type revokedBackend struct {
	*httptest.Server
	// authority, revoked and others are files: the authority, its list with the
	// backend's certificate, and its list with another.
	authority, revoked, others string
}

func newRevokedBackend(t *testing.T) *revokedBackend {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	require.NoError(t, err)
	authority, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	certificate := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"shop.internal"}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter}
	leaf, err := x509.CreateCertificate(rand.Reader, certificate, authority, key.Public(), key)
	require.NoError(t, err)

	b := &revokedBackend{Server: httptest.NewUnstartedServer(testhttp.AnswerOK)}
	b.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: key}}}
	b.StartTLS()
	t.Cleanup(b.Close)
	dir := t.TempDir()
	b.authority = writePEM(t, dir, "ca.pem", "CERTIFICATE", der)
	list := func(serial int64) []byte {
		list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(serial), RevocationTime: time.Now()}},
		}, authority, key)
		require.NoError(t, err)
		return list
	}
	b.revoked, b.others = writePEM(t, dir, "revoked.pem", "X509 CRL", list(2)), writePEM(t, dir, "others.pem", "X509 CRL", list(3))
	return b
}

func writePEM(t *testing.T, dir, name, kind string, der []byte) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

func TestRevokedDestination(t *testing.T) {
	backend := newRevokedBackend(t)
	for _, row := range []struct {
		name, list string
		insecure   bool
		status     int
		warning    string
	}{
		{name: "no list", status: 200},
		{name: "others revoked", list: backend.others, status: 200},
		{name: "revoked", list: backend.revoked, status: 503},
		{name: "revoked, but not verified", list: backend.revoked, insecure: true, status: 200, warning: "has no effect"},
		{name: "a list that is not there", list: backend.revoked + ".none", status: 503, warning: "the lists of revoked certificates cannot be read"},
		{name: "no list in it", list: backend.authority, status: 503, warning: "holds no list of revoked certificates in PEM form"},
	} {
		t.Run(row.name, func(t *testing.T) {
			policy := spec.ClientTLS{Mode: spec.ClientTLSSimple, SubjectAltNames: []string{"shop.internal"}, CACertificates: backend.authority, CACRL: row.list}
			if row.insecure {
				policy = spec.ClientTLS{Mode: spec.ClientTLSSimple, InsecureSkipVerify: true, CACRL: row.list}
			}
			gw := testgateway.ShopBehind(t, testhttp.ServiceOf(t, backend.URL), &spec.TrafficPolicy{TLS: &policy}, nil)
			require.Equal(t, row.status, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
			var said string
			for _, w := range gw.Warnings() {
				if w.Field == "TrafficPolicy.TLS.CACRL" {
					said += w.String()
				}
			}
			if row.warning == "" {
				require.Empty(t, said)
			}
			require.Contains(t, said, row.warning)
		})
	}
}
