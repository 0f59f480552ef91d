package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// staple returns an OCSP response about a certificate.
func staple(t *testing.T, serial int64, status int, from, until time.Time) []byte {
	t.Helper()
	var single singleResponse
	single.ID.Hash.Algorithm = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	single.ID.Name, single.ID.Key, single.ID.Serial = []byte("name"), []byte("key"), big.NewInt(serial)
	single.Status = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: status, IsCompound: status == 1}
	if status == 1 {
		at, err := asn1.MarshalWithParams(from, "generalized")
		require.NoError(t, err)
		single.Status.Bytes = at
	}
	single.ThisUpdate, single.NextUpdate = from, until
	var basic basicResponse
	basic.Data.Responder = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, IsCompound: true, Bytes: []byte{4, 1, 0}}
	basic.Data.Produced = from
	basic.Data.Responses = []singleResponse{single}
	basic.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	basic.Signature = asn1.BitString{Bytes: []byte{0}, BitLength: 8}
	answer, err := asn1.Marshal(basic)
	require.NoError(t, err)
	var outer ocspResponse
	outer.Bytes.Type, outer.Bytes.Response = basicType, answer
	text, err := asn1.Marshal(outer)
	require.NoError(t, err)
	return text
}

func TestCheckStaple(t *testing.T) {
	leaf := &x509.Certificate{SerialNumber: big.NewInt(7)}
	hour := time.Hour
	for _, row := range []struct {
		name string
		text []byte
		want string
	}{
		{"good", staple(t, 7, 0, noon.Add(-hour), noon.Add(hour)), ""},
		{"good without an end", staple(t, 7, 0, noon.Add(-hour), time.Time{}), ""},
		{"revoked", staple(t, 7, 1, noon.Add(-hour), noon.Add(hour)), "it says that the certificate is not good"},
		{"unknown", staple(t, 7, 2, noon.Add(-hour), noon.Add(hour)), "it says that the certificate is not good"},
		{"expired", staple(t, 7, 0, noon.Add(-2*hour), noon.Add(-hour)), "it expired at 2026-01-02 11:00 UTC"},
		{"not yet valid", staple(t, 7, 0, noon.Add(hour), noon.Add(2*hour)), "it is not valid before 2026-01-02 13:00 UTC"},
		{"of another", staple(t, 8, 0, noon.Add(-hour), noon.Add(hour)), "it is about another certificate"},
		{"empty", nil, "it is not an OCSP response in DER form"},
		{"more after it", append(staple(t, 7, 0, noon, noon), 0), "it is not an OCSP response in DER form"},
		{"try later", []byte{0x30, 3, 0x0a, 1, 3}, "it is an OCSP response without an answer: its status is 3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := CheckStaple(row.text, leaf, noon)
			if row.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, row.want)
		})
	}
}

func FuzzCheckStaple(f *testing.F) {
	f.Add([]byte{0x30, 3, 0x0a, 1, 3})
	f.Fuzz(func(_ *testing.T, text []byte) {
		_ = CheckStaple(text, &x509.Certificate{SerialNumber: big.NewInt(7)}, noon)
	})
}

func TestWeakProblem(t *testing.T) {
	rsaKey := func(bits uint) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
	}
	curve := func(c elliptic.Curve) *ecdsa.PublicKey { return &ecdsa.PublicKey{Curve: c} }
	for _, row := range []struct {
		c    x509.Certificate
		want string
	}{
		{x509.Certificate{PublicKey: rsaKey(2048)}, ""},
		{x509.Certificate{PublicKey: rsaKey(2047)}, "the RSA key of the certificate has 2047 bits: clients expect at least 2048"},
		{x509.Certificate{PublicKey: curve(elliptic.P256())}, ""},
		{x509.Certificate{PublicKey: curve(elliptic.P224())}, "the key of the certificate is on a curve of 224 bits: clients expect at least 256"},
		{x509.Certificate{PublicKey: rsaKey(2048), SignatureAlgorithm: x509.SHA1WithRSA}, "the certificate is signed with SHA1-RSA: clients refuse it"},
		{x509.Certificate{PublicKey: rsaKey(2048), SignatureAlgorithm: x509.SHA256WithRSA}, ""},
	} {
		require.Equal(t, row.want, WeakProblem(&row.c))
	}
}
