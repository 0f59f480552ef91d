package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An issuer is an authority, or what one has certified.
type issuer struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certify returns what i certifies under a name, or a root's own certificate if i
// is nil.
func (i *issuer) certify(t *testing.T, name string, serial int64, usage x509.KeyUsage) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"a.test"}, KeyUsage: usage,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: usage&x509.KeyUsageCertSign != 0,
	}
	parent, signer := template, key
	if i != nil {
		parent, signer = i.cert, i.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &issuer{t, cert, key}
}

// revokes returns i's list of the serial numbers, as change makes it.
func (i *issuer) revokes(change func(*x509.RevocationList), serials ...int64) *x509.RevocationList {
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Minute)}
	for _, serial := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: time.Now()})
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, i.cert, i.key)
	require.NoError(i.t, err)
	list, err := x509.ParseRevocationList(der)
	require.NoError(i.t, err)
	return list
}

const signs = x509.KeyUsageCertSign | x509.KeyUsageCRLSign

func TestRevocations(t *testing.T) {
	root := (*issuer)(nil).certify(t, "root", 1, signs)
	middle := root.certify(t, "middle", 2, signs)
	leaf := middle.certify(t, "leaf", 3, x509.KeyUsageDigitalSignature)
	impostor := root.certify(t, "middle", 2, signs)
	mute := root.certify(t, "mute", 4, x509.KeyUsageCertSign)
	below := mute.certify(t, "below", 5, x509.KeyUsageDigitalSignature)
	// Go signs no list for who may not.
	forMute := (&issuer{t, func() *x509.Certificate { c := *mute.cert; c.KeyUsage = signs; return &c }(), mute.key}).revokes(nil)

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
	chain := []*x509.Certificate{leaf.cert, middle.cert, root.cert}
	whole := func(lists ...*x509.RevocationList) []*x509.RevocationList { return append(lists, root.revokes(nil)) }
	for _, row := range []struct {
		name  string
		lists []*x509.RevocationList
		chain []*x509.Certificate
		want  string
	}{
		{"all covered", whole(middle.revokes(nil)), chain, ""},
		{"others are revoked", whole(middle.revokes(nil, 2, 4)), chain, ""},
		{"the leaf is revoked", whole(middle.revokes(nil, 3)), chain, `the certificate of "CN=leaf" is revoked`},
		{"the authority is revoked", []*x509.RevocationList{middle.revokes(nil), root.revokes(nil, 2)}, chain, `the certificate of "CN=middle" is revoked`},
		{"the root is revoked", []*x509.RevocationList{middle.revokes(nil), root.revokes(nil, 1)}, chain, `the certificate of "CN=root" is revoked`},
		{"on hold", whole(middle.revokes(reason(6), 3)), chain, "is revoked"},
		{"no longer on hold", whole(middle.revokes(reason(8), 3)), chain, ""},

		{"the leaf is not covered", whole(), chain, `of "CN=middle": there is none`},
		{"the authority is not covered", []*x509.RevocationList{middle.revokes(nil)}, chain, `of "CN=root": there is none`},
		{"somebody else's list", whole(impostor.revokes(nil)), chain, `of "CN=middle": x509: ECDSA verification failure`},
		{"somebody else's and the issuer's", whole(impostor.revokes(nil, 3), middle.revokes(nil)), chain, ""},
		{"who may not sign lists", whole(forMute), []*x509.Certificate{below.cert, mute.cert, root.cert}, `of "CN=mute": x509: invalid signature`},

		{"not yet", whole(middle.revokes(early)), chain, "it is valid from"},
		{"no longer", whole(middle.revokes(late)), chain, "it was valid until"},
		{"no longer, and another", whole(middle.revokes(late, 3), middle.revokes(nil)), chain, ""},
		{"not yet, and another", whole(middle.revokes(early, 3), middle.revokes(nil)), chain, ""},
		{"the newer revokes", whole(middle.revokes(newer, 3), middle.revokes(nil)), chain, "is revoked"},
		{"the newer takes back", whole(middle.revokes(nil, 3), middle.revokes(newer)), chain, ""},

		{"part of the certificates", whole(middle.revokes(scoped(true))), chain, "it has a critical extension"},
		{"part of the certificates, and all", whole(middle.revokes(scoped(true), 3), middle.revokes(nil)), chain, ""},
		{"an extension that may be overlooked", whole(middle.revokes(scoped(false))), chain, ""},
		{"an entry of another issuer's", whole(middle.revokes(ofAnother, 7)), chain, "it has a critical extension"},

		{"a root alone", whole(), chain[2:], ""},
		{"an authority that is trusted without its issuer", whole(middle.revokes(nil)), chain[:2], "cannot be verified without its certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRevocations(row.lists)
			for range 2 {
				err := r.check([][]*x509.Certificate{row.chain}, time.Now())
				if row.want == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, row.want)
				}
			}
		})
	}
	r := newRevocations(whole(middle.revokes(nil)))
	require.NoError(t, r.check([][]*x509.Certificate{chain[:2], chain}, time.Now()), "one chain is enough")
	require.Error(t, r.check(nil, time.Now()))
}

// Connections to an endpoint whose certificate is revoked are not made, however its
// name is verified.
func TestRevokedEndpoint(t *testing.T) {
	root := (*issuer)(nil).certify(t, "root", 1, signs)
	leaf := root.certify(t, "leaf", 2, x509.KeyUsageDigitalSignature)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}}}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	good, bad := root.revokes(nil, 3), root.revokes(nil, 2)
	for _, row := range []struct {
		name     string
		list     *x509.RevocationList
		names    []string
		any      bool
		insecure bool
		fails    bool
	}{
		{name: "by its host", list: good},
		{name: "by its host, revoked", list: bad, fails: true},
		{name: "by a name", list: good, names: []string{"a.test"}},
		{name: "by a name, revoked", list: bad, names: []string{"a.test"}, fails: true},
		{name: "by another name", list: good, names: []string{"b.test"}, fails: true},
		{name: "by any name, revoked", list: bad, any: true, fails: true},
		{name: "not at all, revoked", list: bad, insecure: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, c Config) {
				c.Endpoints = []Endpoint{{Address: server.Listener.Addr().String()}}
				c.TLS = &tls.Config{RootCAs: roots, ServerName: "a.test", InsecureSkipVerify: row.insecure}
				c.SubjectAltNames, c.AnyName, c.CRLs = row.names, row.any, []*x509.RevocationList{row.list}
				w := within(t, begin(newUpstream(t, c), get("/")))
				if !row.fails {
					require.Equal(t, 200, w.Code)
					return
				}
				require.Equal(t, FlagConnectFailure, w.failed.Flag)
				require.Contains(t, w.failed.Body, "TLS_error:|CERTIFICATE_VERIFY_FAILED")
			})
		})
	}
}
