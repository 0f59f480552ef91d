package gateway

import (
	"github.com/lateengo/gateway/spec"
)

// printServerTLS prints one line. Settings that treat clients alike have the same one.
func printServerTLS(s *spec.ServerTLS, t *text) {
	l := phrase{"tls " + tlsModes[s.Mode]}
	printServerCertificates(s, &l)
	if s.Mode != spec.TLSIstioMutual {
		l.version("from", s.MinVersion, "TLSV1_2")
		l.version("to", s.MaxVersion, "TLSV1_3")
		l.texts("suites", s.CipherSuites)
	}
	if verifiesClients(s) {
		printClientVerification(s, &l)
	}
	t.line("%s", l.String())
}

func printServerCertificates(s *spec.ServerTLS, l *phrase) {
	switch {
	case s.Mode == spec.TLSIstioMutual:
	case len(s.CredentialNames) > 0:
		l.texts("credentials", s.CredentialNames[:min(maxCertificates, len(s.CredentialNames))])
	case s.CredentialName != "":
		l.text("credential", s.CredentialName)
	case len(s.TLSCertificates) > 0:
		for _, c := range s.TLSCertificates[:min(maxCertificates, len(s.TLSCertificates))] {
			l.text("certificate", c.ServerCertificate)
			l.text("key", c.PrivateKey)
		}
	default:
		l.text("certificate", s.ServerCertificate)
		l.text("key", s.PrivateKey)
	}
}

func printClientVerification(s *spec.ServerTLS, l *phrase) {
	switch {
	case s.Mode == spec.TLSIstioMutual:
	case hasCredential(s):
		l.text("ca credential", s.CACertCredentialName)
	default:
		l.text("ca", s.CACertificates)
	}
	l.text("crl", s.CACRL)
	l.texts("names", s.SubjectAltNames)
	l.texts("spki", s.VerifyCertificateSPKI)
	l.texts("hash", s.VerifyCertificateHash)
}

// version adds a version that is not the usual one.
func (w *phrase) version(name, version, usual string) {
	if version != "" && version != "TLS_AUTO" && version != usual {
		w.add("%s %s", name, version)
	}
}

// texts adds a list that is not empty, quoted.
func (w *phrase) texts(name string, list []string) {
	if len(list) > 0 {
		w.add("%s %q", name, list)
	}
}
