package resource

import (
	"github.com/lateengo/gateway/spec"
)

// TLSModes are Istio's names, indexed by spec.TLSMode.
var TLSModes = []string{"", "PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"}

// HasFiles reports whether certificates come from files that the server names.
// Files with only the authorities of clients may be combined with
// TLSCertificates.
func HasFiles(t *spec.ServerTLS) bool {
	return t.ServerCertificate != "" || t.PrivateKey != "" || t.CACertificates != "" && len(t.TLSCertificates) == 0
}

// HasCredential reports whether certificates come from credentials.
func HasCredential(t *spec.ServerTLS) bool {
	return t.CredentialName != "" || len(t.CredentialNames) > 0
}

// MaxCertificates is the number of certificates of one server that Istio uses.
const MaxCertificates = 2

// VerifiesClients reports whether clients are asked for certificates.
func VerifiesClients(t *spec.ServerTLS) bool {
	return t.Mode == spec.TLSMutual || t.Mode == spec.TLSOptionalMutual || t.Mode == spec.TLSIstioMutual
}
