package gateway

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/lateengo/gateway/internal/compile"
)

// A Credential is a certificate with its key, and the authorities that the other
// side is verified with: what a Secret of a cluster holds. TLS servers
// (spec.ServerTLS) and TLS to destinations (spec.ClientTLS) name it in
// credentialName. All fields are optional; the zero Credential holds nothing.
//
// Destinations read the files at Build and at each Gateway.Replace, servers at
// Start and at each Sync of package server.
type Credential struct {
	// CertificateFile and KeyFile are PEM files: the certificate chain and its
	// private key.
	CertificateFile, KeyFile string
	// CAFile is a PEM file with the trusted authorities. Empty, and CAs nil, is
	// the operating system's for a destination, and nobody's for a server.
	CAFile string
	// CRLFile is a PEM file with lists of revoked certificates. With it, each
	// authority in a chain needs a list that is in force.
	CRLFile string

	// Certificate, CAs and CRLs are used instead of the files if they are not nil.
	Certificate *tls.Certificate
	CAs         *x509.CertPool
	CRLs        []*x509.RevocationList
}

// Credential registers the credential that TLS to destinations names in
// credentialName.
func (b *Builder) Credential(name string, c Credential) *Builder {
	if b.options.Credentials == nil {
		b.options.Credentials = map[string]compile.Credential{}
	}
	b.options.Credentials[name] = compile.Credential(c)
	return b
}
