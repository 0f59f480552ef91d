// Package testca issues certificates and lists of revoked ones for tests.
package testca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Signs is what an authority may do: sign certificates and lists.
const Signs = x509.KeyUsageCertSign | x509.KeyUsageCRLSign

// An Issuer is an authority, or what one has certified.
type Issuer struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
}

// Root returns an authority that certifies itself.
func Root(t testing.TB, name string, serial int64, usage x509.KeyUsage) *Issuer {
	return (*Issuer)(nil).Certify(t, name, serial, usage)
}

// Certify returns what i certifies under a name, for the host a.test, or a root's
// own certificate if i is nil.
func (i *Issuer) Certify(t testing.TB, name string, serial int64, usage x509.KeyUsage) *Issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"a.test"}, KeyUsage: usage,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: usage&x509.KeyUsageCertSign != 0,
	}
	parent, signer := template, key
	if i != nil {
		parent, signer = i.Cert, i.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &Issuer{cert, key}
}

// Revokes returns i's list of the serial numbers, in force for a minute, as change
// makes it if it is not nil.
func (i *Issuer) Revokes(t testing.TB, change func(*x509.RevocationList), serials ...int64) *x509.RevocationList {
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Minute)}
	for _, serial := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: time.Now()})
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, i.Cert, i.Key)
	require.NoError(t, err)
	list, err := x509.ParseRevocationList(der)
	require.NoError(t, err)
	return list
}
