package gateway

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/lateengo/gateway/spec"
)

// describeTLS describes TLS to a destination. What cannot be read is a warning:
// connections to that destination fail, as they do in Istio where a secret is
// missing, and others are not concerned.
func (c *compiler) describeTLS(d *upstreamDescription, p *destinationPolicy, names []string) {
	t, config := p.tls, &d.Config
	config.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.SNI, InsecureSkipVerify: t.InsecureSkipVerify}
	config.SubjectAltNames = t.SubjectAltNames
	if len(config.SubjectAltNames) == 0 {
		config.SubjectAltNames = names
	}
	config.AnyName = len(config.SubjectAltNames) == 0 && t.SNI != ""
	d.identity.line("names %q", config.SubjectAltNames)
	missing := func(field, what string, err error) {
		c.at(p.origin).field("trafficPolicy").field("tls").field(field).
			warnf("", "the %s cannot be read, so that connections to the destination fail: %v", what, err)
		config.TLS.RootCAs = x509.NewCertPool()
		config.TLS.InsecureSkipVerify = false
		d.identity.line("%s missing", field)
	}
	if t.CredentialName != "" {
		credential, ok := c.o.credentials[t.CredentialName]
		switch {
		case !ok:
			missing("credentialName", "credential", fmt.Errorf("no credential %q is registered", t.CredentialName))
		case t.Mode == spec.ClientTLSMutual && credential.Certificate == nil:
			missing("credentialName", "credential's certificate", fmt.Errorf("credential %q has none", t.CredentialName))
		default:
			config.TLS.RootCAs = credential.CAs
			d.identity.line("authorities %p", credential.CAs)
			if credential.Certificate != nil {
				config.TLS.Certificates = []tls.Certificate{*credential.Certificate}
				d.identity.line("certificate %x", credential.Certificate.Certificate)
			}
		}
		return
	}
	if t.CACertificates != "" {
		pool, text, err := c.files.authorities(t.CACertificates)
		if err != nil {
			missing("caCertificates", "authorities", err)
		} else {
			config.TLS.RootCAs = pool
			d.identity.line("authorities %x", sha256.Sum256(text))
		}
	}
	if t.CACRL != "" && !t.InsecureSkipVerify {
		lists, text, err := c.files.revocationLists(t.CACRL)
		if err != nil {
			missing("caCrl", "lists of revoked certificates", err)
		} else {
			config.CRLs = lists
			d.identity.line("revoked %x", sha256.Sum256(text))
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
		d.identity.line("certificate %x", shown.Certificate)
	}
}
