package traffic

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

func TestPrintServerTLS(t *testing.T) {
	files := func(mode spec.TLSMode) spec.ServerTLS {
		return spec.ServerTLS{Mode: mode, ServerCertificate: "c.pem", PrivateKey: "k.pem", CACertificates: "ca.pem", CACRL: "crl.pem"}
	}
	pinned := func(s spec.ServerTLS) spec.ServerTLS {
		s.SubjectAltNames, s.VerifyCertificateSPKI, s.VerifyCertificateHash = []string{"a.test"}, []string{"k1", "k2"}, []string{"h"}
		return s
	}
	const pins = ` names ["a.test"] spki ["k1" "k2"] hash ["h"]`
	list := []spec.TLSCertificate{{ServerCertificate: "c1", PrivateKey: "k1"}, {ServerCertificate: "c2", PrivateKey: "k2"}, {ServerCertificate: "c3", PrivateKey: "k3"}}
	for _, tt := range []struct {
		name string
		tls  spec.ServerTLS
		want string
	}{
		{"credential", spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c"}, `SIMPLE credential "c"`},
		{"credentials", spec.ServerTLS{Mode: spec.TLSSimple, CredentialNames: []string{"a", "b", "c"}}, `SIMPLE credentials ["a" "b"]`},
		{"list", spec.ServerTLS{Mode: spec.TLSSimple, TLSCertificates: list}, `SIMPLE certificate "c1" key "k1" certificate "c2" key "k2"`},
		{"files", files(spec.TLSMutual), `MUTUAL certificate "c.pem" key "k.pem" ca "ca.pem" crl "crl.pem"`},
		{"pins", pinned(files(spec.TLSMutual)), `MUTUAL certificate "c.pem" key "k.pem" ca "ca.pem" crl "crl.pem"` + pins},
		{"pins that are not asked for", pinned(files(spec.TLSSimple)), `SIMPLE certificate "c.pem" key "k.pem"`},
		{"another authority", pinned(spec.ServerTLS{Mode: spec.TLSOptionalMutual, CredentialName: "c", CACertCredentialName: "a"}),
			`OPTIONAL_MUTUAL credential "c" ca credential "a"` + pins},
		{"another authority that is not asked for", spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c", CACertCredentialName: "a"}, `SIMPLE credential "c"`},
		{"the mesh's", pinned(spec.ServerTLS{Mode: spec.TLSIstioMutual, CACRL: "crl.pem", MinVersion: "TLSV1_3"}), `ISTIO_MUTUAL crl "crl.pem"` + pins},
		{"versions", spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c", MinVersion: "TLSV1_1", MaxVersion: "TLSV1_2", CipherSuites: []string{"AES128-SHA"}},
			`SIMPLE credential "c" from TLSV1_1 to TLSV1_2 suites ["AES128-SHA"]`},
		{"the usual versions", spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "c", MinVersion: "TLSV1_2", MaxVersion: "TLS_AUTO"}, `SIMPLE credential "c"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var printed text.Lines
			PrintServerTLS(&tt.tls, &printed)
			require.Equal(t, "tls "+tt.want+"\n", printed.String())
		})
	}
}
