package gateway

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/program"
)

// A Credential is what a Secret of a cluster contains: a certificate with its key,
// and the authorities that verify the peer's certificate. TLS servers
// (spec.ServerTLS) and TLS to destinations (spec.ClientTLS) name it in
// CredentialName. All fields are optional; the zero Credential is empty.
//
// Destinations read the files at Build and at each Gateway.Replace, servers at
// Start and at each Sync of package server.
type Credential struct {
	// CertificateFile and KeyFile are PEM files: the certificate chain and its
	// private key.
	CertificateFile, KeyFile string
	// CAFile is a PEM file with the trusted authorities. If CAFile is empty and CAs
	// is nil, a destination uses the operating system's authorities, and a server
	// trusts none.
	CAFile string
	// CRLFile is a PEM file with certificate revocation lists. If it is set, each
	// authority in a chain needs a list that is currently valid.
	CRLFile string
	// OCSPStapleFile is a file with an OCSP response for the certificate, in DER form.
	// Servers send it to clients that ask for it, as long as it is valid when they read it.
	// It is not verified.
	OCSPStapleFile string

	// Certificate, CAs and CRLs replace the files if they are not nil.
	Certificate *tls.Certificate
	CAs         *x509.CertPool
	CRLs        []*x509.RevocationList
}

// Credentials returns the credentials that are declared, as by Secrets, and that TLS
// servers name, without those that Builder.Credential registers. The names are those in
// spec.ServerTLS, without "kubernetes://", and the names of their authorities with
// "-cacert". They contain private keys. A credential with an unreadable part lacks it:
// Warnings says why.
func (g *Gateway) Credentials() map[string]Credential { return credentialsOf(g.load()) }

func credentialsOf(p *program.Program) map[string]Credential {
	declared := p.Credentials
	out := make(map[string]Credential, len(declared))
	for name, c := range declared {
		out[name] = Credential{Certificate: c.Certificate, CAs: c.CAs, CRLs: c.CRLs}
	}
	return out
}

// Credential registers a credential for TLS to destinations, under the name in
// CredentialName. It is used instead of a declared one of this name.
func (b *Builder) Credential(name string, c Credential) *Builder {
	if b.options.Credentials == nil {
		b.options.Credentials = map[string]compile.Credential{}
	}
	b.options.Credentials[name] = compile.Credential(c)
	return b
}
