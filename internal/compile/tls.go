package compile

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/spec"
)

// describeTLS describes TLS to a destination. Unreadable files are a warning:
// connections to that destination fail, as in Istio with a missing secret, but
// others do not.
func (c *Compiler) describeTLS(d *upstreamDescription, p *traffic.Policy, names []string) {
	t, config := p.TLS, &d.Config
	if t.Mode == spec.ClientTLSIstioMutual {
		c.At(p.Origin).Field("trafficPolicy.tls.mode").Errorf(spec.CodeUnsupported,
			"ISTIO_MUTUAL is not executed by Lateen, and requests to %s use it: only a mesh provides workload certificates; use MUTUAL with a certificate of your own", d.Name)
		return
	}
	config.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.SNI, InsecureSkipVerify: t.InsecureSkipVerify}
	config.SubjectAltNames = t.SubjectAltNames
	if len(config.SubjectAltNames) == 0 {
		config.SubjectAltNames = names
	}
	config.AnyName = len(config.SubjectAltNames) == 0 && t.SNI != ""
	d.identity.Line("names %q", config.SubjectAltNames)
	missing := func(field, what string, err error) {
		c.At(p.Origin).Field("trafficPolicy").Field("tls").Field(field).
			Warnf("", "the %s cannot be read, so that connections to the destination fail: %v", what, err)
		config.TLS.RootCAs = x509.NewCertPool()
		config.TLS.InsecureSkipVerify = false
		d.identity.Line("%s missing", field)
	}
	if t.CredentialName != "" {
		c.describeCredential(d, t, missing)
		return
	}
	if t.CACertificates != "" {
		pool, text, err := c.files.Authorities(t.CACertificates)
		if err != nil {
			missing("caCertificates", "authorities", err)
		} else {
			config.TLS.RootCAs = pool
			d.identity.Line("authorities %x", sha256.Sum256(text))
		}
	}
	if t.CACRL != "" && !t.InsecureSkipVerify {
		lists, text, err := c.files.RevocationLists(t.CACRL)
		if err != nil {
			missing("caCrl", "lists of revoked certificates", err)
		} else {
			config.CRLs = lists
			d.identity.Line("revoked %x", sha256.Sum256(text))
		}
	}
	if t.Mode == spec.ClientTLSMutual {
		pair, err := c.files.certificate(t.ClientCertificate, t.PrivateKey)
		if err != nil {
			missing("clientCertificate", "client's certificate", err)
		} else {
			config.TLS.Certificates = []tls.Certificate{pair}
		}
	}
	for _, shown := range config.TLS.Certificates {
		d.identity.Line("certificate %x", shown.Certificate)
	}
}

// describeCredential describes the contents of a credential.
func (c *Compiler) describeCredential(d *upstreamDescription, t *spec.ClientTLS, missing func(field, what string, err error)) {
	config := &d.Config
	credential, ok := c.credential(t.CredentialName)
	if !ok {
		missing("credentialName", "credential", c.noCredential(t.CredentialName))
		return
	}
	shown, err := credential.certificate(&c.files)
	switch {
	case err != nil:
		missing("credentialName", "credential's certificate", err)
		return
	case shown == nil && t.Mode == spec.ClientTLSMutual:
		missing("credentialName", "credential's certificate", fmt.Errorf("credential %q has none", t.CredentialName))
		return
	}
	// As in Istio, a credential with the suffix has the authorities.
	trusted := credential
	if found, ok := c.credential(strings.TrimSuffix(t.CredentialName, caSuffix) + caSuffix); ok {
		trusted = found
	}
	pool, err := trusted.authorities(&c.files, &d.identity)
	if err != nil {
		missing("credentialName", "credential's authorities", err)
		return
	}
	lists, err := trusted.lists(&c.files, &d.identity)
	if err != nil {
		missing("credentialName", "credential's lists of revoked certificates", err)
		return
	}
	config.TLS.RootCAs = pool
	if !t.InsecureSkipVerify {
		config.CRLs = lists
	}
	if shown != nil {
		config.TLS.Certificates = []tls.Certificate{*shown}
		d.identity.Line("certificate %x", shown.Certificate)
	}
}
