package validate

import (
	"github.com/lateengo/gateway/internal/pin"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// clientCertificates validates the requirements for client certificates of a TLS
// server.
func (v *validator) clientCertificates(s *site, t *spec.ServerTLS) {
	crl := s.field("tls.caCrl")
	switch {
	case t.CACRL == "":
	case resource.HasCredential(t):
		crl.errorf(spec.CodeConflict, "cannot be combined with credentialName and credentialNames: a credential has its own lists")
	case t.Mode == spec.TLSSimple:
		crl.errorf(spec.CodeInvalid, "SIMPLE does not ask clients for certificates")
	}
	if !resource.VerifiesClients(t) {
		refused := resource.HasCredential(t) || t.Mode == spec.TLSSimple
		v.idleForClients(s, t, t.CACRL != "" && !refused, resource.TLSModes[t.Mode]+" does not ask clients for certificates")
		return
	}
	if t.CACertCredentialName != "" && !resource.HasCredential(t) {
		e := s.field("tls.caCertCredentialName")
		other := "caCertificates"
		if t.Mode == spec.TLSIstioMutual {
			other = "the authorities of the mesh"
		}
		e.warnf("", "has no effect without credentialName or credentialNames: clients are verified with %s", other)
	}
	pins := func(list string, texts []string, parse func(string) (pin.Digest, error)) {
		if len(texts) > 0 && !resource.HasCredential(t) {
			e := s.field(list)
			e.warnf("", "is checked, although Istio checks it only with credentialName or credentialNames")
		}
		for i, text := range texts {
			if _, err := parse(text); err != nil {
				e := s.element(list, i)
				e.warnf("", "%q: %v: no client can connect", text, err)
			}
		}
	}
	pins("tls.verifyCertificateSpki", t.VerifyCertificateSPKI, pin.ParseSPKI)
	pins("tls.verifyCertificateHash", t.VerifyCertificateHash, pin.ParseHash)
}

// idleForClients warns of requirements for client certificates if clients send
// none. lists reports whether to include the revocation lists.
func (v *validator) idleForClients(s *site, t *spec.ServerTLS, lists bool, why string) {
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"tls.caCrl", lists},
		{"tls.caCertCredentialName", t.CACertCredentialName != ""},
		{"tls.verifyCertificateSpki", len(t.VerifyCertificateSPKI) > 0},
		{"tls.verifyCertificateHash", len(t.VerifyCertificateHash) > 0},
	} {
		if f.given {
			e := s.field(f.name)
			e.warnf("", "has no effect: %s", why)
		}
	}
}
