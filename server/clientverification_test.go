package server

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/spec"
)

// pemFile writes blocks of one kind to a file.
func pemFile(t *testing.T, kind string, blocks ...[]byte) string {
	path := filepath.Join(t.TempDir(), "file.pem")
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func listFile(t *testing.T, lists ...*x509.RevocationList) string {
	var blocks [][]byte
	for _, l := range lists {
		blocks = append(blocks, l.Raw)
	}
	return pemFile(t, "X509 CRL", blocks...)
}

// identity is what a client or a server presents: its certificate and those
// above.
func identity(leaf *testca.Issuer, above ...*testca.Issuer) *tls.Certificate {
	c := &tls.Certificate{Certificate: [][]byte{leaf.Cert.Raw}, PrivateKey: leaf.Key}
	for _, i := range above {
		c.Certificate = append(c.Certificate, i.Cert.Raw)
	}
	return c
}

func poolOf(issuer *testca.Issuer) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(issuer.Cert)
	return pool
}

func spkiOf(i *testca.Issuer) string {
	digest := sha256.Sum256(i.Cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(digest[:])
}

func hashOf(i *testca.Issuer) string {
	digest := sha256.Sum256(i.Cert.Raw)
	return hex.EncodeToString(digest[:])
}

func withColons(digits string) string {
	var pairs []string
	for ; digits != ""; digits = digits[2:] {
		pairs = append(pairs, strings.ToUpper(digits[:2]))
	}
	return strings.Join(pairs, ":")
}

// as returns how a client asks for a server, with a certificate if it has one.
func as(client *tls.Certificate, server string, version uint16) *tls.Config {
	config := &tls.Config{InsecureSkipVerify: true, ServerName: server, MinVersion: version, MaxVersion: version}
	if client != nil {
		// Certificates alone would not be sent to an authority that the server does
		// not name.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client, nil }
	}
	return config
}

func TestClientVerification(t *testing.T) {
	const usage = x509.KeyUsageDigitalSignature
	root, foreign := testca.Root(t, "root", 1, testca.Signs), testca.Root(t, "foreign", 1, testca.Signs)
	middle := root.Certify(t, "middle", 2, testca.Signs)
	friend, other, below, stranger := root.Certify(t, "friend", 3, usage), root.Certify(t, "other", 4, usage), middle.Certify(t, "below", 5, usage), foreign.Certify(t, "stranger", 3, usage)
	none, revoked := root.Revokes(t, nil), root.Revokes(t, nil, 3)
	late := root.Revokes(t, func(l *x509.RevocationList) {
		l.ThisUpdate, l.NextUpdate = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	})
	ca := pemFile(t, "CERTIFICATE", root.Cert.Raw)
	key, err := x509.MarshalPKCS8PrivateKey(other.Key)
	require.NoError(t, err)
	shown, keyFile := pemFile(t, "CERTIFICATE", other.Cert.Raw), pemFile(t, "PRIVATE KEY", key)

	files := func(change func(*spec.ServerTLS)) spec.ServerTLS {
		s := spec.ServerTLS{Mode: spec.TLSMutual, ServerCertificate: shown, PrivateKey: keyFile, CACertificates: ca}
		change(&s)
		return s
	}
	lists := func(mode spec.TLSMode, path string) spec.ServerTLS {
		return files(func(s *spec.ServerTLS) { s.Mode, s.CACRL = mode, path })
	}
	named := func(name string, change func(*spec.ServerTLS)) spec.ServerTLS {
		s := spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: name}
		if change != nil {
			change(&s)
		}
		return s
	}
	authorities := func(name string) func(*spec.ServerTLS) {
		return func(s *spec.ServerTLS) { s.CACertCredentialName = name }
	}
	pins := func(spki, hash []string) func(*spec.ServerTLS) {
		return func(s *spec.ServerTLS) { s.VerifyCertificateSPKI, s.VerifyCertificateHash = spki, hash }
	}
	optional := func(change func(*spec.ServerTLS)) func(*spec.ServerTLS) {
		return func(s *spec.ServerTLS) { change(s); s.Mode = spec.TLSOptionalMutual }
	}
	names := func(list ...string) func(*spec.ServerTLS) {
		return func(s *spec.ServerTLS) { s.SubjectAltNames = list }
	}
	both := func(a, b func(*spec.ServerTLS)) func(*spec.ServerTLS) {
		return func(s *spec.ServerTLS) { a(s); b(s) }
	}
	mesh := func(path string) spec.ServerTLS {
		return spec.ServerTLS{Mode: spec.TLSIstioMutual, CACRL: path}
	}
	plainly := func(*spec.ServerTLS) {}
	server := identity(other)
	credentials := map[string]gateway.Credential{
		WorkloadCredential:  {Certificate: server, CAs: poolOf(root)},
		"m":                 {Certificate: server, CAs: poolOf(root)},
		"revoking":          {Certificate: server, CAs: poolOf(root), CRLs: []*x509.RevocationList{revoked}},
		"revoking-file":     {Certificate: server, CAFile: ca, CRLFile: listFile(t, revoked)},
		"empty-lists":       {Certificate: server, CAs: poolOf(root), CRLs: []*x509.RevocationList{}},
		"only-lists":        {Certificate: server, CRLs: []*x509.RevocationList{none}},
		"only-lists-cacert": {CAs: poolOf(root)},
		"split":             {Certificate: server, CAs: poolOf(foreign)},
		"split-cacert":      {CAs: poolOf(root), CRLs: []*x509.RevocationList{revoked}},
		"hollow":            {Certificate: server, CAs: poolOf(root)},
		"hollow-cacert":     {},
		"foreign-ca":        {CAs: poolOf(foreign)},
		"revoking-ca":       {CAs: poolOf(root), CRLs: []*x509.RevocationList{revoked}},
		"certificate":       {Certificate: server},
		"suffix-cacert":     {CAs: poolOf(root)},
		"broken-ca-list":    {CAs: poolOf(root), CRLFile: ca},
	}
	anyone := identity(friend)
	const in, out = true, false
	tests := []struct {
		name   string
		server spec.ServerTLS
		client *tls.Certificate
		want   bool
	}{
		{"a list without it", lists(spec.TLSMutual, listFile(t, none)), anyone, in},
		{"a list with it", lists(spec.TLSMutual, listFile(t, revoked)), anyone, out},
		{"a list with another", lists(spec.TLSMutual, listFile(t, revoked)), identity(other), in},
		{"a list with its serial number by another authority", lists(spec.TLSMutual, listFile(t, none, foreign.Revokes(t, nil, 3))), anyone, in},
		{"a list that was valid once", lists(spec.TLSMutual, listFile(t, late)), anyone, out},
		{"a list of another authority", lists(spec.TLSMutual, listFile(t, foreign.Revokes(t, nil))), anyone, out},
		{"lists of all authorities above", lists(spec.TLSMutual, listFile(t, none, middle.Revokes(t, nil))), identity(below, middle), in},
		{"a list of some authorities above", lists(spec.TLSMutual, listFile(t, none)), identity(below, middle), out},
		{"a list, no certificate", lists(spec.TLSMutual, listFile(t, none)), nil, out},
		{"optional, a list without it", lists(spec.TLSOptionalMutual, listFile(t, none)), anyone, in},
		{"optional, a list with it", lists(spec.TLSOptionalMutual, listFile(t, revoked)), anyone, out},
		{"optional, a list, no certificate", lists(spec.TLSOptionalMutual, listFile(t, revoked)), nil, in},
		{"no file", lists(spec.TLSMutual, filepath.Join(t.TempDir(), "none")), anyone, out},
		{"no list in the file", lists(spec.TLSMutual, ca), anyone, out},
		{"optional, no file, no certificate", lists(spec.TLSOptionalMutual, filepath.Join(t.TempDir(), "none")), nil, out},
		{"a mode that ends no connection", files(func(s *spec.ServerTLS) { s.Mode = spec.TLSAutoPassthrough }), anyone, out},
		{"mesh, a list without it", mesh(listFile(t, none)), anyone, in},
		{"mesh, a list with it", mesh(listFile(t, revoked)), anyone, out},

		{"a credential without lists", named("m", nil), anyone, in},
		{"a credential's list with it", named("revoking", nil), anyone, out},
		{"a credential's list with another", named("revoking", nil), identity(other), in},
		{"a credential's file with it", named("revoking-file", nil), anyone, out},
		{"a credential's file with another", named("revoking-file", nil), identity(other), in},
		{"no list among a credential's", named("empty-lists", nil), anyone, out},
		{"a credential's lists beside no authority", named("only-lists", nil), anyone, out},

		{"the authority's own credential comes first", named("split", nil), identity(other), in},
		{"the authority's own credential comes first, not it", named("split", nil), identity(stranger), out},
		{"the authority's own credential revokes", named("split", nil), anyone, out},
		{"the authority's own credential without an authority", named("hollow", nil), anyone, out},
		{"the first of two names", spec.ServerTLS{Mode: spec.TLSMutual, CredentialNames: []string{"m", "revoking"}}, anyone, in},
		{"the first of two names revokes", spec.ServerTLS{Mode: spec.TLSMutual, CredentialNames: []string{"revoking", "m"}}, anyone, out},
		{"the first of two names has no authority", spec.ServerTLS{Mode: spec.TLSMutual, CredentialNames: []string{"certificate", "m"}}, anyone, out},

		{"another credential's authority", named("m", authorities("foreign-ca")), identity(stranger), in},
		{"another credential's authority, not its own", named("m", authorities("foreign-ca")), anyone, out},
		{"another credential's list", named("m", authorities("revoking-ca")), anyone, out},
		{"another credential's list with another", named("m", authorities("revoking-ca")), identity(other), in},
		{"another credential's authority for one without", named("certificate", authorities("suffix")), anyone, in},
		{"another credential by its whole name", named("certificate", authorities("kubernetes://suffix-cacert")), anyone, in},
		{"no other credential", named("m", authorities("nothing")), anyone, out},
		{"no authority in the other credential", named("m", authorities("certificate")), anyone, out},
		{"another credential whose list cannot be read", named("m", authorities("broken-ca-list")), anyone, out},

		{"its key", named("m", pins([]string{spkiOf(friend)}, nil)), anyone, in},
		{"another's key", named("m", pins([]string{spkiOf(other)}, nil)), anyone, out},
		{"its authority's key", named("m", pins([]string{spkiOf(root)}, nil)), anyone, out},
		{"its key among others", named("m", pins([]string{spkiOf(other), spkiOf(friend)}, nil)), anyone, in},
		{"its hash", named("m", pins(nil, []string{hashOf(friend)})), anyone, in},
		{"its hash with colons", named("m", pins(nil, []string{withColons(hashOf(friend))})), anyone, in},
		{"another's hash", named("m", pins(nil, []string{hashOf(other)})), anyone, out},
		{"its key or another's hash", named("m", pins([]string{spkiOf(friend)}, []string{hashOf(other)})), anyone, in},
		{"another's key or its hash", named("m", pins([]string{spkiOf(other)}, []string{hashOf(friend)})), anyone, in},
		{"another's key or hash", named("m", pins([]string{spkiOf(other)}, []string{hashOf(other)})), anyone, out},
		{"its key, of another authority", named("m", pins([]string{spkiOf(stranger)}, []string{hashOf(stranger)})), identity(stranger), out},
		{"its key, revoked", named("revoking", pins([]string{spkiOf(friend)}, nil)), anyone, out},
		{"its key beside files", files(pins([]string{spkiOf(friend)}, nil)), anyone, in},
		{"another's key beside files", files(pins([]string{spkiOf(other)}, nil)), anyone, out},
		{"no key can be read", named("m", pins([]string{spkiOf(friend), "?"}, nil)), anyone, out},
		{"no hash can be read", named("m", pins([]string{spkiOf(friend)}, []string{"?"})), anyone, out},
		{"its key and name", named("m", both(pins([]string{spkiOf(friend)}, nil), names("a.test"))), anyone, in},
		{"its key and another name", named("m", both(pins([]string{spkiOf(friend)}, nil), names("b.test"))), anyone, out},
		{"another's key and its name", named("m", both(pins([]string{spkiOf(other)}, nil), names("a.test"))), anyone, out},

		{"optional, no certificate", named("m", optional(plainly)), nil, in},
		{"optional, a key, no certificate", named("m", optional(pins([]string{spkiOf(friend)}, nil))), nil, out},
		{"optional, a hash, no certificate", named("m", optional(pins(nil, []string{hashOf(friend)}))), nil, out},
		{"optional, a name, no certificate", named("m", optional(names("a.test"))), nil, out},
		{"optional, its key", named("m", optional(pins([]string{spkiOf(friend)}, nil))), anyone, in},
	}
	b := toApp(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header["X-Forwarded-Client-Cert"] != nil)
	})
	host := func(i int) string { return fmt.Sprintf("s%d.test", i) }
	for i, tt := range tests {
		server := secure(host(i), tt.server)
		if tt.server.Mode == spec.TLSAutoPassthrough {
			// With protocol HTTPS it would not serve HTTP routes at all.
			server.Protocol = ""
		}
		b.Server(server)
	}
	s, _ := start(t, b, local(Config{Credentials: credentials}, 443))
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				_, body, err := shake(t, s, as(tt.client, host(i), version))
				if tt.want == out {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(tt.client != nil), body)
			}
		})
	}
}

// Unreadable files are reported by Start, and close only their server.
func TestUnreadableVerification(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	leaf := root.Certify(t, "leaf", 2, 0)
	ca, none := pemFile(t, "CERTIFICATE", root.Cert.Raw), filepath.Join(t.TempDir(), "none")
	at := func(i int, s spec.ServerTLS) spec.Server {
		made := secure(fmt.Sprintf("s%d.test", i), s)
		made.Origin = spec.Origin{File: "g.yaml", Line: 1, Kind: "Gateway", Namespace: "default", Name: "g", Path: fmt.Sprintf("spec.servers[%d]", i)}
		return made
	}
	b := toApp(says("app"))
	for i, settings := range []spec.ServerTLS{
		{CredentialName: "good"},
		{CredentialName: "list"},
		{CredentialName: "only-list"},
		{CredentialName: "good", CACertCredentialName: "nothing"},
		{CredentialName: "good", CACertCredentialName: "hollow"},
		{CredentialName: "good", VerifyCertificateSPKI: []string{spkiOf(leaf), "?"}},
		{CredentialName: "good", VerifyCertificateHash: []string{"?"}},
	} {
		settings.Mode = spec.TLSMutual
		b.Server(at(i, settings))
	}
	b.Server(at(7, spec.ServerTLS{Mode: spec.TLSIstioMutual, CACRL: none}))
	s, _ := start(t, b, local(Config{Credentials: map[string]gateway.Credential{
		"good":             {Certificate: identity(leaf), CAs: poolOf(root)},
		"list":             {Certificate: identity(leaf), CAs: poolOf(root), CRLFile: ca},
		"only-list":        {Certificate: identity(leaf), CRLFile: none},
		"hollow":           {},
		WorkloadCredential: {Certificate: identity(leaf), CAs: poolOf(root)},
	}}, 443))
	var got []string
	for _, w := range otherWarnings(s) {
		got = append(got, strings.TrimPrefix(w.String(), "g.yaml:1: Gateway default/g: "))
	}
	require.Equal(t, []string{
		`spec.servers[1].tls.credentialName: credential "list": ` + ca + `: it holds no list of revoked certificates in PEM form: no client can connect`,
		`spec.servers[2].tls.credentialName: credential "only-list": it has lists of revoked certificates and no authority: no client can connect`,
		`spec.servers[3].tls.caCertCredentialName: there is no credential "nothing": no client can connect`,
		`spec.servers[4].tls.caCertCredentialName: there is no authority for the certificates of clients: no client can connect`,
		`spec.servers[5].tls.verifyCertificateSpki[1]: "?": it is not a SHA-256 in base64, 44 characters long: no client can connect`,
		`spec.servers[6].tls.verifyCertificateHash[0]: "?": it is not a SHA-256 in hexadecimal, 64 digits long: no client can connect`,
		`spec.servers[7].tls.caCrl: open ` + none + `: no such file or directory: no client can connect`,
	}, got)
	_, body, err := shake(t, s, as(identity(leaf), "s0.test", tls.VersionTLS13))
	require.NoError(t, err)
	require.Equal(t, "app", body)
}

// A session that began before a certificate was revoked, or with a server that
// requires less, gives no access.
func TestResumedClientsAreVerified(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	leaf, other := root.Certify(t, "leaf", 2, 0), root.Certify(t, "other", 3, 0)
	crl := listFile(t, root.Revokes(t, nil))
	s, _ := start(t, toApp(says("app")).
		Server(secure("a.test", spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "a"})).
		Server(secure("pinned.test", spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "b", VerifyCertificateSPKI: []string{spkiOf(other)}})),
		local(Config{Credentials: map[string]gateway.Credential{
			"a": {Certificate: identity(leaf), CAs: poolOf(root), CRLFile: crl},
			"b": {Certificate: identity(leaf), CAs: poolOf(root)},
		}}, 443))
	resuming := func(version uint16) *tls.Config {
		config := as(identity(leaf), "a.test", version)
		config.ClientSessionCache = oneSession{tls.NewLRUClientSessionCache(1)}
		for _, resumed := range []bool{false, true} {
			state, _, err := shake(t, s, config)
			require.NoError(t, err)
			require.Equal(t, resumed, state.DidResume)
		}
		return config
	}
	versions := []uint16{tls.VersionTLS12, tls.VersionTLS13}
	var clients []*tls.Config
	for _, version := range versions {
		clients = append(clients, resuming(version))
		elsewhere := resuming(version)
		elsewhere.ServerName = "pinned.test"
		_, _, err := shake(t, s, elsewhere)
		require.Error(t, err)
	}

	text, err := os.ReadFile(listFile(t, root.Revokes(t, nil, 2)))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(crl, text, 0o600))
	require.NoError(t, s.Sync())
	require.Empty(t, otherWarnings(s))
	for i, client := range clients {
		_, _, err := shake(t, s, client)
		require.Error(t, err)
		_, _, err = shake(t, s, as(identity(other), "a.test", versions[i]))
		require.NoError(t, err)
	}

	// A list that can no longer be read stays in force.
	require.NoError(t, os.Remove(crl))
	require.NoError(t, s.Sync())
	require.Len(t, otherWarnings(s), 1)
	require.Contains(t, s.Warnings()[0].String(), "no such file or directory: what was read before stays")
	for _, version := range versions {
		_, _, err := shake(t, s, as(identity(leaf), "a.test", version))
		require.Error(t, err)
	}
}

// If lists are new and cannot be read, previously accepted clients are not let
// in without them.
func TestNewListsCannotBeRead(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	leaf := root.Certify(t, "leaf", 2, 0)
	credentials := map[string]gateway.Credential{"c": {Certificate: identity(leaf), CAs: poolOf(root)}}
	s, _ := start(t, toApp(says("app")).Server(secure("a.test", spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "c"})),
		local(Config{Credentials: credentials}, 443))
	client := as(identity(leaf), "a.test", tls.VersionTLS13)
	_, _, err := shake(t, s, client)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "crl.pem")
	credentials["c"] = gateway.Credential{Certificate: identity(leaf), CAs: poolOf(root), CRLFile: path}
	require.NoError(t, s.Sync())
	require.Len(t, s.Warnings(), 1)
	require.Contains(t, s.Warnings()[0].String(), "no such file or directory: no client can connect")
	_, _, err = shake(t, s, client)
	require.Error(t, err)
}
