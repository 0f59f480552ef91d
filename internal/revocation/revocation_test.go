package revocation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/revocation"
	"github.com/lateengo/gateway/internal/testca"
)

func TestCheck(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	middle := root.Certify(t, "middle", 2, testca.Signs)
	leaf := middle.Certify(t, "leaf", 3, x509.KeyUsageDigitalSignature)
	impostor := root.Certify(t, "middle", 2, testca.Signs)
	mute := root.Certify(t, "mute", 4, x509.KeyUsageCertSign)
	below := mute.Certify(t, "below", 5, x509.KeyUsageDigitalSignature)
	// Go signs no list for an issuer that may not sign lists.
	forMute := (&testca.Issuer{Cert: func() *x509.Certificate { c := *mute.Cert; c.KeyUsage = testca.Signs; return &c }(), Key: mute.Key}).Revokes(t, nil)

	early := func(l *x509.RevocationList) {
		l.ThisUpdate, l.NextUpdate = time.Now().Add(time.Minute), time.Now().Add(time.Hour)
	}
	late := func(l *x509.RevocationList) {
		l.ThisUpdate, l.NextUpdate = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	}
	newer := func(l *x509.RevocationList) { l.ThisUpdate = time.Now().Add(-time.Second) }
	reason := func(code int) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.RevokedCertificateEntries[0].ReasonCode = code }
	}
	scope := func(critical bool) pkix.Extension {
		return pkix.Extension{Id: []int{2, 5, 29, 28}, Critical: critical, Value: []byte{0x30, 0}}
	}
	scoped := func(critical bool) func(*x509.RevocationList) {
		return func(l *x509.RevocationList) { l.ExtraExtensions = []pkix.Extension{scope(critical)} }
	}
	ofAnother := func(l *x509.RevocationList) {
		l.RevokedCertificateEntries[0].ExtraExtensions = []pkix.Extension{scope(true)}
	}
	chain := []*x509.Certificate{leaf.Cert, middle.Cert, root.Cert}
	whole := func(lists ...*x509.RevocationList) []*x509.RevocationList { return append(lists, root.Revokes(t, nil)) }
	for _, row := range []struct {
		name  string
		lists []*x509.RevocationList
		chain []*x509.Certificate
		want  string
	}{
		{"all covered", whole(middle.Revokes(t, nil)), chain, ""},
		{"others are revoked", whole(middle.Revokes(t, nil, 2, 4)), chain, ""},
		{"the leaf is revoked", whole(middle.Revokes(t, nil, 3)), chain, `the certificate of "CN=leaf" is revoked`},
		{"the authority is revoked", []*x509.RevocationList{middle.Revokes(t, nil), root.Revokes(t, nil, 2)}, chain, `the certificate of "CN=middle" is revoked`},
		{"the root is revoked", []*x509.RevocationList{middle.Revokes(t, nil), root.Revokes(t, nil, 1)}, chain, `the certificate of "CN=root" is revoked`},
		{"on hold", whole(middle.Revokes(t, reason(6), 3)), chain, "is revoked"},
		{"no longer on hold", whole(middle.Revokes(t, reason(8), 3)), chain, ""},

		{"the leaf is not covered", whole(), chain, `of "CN=middle": there is none`},
		{"the authority is not covered", []*x509.RevocationList{middle.Revokes(t, nil)}, chain, `of "CN=root": there is none`},
		{"somebody else's list", whole(impostor.Revokes(t, nil)), chain, `of "CN=middle": x509: ECDSA verification failure`},
		{"somebody else's and the issuer's", whole(impostor.Revokes(t, nil, 3), middle.Revokes(t, nil)), chain, ""},
		{"who may not sign lists", whole(forMute), []*x509.Certificate{below.Cert, mute.Cert, root.Cert}, `of "CN=mute": x509: invalid signature`},

		{"not yet", whole(middle.Revokes(t, early)), chain, "it is valid from"},
		{"no longer", whole(middle.Revokes(t, late)), chain, "it was valid until"},
		{"no longer, and another", whole(middle.Revokes(t, late, 3), middle.Revokes(t, nil)), chain, ""},
		{"not yet, and another", whole(middle.Revokes(t, early, 3), middle.Revokes(t, nil)), chain, ""},
		{"the newer revokes", whole(middle.Revokes(t, newer, 3), middle.Revokes(t, nil)), chain, "is revoked"},
		{"the newer takes back", whole(middle.Revokes(t, nil, 3), middle.Revokes(t, newer)), chain, ""},

		{"part of the certificates", whole(middle.Revokes(t, scoped(true))), chain, "it has a critical extension"},
		{"part of the certificates, and all", whole(middle.Revokes(t, scoped(true), 3), middle.Revokes(t, nil)), chain, ""},
		{"an extension that may be overlooked", whole(middle.Revokes(t, scoped(false))), chain, ""},
		{"an entry of another issuer's", whole(middle.Revokes(t, ofAnother, 7)), chain, "it has a critical extension"},

		{"a root alone", whole(), chain[2:], ""},
		{"an authority that is trusted without its issuer", whole(middle.Revokes(t, nil)), chain[:2], "cannot be verified without its certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := revocation.New(row.lists)
			for range 2 {
				err := r.Check([][]*x509.Certificate{row.chain}, time.Now())
				if row.want == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, row.want)
				}
			}
		})
	}
	r := revocation.New(whole(middle.Revokes(t, nil)))
	require.NoError(t, r.Check([][]*x509.Certificate{chain[:2], chain}, time.Now()), "one chain is enough")
	require.Error(t, r.Check(nil, time.Now()))
}

func TestParse(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	list, certificate := block("X509 CRL", root.Revokes(t, nil, 2).Raw), block("CERTIFICATE", root.Cert.Raw)
	for _, row := range []struct {
		name string
		text []byte
		want int
		err  string
	}{
		{"one", list, 1, ""},
		{"two, and a certificate", slices.Concat(list, certificate, list), 2, ""},
		{"nothing", nil, 0, "it holds no list"},
		{"no list", certificate, 0, "it holds no list"},
		{"no PEM", root.Revokes(t, nil).Raw, 0, "it holds no list"},
		{"one of two cannot be read", slices.Concat(list, block("X509 CRL", []byte{0x30})), 0, "x509: malformed crl"},
	} {
		t.Run(row.name, func(t *testing.T) {
			lists, err := revocation.Parse(row.text)
			require.Len(t, lists, row.want)
			if row.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, row.err)
			}
		})
	}
}
