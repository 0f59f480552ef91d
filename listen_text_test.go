package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrintServerTLS(t *testing.T) {
	files := func(mode TLSMode) ServerTLS {
		return ServerTLS{Mode: mode, ServerCertificate: "c.pem", PrivateKey: "k.pem", CACertificates: "ca.pem", CACRL: "crl.pem"}
	}
	pinned := func(s ServerTLS) ServerTLS {
		s.SubjectAltNames, s.VerifyCertificateSPKI, s.VerifyCertificateHash = []string{"a.test"}, []string{"k1", "k2"}, []string{"h"}
		return s
	}
	const pins = ` names ["a.test"] spki ["k1" "k2"] hash ["h"]`
	list := []TLSCertificate{{"c1", "k1"}, {"c2", "k2"}, {"c3", "k3"}}
	for _, tt := range []struct {
		name string
		tls  ServerTLS
		want string
	}{
		{"credential", ServerTLS{Mode: TLSSimple, CredentialName: "c"}, `SIMPLE credential "c"`},
		{"credentials", ServerTLS{Mode: TLSSimple, CredentialNames: []string{"a", "b", "c"}}, `SIMPLE credentials ["a" "b"]`},
		{"list", ServerTLS{Mode: TLSSimple, TLSCertificates: list}, `SIMPLE certificate "c1" key "k1" certificate "c2" key "k2"`},
		{"files", files(TLSMutual), `MUTUAL certificate "c.pem" key "k.pem" ca "ca.pem" crl "crl.pem"`},
		{"pins", pinned(files(TLSMutual)), `MUTUAL certificate "c.pem" key "k.pem" ca "ca.pem" crl "crl.pem"` + pins},
		{"pins that are not asked for", pinned(files(TLSSimple)), `SIMPLE certificate "c.pem" key "k.pem"`},
		{"another authority", pinned(ServerTLS{Mode: TLSOptionalMutual, CredentialName: "c", CACertCredentialName: "a"}),
			`OPTIONAL_MUTUAL credential "c" ca credential "a"` + pins},
		{"another authority that is not asked for", ServerTLS{Mode: TLSSimple, CredentialName: "c", CACertCredentialName: "a"}, `SIMPLE credential "c"`},
		{"the mesh's", pinned(ServerTLS{Mode: TLSIstioMutual, CACRL: "crl.pem", MinVersion: "TLSV1_3"}), `ISTIO_MUTUAL crl "crl.pem"` + pins},
		{"versions", ServerTLS{Mode: TLSSimple, CredentialName: "c", MinVersion: "TLSV1_1", MaxVersion: "TLSV1_2", CipherSuites: []string{"AES128-SHA"}},
			`SIMPLE credential "c" from TLSV1_1 to TLSV1_2 suites ["AES128-SHA"]`},
		{"the usual versions", ServerTLS{Mode: TLSSimple, CredentialName: "c", MinVersion: "TLSV1_2", MaxVersion: "TLS_AUTO"}, `SIMPLE credential "c"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var printed text
			tt.tls.print(&printed)
			require.Equal(t, "tls "+tt.want+"\n", printed.String())
		})
	}
}
