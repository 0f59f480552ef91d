package program

import (
	"crypto/tls"
	"crypto/x509"
)

// A Credential is a declared credential that TLS servers name.
type Credential struct {
	Certificate *tls.Certificate
	CAs         *x509.CertPool
	CRLs        []*x509.RevocationList
}
