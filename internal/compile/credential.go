package compile

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/lateengo/gateway/internal/text"
)

// A Credential has the same fields as gateway.Credential.
type Credential struct {
	CertificateFile, KeyFile string
	CAFile                   string
	CRLFile                  string
	OCSPStapleFile           string

	Certificate *tls.Certificate
	CAs         *x509.CertPool
	CRLs        []*x509.RevocationList
}

// A usedCredential is a registered or a declared credential.
type usedCredential struct {
	Credential
	declared *declaredCredential
}

// credential returns the credential with a name. Registered ones come first.
func (c *Compiler) credential(name string) (usedCredential, bool) {
	for _, n := range []string{name, strings.TrimPrefix(name, secretScheme)} {
		if found, ok := c.O.Credentials[n]; ok {
			return usedCredential{Credential: found}, true
		}
	}
	d := c.declared(name)
	if d == nil {
		return usedCredential{}, false
	}
	return usedCredential{declared: c.open(d)}, true
}

func (c *usedCredential) certificate(files *PEMFiles) (*tls.Certificate, error) {
	if o := c.declared; o != nil {
		return o.Certificate, o.certificateProblem
	}
	return c.Credential.certificate(files)
}

func (c *usedCredential) authorities(files *PEMFiles, identity *text.Lines) (*x509.CertPool, error) {
	if o := c.declared; o != nil {
		if o.CAs == nil {
			identity.Line("authorities %p", o.CAs)
		} else {
			identity.Line("authorities %x", o.authoritiesSum)
		}
		return o.CAs, o.authoritiesProblem
	}
	return c.Credential.authorities(files, identity)
}

func (c *usedCredential) lists(files *PEMFiles, identity *text.Lines) ([]*x509.RevocationList, error) {
	if o := c.declared; o != nil {
		if o.CRLs != nil {
			identity.Line("revoked %x", o.revokedSum)
		}
		return o.CRLs, o.listsProblem
	}
	return c.Credential.lists(files, identity)
}

// certificate returns the certificate, or nil if there is none.
func (c *Credential) certificate(files *PEMFiles) (*tls.Certificate, error) {
	if c.Certificate != nil || c.CertificateFile == "" && c.KeyFile == "" {
		return c.Certificate, nil
	}
	pair, err := files.certificate(c.CertificateFile, c.KeyFile)
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// authorities returns the authorities, or nil if there are none, and adds a text to
// the identity that identifies them.
func (c *Credential) authorities(files *PEMFiles, identity *text.Lines) (*x509.CertPool, error) {
	if c.CAs != nil || c.CAFile == "" {
		identity.Line("authorities %p", c.CAs)
		return c.CAs, nil
	}
	pool, pem, err := files.Authorities(c.CAFile)
	if err == nil {
		identity.Line("authorities %x", sha256.Sum256(pem))
	}
	return pool, err
}

// lists returns the lists of revoked certificates, or nil if none are declared.
func (c *Credential) lists(files *PEMFiles, identity *text.Lines) ([]*x509.RevocationList, error) {
	switch {
	case c.CRLs != nil && len(c.CRLs) == 0:
		return nil, errors.New("it has an empty list of lists of revoked certificates")
	case c.CRLs != nil:
		for _, l := range c.CRLs {
			identity.Line("revoked %x", sha256.Sum256(l.Raw))
		}
		return c.CRLs, nil
	case c.CRLFile == "":
		return nil, nil
	}
	lists, pem, err := files.RevocationLists(c.CRLFile)
	if err == nil {
		identity.Line("revoked %x", sha256.Sum256(pem))
	}
	return lists, err
}
