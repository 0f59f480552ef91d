package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
)

// A Credential is a certificate with its key, as a secret of a cluster holds
// them. Files are read at Start, and again at each Sync.
type Credential struct {
	// CertificateFile and KeyFile hold the chain and its private key, in PEM
	// form.
	CertificateFile, KeyFile string
	// CAFile holds the authorities of client certificates, in PEM form.
	CAFile string

	// Certificate and ClientCAs are used in place of the files if they are not
	// nil.
	Certificate *tls.Certificate
	ClientCAs   *x509.CertPool
}

// WorkloadCredential is the name of the credential that servers with mode
// ISTIO_MUTUAL use: the workload's own certificate, and the mesh's authorities.
const WorkloadCredential = "default"

var errNoCertificate = errors.New("it has no certificate")

// certificate returns the certificate.
func (c *Credential) certificate() (tls.Certificate, error) {
	if c.Certificate != nil {
		return *c.Certificate, nil
	}
	if c.CertificateFile == "" && c.KeyFile == "" {
		return tls.Certificate{}, errNoCertificate
	}
	cert, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s and key %s: %w", c.CertificateFile, c.KeyFile, err)
	}
	return cert, nil
}

// authorities returns the authorities of client certificates, or nil if there
// are none.
func (c *Credential) authorities() (*x509.CertPool, error) {
	if c.ClientCAs != nil || c.CAFile == "" {
		return c.ClientCAs, nil
	}
	text, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: there is no certificate in it", c.CAFile)
	}
	return pool, nil
}

// findCredential returns the credential of a name, which may be written as
// Istio's references to secrets are.
func findCredential(all map[string]Credential, name string) (Credential, bool) {
	if c, ok := all[name]; ok {
		return c, true
	}
	short := strings.TrimPrefix(name, "kubernetes://")
	c, ok := all[short]
	return c, ok
}
