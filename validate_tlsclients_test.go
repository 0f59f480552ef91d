package gateway

import (
	"strings"
	"testing"
)

func TestValidateClientCertificates(t *testing.T) {
	base := func() Declarations {
		return Declarations{Servers: []Server{{Gateway: "gw", Port: 443, PortName: "https", Protocol: "HTTPS", Hosts: []string{"*"}}}}
	}
	tls := func(settings ServerTLS, change func(*ServerTLS)) func(*Declarations) {
		change(&settings)
		return func(d *Declarations) { d.Servers[0].TLS = &settings }
	}
	plain := func(change func(*ServerTLS)) func(*Declarations) {
		settings := tls(ServerTLS{HTTPSRedirect: true}, change)
		return func(d *Declarations) { settings(d); d.Servers[0].Protocol = "HTTP" }
	}
	credential := func(mode TLSMode) ServerTLS { return ServerTLS{Mode: mode, CredentialName: "c"} }
	files := func(mode TLSMode) ServerTLS {
		return ServerTLS{Mode: mode, ServerCertificate: "c.pem", PrivateKey: "k.pem", CACertificates: "ca.pem"}
	}
	names := ServerTLS{Mode: TLSMutual, CredentialNames: []string{"c"}}
	mesh := ServerTLS{Mode: TLSIstioMutual}

	lists := func(t *ServerTLS) { t.CACRL = "crl.pem" }
	authorities := func(t *ServerTLS) { t.CACertCredentialName = "ca" }
	base64, digits := strings.Repeat("A", 43)+"=", strings.Repeat("a0", 32)
	key := func(texts ...string) func(*ServerTLS) { return func(t *ServerTLS) { t.VerifyCertificateSPKI = texts } }
	hash := func(texts ...string) func(*ServerTLS) { return func(t *ServerTLS) { t.VerifyCertificateHash = texts } }
	all := func(t *ServerTLS) { lists(t); authorities(t); key(base64)(t); hash(digits)(t) }

	const (
		ownLists    = "tls.caCrl: excludes credentialName and credentialNames: a credential has its own lists"
		noKeyDigest = ": it is not a SHA-256 in base64, 44 characters long: no client can connect"
		noHash      = ": it is not a SHA-256 in hexadecimal, 64 digits long: no client can connect"
		passthrough = "~tls.mode: PASSTHROUGH forwards the connection as it is: no HTTP route applies"
		checked     = ": is checked, where Istio does so only with credentialName or credentialNames"
	)
	runResources(t, base, "Gateway default/gw: ", []resourceRow{
		{"lists, mutual", tls(files(TLSMutual), lists), nil},
		{"lists, optional", tls(files(TLSOptionalMutual), lists), nil},
		{"lists, mesh", tls(mesh, lists), nil},
		{"lists beside a credential", tls(credential(TLSMutual), lists), []string{ownLists}},
		{"lists beside credentials", tls(names, lists), []string{ownLists}},
		{"lists beside a credential, simple", tls(credential(TLSSimple), lists), []string{ownLists}},
		{"lists, simple", tls(ServerTLS{Mode: TLSSimple, ServerCertificate: "c.pem", PrivateKey: "k.pem"}, lists),
			[]string{"tls.caCrl: SIMPLE asks clients for no certificate that could be revoked"}},
		{"lists, passthrough", tls(ServerTLS{}, lists), []string{passthrough, "~tls.caCrl: has no effect: PASSTHROUGH asks clients for no certificate"}},

		{"authorities for a credential", tls(credential(TLSMutual), authorities), nil},
		{"authorities for credentials", tls(names, authorities), nil},
		{"authorities for files", tls(files(TLSMutual), authorities), []string{
			"~tls.caCertCredentialName: has no effect without credentialName or credentialNames: clients are verified with caCertificates"}},
		{"authorities in place of a file", tls(ServerTLS{Mode: TLSMutual, ServerCertificate: "c.pem", PrivateKey: "k.pem"}, authorities), []string{
			"tls.caCertificates: MUTUAL needs it, or a credentialName",
			"~tls.caCertCredentialName: has no effect without credentialName or credentialNames: clients are verified with caCertificates"}},
		{"authorities for the mesh", tls(mesh, authorities), []string{
			"~tls.caCertCredentialName: has no effect without credentialName or credentialNames: clients are verified with the authorities of the mesh"}},

		{"a key", tls(credential(TLSMutual), key(base64)), nil},
		{"a key, optional", tls(credential(TLSOptionalMutual), key(base64)), nil},
		{"a key beside files", tls(files(TLSMutual), key(base64)), []string{"~tls.verifyCertificateSpki" + checked}},
		{"a key, mesh", tls(mesh, key(base64)), []string{"~tls.verifyCertificateSpki" + checked}},
		{"no key", tls(credential(TLSMutual), key(base64, digits)), []string{`~tls.verifyCertificateSpki[1]: "` + digits + `"` + noKeyDigest}},
		{"a hash", tls(names, hash(digits)), nil},
		{"a hash beside files", tls(files(TLSMutual), hash(digits)), []string{"~tls.verifyCertificateHash" + checked}},
		{"no hash", tls(credential(TLSMutual), hash("", digits)), []string{`~tls.verifyCertificateHash[0]: ""` + noHash}},

		{"simple", tls(credential(TLSSimple), func(t *ServerTLS) { authorities(t); key(base64)(t); hash("?")(t) }), []string{
			"~tls.caCertCredentialName: has no effect: SIMPLE asks clients for no certificate",
			"~tls.verifyCertificateSpki: has no effect: SIMPLE asks clients for no certificate",
			"~tls.verifyCertificateHash: has no effect: SIMPLE asks clients for no certificate",
		}},
		{"plain text", plain(all), []string{
			"~tls.caCrl: has no effect: the port serves plain text",
			"~tls.caCertCredentialName: has no effect: the port serves plain text",
			"~tls.verifyCertificateSpki: has no effect: the port serves plain text",
			"~tls.verifyCertificateHash: has no effect: the port serves plain text",
		}},
	})
}
