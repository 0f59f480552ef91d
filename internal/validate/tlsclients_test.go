package validate

import (
	"strings"
	"testing"

	"github.com/lateengo/gateway/spec"
)

func TestValidateClientCertificates(t *testing.T) {
	base := func() spec.Declarations {
		return spec.Declarations{Servers: []spec.Server{{Gateway: "gw", Port: 443, PortName: "https", Protocol: "HTTPS", Hosts: []string{"*"}}}}
	}
	tls := func(settings spec.ServerTLS, change func(*spec.ServerTLS)) func(*spec.Declarations) {
		change(&settings)
		return func(d *spec.Declarations) { d.Servers[0].TLS = &settings }
	}
	plain := func(change func(*spec.ServerTLS)) func(*spec.Declarations) {
		settings := tls(spec.ServerTLS{HTTPSRedirect: true}, change)
		return func(d *spec.Declarations) { settings(d); d.Servers[0].Protocol = "HTTP" }
	}
	credential := func(mode spec.TLSMode) spec.ServerTLS { return spec.ServerTLS{Mode: mode, CredentialName: "c"} }
	files := func(mode spec.TLSMode) spec.ServerTLS {
		return spec.ServerTLS{Mode: mode, ServerCertificate: "c.pem", PrivateKey: "k.pem", CACertificates: "ca.pem"}
	}
	names := spec.ServerTLS{Mode: spec.TLSMutual, CredentialNames: []string{"c"}}
	mesh := spec.ServerTLS{Mode: spec.TLSIstioMutual}

	lists := func(t *spec.ServerTLS) { t.CACRL = "crl.pem" }
	authorities := func(t *spec.ServerTLS) { t.CACertCredentialName = "ca" }
	base64, digits := strings.Repeat("A", 43)+"=", strings.Repeat("a0", 32)
	key := func(texts ...string) func(*spec.ServerTLS) {
		return func(t *spec.ServerTLS) { t.VerifyCertificateSPKI = texts }
	}
	hash := func(texts ...string) func(*spec.ServerTLS) {
		return func(t *spec.ServerTLS) { t.VerifyCertificateHash = texts }
	}
	all := func(t *spec.ServerTLS) { lists(t); authorities(t); key(base64)(t); hash(digits)(t) }

	const (
		ownLists    = "tls.caCrl: cannot be combined with credentialName and credentialNames: a credential has its own lists"
		noKeyDigest = ": it is not a SHA-256 in base64, 44 characters long: no client can connect"
		noHash      = ": it is not a SHA-256 in hexadecimal, 64 digits long: no client can connect"
		passthrough = "~tls.mode: PASSTHROUGH is not executed by Lateen, which serves only HTTP: connections for these hosts are refused"
		checked     = ": is checked, although Istio checks it only with credentialName or credentialNames"
	)
	runResources(t, base, "Gateway default/gw: ", []resourceRow{
		{"lists, mutual", tls(files(spec.TLSMutual), lists), nil},
		{"lists, optional", tls(files(spec.TLSOptionalMutual), lists), nil},
		{"lists, mesh", tls(mesh, lists), nil},
		{"lists beside a credential", tls(credential(spec.TLSMutual), lists), []string{ownLists}},
		{"lists beside credentials", tls(names, lists), []string{ownLists}},
		{"lists beside a credential, simple", tls(credential(spec.TLSSimple), lists), []string{ownLists}},
		{"lists, simple", tls(spec.ServerTLS{Mode: spec.TLSSimple, ServerCertificate: "c.pem", PrivateKey: "k.pem"}, lists),
			[]string{"tls.caCrl: SIMPLE does not ask clients for certificates"}},
		{"lists, passthrough", tls(spec.ServerTLS{Mode: spec.TLSPassthrough}, lists), []string{passthrough, "~tls.caCrl: has no effect: PASSTHROUGH does not ask clients for certificates"}},

		{"authorities for a credential", tls(credential(spec.TLSMutual), authorities), nil},
		{"authorities for credentials", tls(names, authorities), nil},
		{"authorities for files", tls(files(spec.TLSMutual), authorities), []string{
			"~tls.caCertCredentialName: has no effect without credentialName or credentialNames: clients are verified with caCertificates"}},
		{"authorities in place of a file", tls(spec.ServerTLS{Mode: spec.TLSMutual, ServerCertificate: "c.pem", PrivateKey: "k.pem"}, authorities), []string{
			"tls.caCertificates: MUTUAL needs it, or a credentialName",
			"~tls.caCertCredentialName: has no effect without credentialName or credentialNames: clients are verified with caCertificates"}},
		{"authorities for the mesh", tls(mesh, authorities), []string{
			"~tls.caCertCredentialName: has no effect without credentialName or credentialNames: clients are verified with the authorities of the mesh"}},

		{"a key", tls(credential(spec.TLSMutual), key(base64)), nil},
		{"a key, optional", tls(credential(spec.TLSOptionalMutual), key(base64)), nil},
		{"a key beside files", tls(files(spec.TLSMutual), key(base64)), []string{"~tls.verifyCertificateSpki" + checked}},
		{"a key, mesh", tls(mesh, key(base64)), []string{"~tls.verifyCertificateSpki" + checked}},
		{"no key", tls(credential(spec.TLSMutual), key(base64, digits)), []string{`~tls.verifyCertificateSpki[1]: "` + digits + `"` + noKeyDigest}},
		{"a hash", tls(names, hash(digits)), nil},
		{"a hash beside files", tls(files(spec.TLSMutual), hash(digits)), []string{"~tls.verifyCertificateHash" + checked}},
		{"no hash", tls(credential(spec.TLSMutual), hash("", digits)), []string{`~tls.verifyCertificateHash[0]: ""` + noHash}},

		{"simple", tls(credential(spec.TLSSimple), func(t *spec.ServerTLS) { authorities(t); key(base64)(t); hash("?")(t) }), []string{
			"~tls.caCertCredentialName: has no effect: SIMPLE does not ask clients for certificates",
			"~tls.verifyCertificateSpki: has no effect: SIMPLE does not ask clients for certificates",
			"~tls.verifyCertificateHash: has no effect: SIMPLE does not ask clients for certificates",
		}},
		{"plain text", plain(all), []string{
			"~tls.caCrl: has no effect: the port serves plain text",
			"~tls.caCertCredentialName: has no effect: the port serves plain text",
			"~tls.verifyCertificateSpki: has no effect: the port serves plain text",
			"~tls.verifyCertificateHash: has no effect: the port serves plain text",
		}},
	})
}
