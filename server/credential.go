package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/certificate"
	"github.com/lateengo/gateway/internal/revocation"
)

// A credential is a gateway.Credential as servers use it.
type credential gateway.Credential

// WorkloadCredential is the name of the credential for servers with mode
// ISTIO_MUTUAL: the certificate of the workload, and the authorities of the mesh.
const WorkloadCredential = "default"

var errNoCertificate = errors.New("it has no certificate")

// certificate returns the certificate, with its leaf and its OCSP staple. doubt is why there
// is no staple although one was registered.
func (c *credential) certificate() (cert tls.Certificate, doubt, err error) {
	cert, err = c.pair()
	if err != nil || c.OCSPStapleFile == "" {
		return cert, nil, err
	}
	staple, doubt := os.ReadFile(c.OCSPStapleFile)
	if doubt == nil {
		doubt = certificate.CheckStaple(staple, cert.Leaf, time.Now())
	}
	if doubt != nil {
		return cert, fmt.Errorf("the OCSP staple %s is not used: %w", c.OCSPStapleFile, doubt), nil
	}
	cert.OCSPStaple = staple
	return cert, nil, nil
}

// pair returns the certificate, with its leaf.
func (c *credential) pair() (tls.Certificate, error) {
	if c.Certificate != nil {
		return withLeaf(*c.Certificate)
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

var (
	errNoAuthority = errors.New("there is no authority for the certificates of clients")
	errOnlyLists   = errors.New("it has lists of revoked certificates and no authority")
)

func withLeaf(c tls.Certificate) (tls.Certificate, error) {
	if c.Leaf != nil {
		return c, nil
	}
	if len(c.Certificate) == 0 {
		return c, errNoCertificate
	}
	var err error
	c.Leaf, err = x509.ParseCertificate(c.Certificate[0])
	return c, err
}

// authorities returns the authorities of client certificates, or nil if there
// are none.
func (c *credential) authorities() (*x509.CertPool, error) {
	if c.CAs != nil || c.CAFile == "" {
		return c.CAs, nil
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

func (c *credential) hasAuthorities() bool { return c.CAs != nil || c.CAFile != "" }

func (c *credential) hasLists() bool { return c.CRLs != nil || c.CRLFile != "" }

// revocations returns the lists of revoked client certificates, or nil if none
// is checked.
func (c *credential) revocations() ([]*x509.RevocationList, error) {
	switch {
	case c.CRLs != nil && len(c.CRLs) == 0:
		return nil, errors.New("there is none among the lists of revoked certificates")
	case c.CRLs != nil || c.CRLFile == "":
		return c.CRLs, nil
	}
	text, err := os.ReadFile(c.CRLFile)
	if err != nil {
		return nil, err
	}
	lists, err := revocation.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.CRLFile, err)
	}
	return lists, nil
}

// credentials are the credentials that servers can name. Registered ones come before
// declared ones of the same name.
type credentials struct{ registered, declared map[string]gateway.Credential }

// find returns the credential with a name. The name may have the form of Istio's
// references to secrets.
func (all credentials) find(name string) (c credential, ok bool) {
	c, ok, _ = all.lookup(name)
	return c, ok
}

// lookup is like find, and also reports whether the credential is declared.
func (all credentials) lookup(name string) (c credential, ok, declared bool) {
	short := strings.TrimPrefix(name, "kubernetes://")
	for _, n := range []string{name, short} {
		if c, ok := all.registered[n]; ok {
			return credential(c), true, false
		}
	}
	found, ok := all.declared[short]
	return credential(found), ok, ok
}

// caSuffix is the end of the name of a secret that holds the authorities for
// another secret.
const caSuffix = "-cacert"

// authorities returns the credential that holds the authorities for the credential
// with a name. As in Istio, the credential with the suffix comes first.
func (all credentials) authorities(name string) (credential, bool) {
	name = strings.TrimSuffix(name, caSuffix)
	if c, ok := all.find(name + caSuffix); ok {
		return c, true
	}
	return all.find(name)
}
