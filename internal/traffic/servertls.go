package traffic

import (
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/text"
	"github.com/lateengo/gateway/spec"
)

// PrintServerTLS prints one line. Settings with the same effect on clients print
// the same line.
func PrintServerTLS(s *spec.ServerTLS, t *text.Lines) {
	l := text.Phrase{"tls " + resource.TLSModes[s.Mode]}
	printServerCertificates(s, &l)
	if s.Mode != spec.TLSIstioMutual {
		l.Version("from", string(s.MinVersion), "TLSV1_2")
		l.Version("to", string(s.MaxVersion), "TLSV1_3")
		l.Texts("suites", s.CipherSuites)
	}
	if resource.VerifiesClients(s) {
		printClientVerification(s, &l)
	}
	t.Line("%s", l.String())
}

func printServerCertificates(s *spec.ServerTLS, l *text.Phrase) {
	switch {
	case s.Mode == spec.TLSIstioMutual:
	case len(s.CredentialNames) > 0:
		l.Texts("credentials", s.CredentialNames[:min(resource.MaxCertificates, len(s.CredentialNames))])
	case s.CredentialName != "":
		l.Text("credential", s.CredentialName)
	case len(s.TLSCertificates) > 0:
		for _, c := range s.TLSCertificates[:min(resource.MaxCertificates, len(s.TLSCertificates))] {
			l.Text("certificate", c.ServerCertificate)
			l.Text("key", c.PrivateKey)
		}
	default:
		l.Text("certificate", s.ServerCertificate)
		l.Text("key", s.PrivateKey)
	}
}

func printClientVerification(s *spec.ServerTLS, l *text.Phrase) {
	switch {
	case s.Mode == spec.TLSIstioMutual:
	case resource.HasCredential(s):
		l.Text("ca credential", s.CACertCredentialName)
	default:
		l.Text("ca", s.CACertificates)
	}
	l.Text("crl", s.CACRL)
	l.Texts("names", s.SubjectAltNames)
	l.Texts("spki", s.VerifyCertificateSPKI)
	l.Texts("hash", s.VerifyCertificateHash)
}
