package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lateengo/gateway/internal/pin"
	"github.com/lateengo/gateway/internal/revocation"
	"github.com/lateengo/gateway/spec"
)

// A clientVerification has the requirements on client certificates besides a
// trusted authority.
type clientVerification struct {
	// names are subject alternative names. If there are any, a certificate must
	// have one of them.
	names []string
	pins  pin.Pins
	// revoked are the lists to check, or nil.
	revoked revocation.Lists
}

// requires reports whether a client needs a certificate in any mode. In Envoy, a
// restriction on the leaf requires one.
func (v *clientVerification) requires() bool { return len(v.names) > 0 || v.pins.Any() }

// verify verifies the client's certificate, if it has one. It also checks resumed
// connections: the session may come from another server, and the certificate may
// have been revoked since.
func (v *clientVerification) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := state.PeerCertificates[0]
	if len(v.names) > 0 && !slices.ContainsFunc(subjectAltNames(leaf), func(have string) bool { return slices.Contains(v.names, have) }) {
		return errors.New("the client's certificate bears none of the subject alternative names")
	}
	if v.pins.Any() && !v.pins.Match(leaf) {
		return errors.New("the client's certificate is none of those that are pinned")
	}
	if v.revoked != nil {
		return v.revoked.Check(state.VerifiedChains, time.Now())
	}
	return nil
}

func subjectAltNames(cert *x509.Certificate) []string {
	names := slices.Concat(cert.DNSNames, cert.EmailAddresses)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// clients configures what the mode requires of clients. A file that cannot be
// read is a problem of the server: no client gets in with fewer checks.
func (m *made) clients(config *tls.Config, t *spec.ServerTLS, credentials credentials) {
	switch t.Mode {
	case spec.TLSMutual, spec.TLSIstioMutual:
		config.ClientAuth = tls.RequireAndVerifyClientCert
	case spec.TLSOptionalMutual:
		config.ClientAuth = tls.VerifyClientCertIfGiven
	case spec.TLSSimple:
		return
	default:
		m.fail("tls.mode", errors.New("the mode forwards connections as they are"))
		return
	}
	v := &clientVerification{names: t.SubjectAltNames}
	v.pins.SPKI = m.pins("tls.verifyCertificateSpki", t.VerifyCertificateSPKI, pin.ParseSPKI)
	v.pins.Hash = m.pins("tls.verifyCertificateHash", t.VerifyCertificateHash, pin.ParseHash)
	v.revoked = m.authorities(config, t, credentials)
	if v.requires() {
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	config.VerifyConnection = v.verify
}

func (m *made) pins(field string, texts []string, parse func(string) (pin.Digest, error)) []pin.Digest {
	digests := make([]pin.Digest, len(texts))
	for i, text := range texts {
		digest, err := parse(text)
		if err != nil {
			m.fail(fmt.Sprintf("%s[%d]", field, i), fmt.Errorf("%q: %w", text, err))
		}
		digests[i] = digest
	}
	return digests
}

// authorities sets the authorities for client certificates, and returns their
// revocation lists, or nil if none are checked.
func (m *made) authorities(config *tls.Config, t *spec.ServerTLS, credentials credentials) revocation.Lists {
	names, field := credentialNames(t)
	if len(names) == 0 {
		files := &credential{CAFile: t.CACertificates, CRLFile: t.CACRL}
		config.ClientCAs = m.pool(files, "tls.caCertificates", "")
		return m.revocations(files, "tls.caCrl", "")
	}
	for _, name := range names {
		if c, _ := credentials.find(name); c.hasLists() && !c.hasAuthorities() {
			m.fail(field, fmt.Errorf("%s%w", of(name), errOnlyLists))
		}
	}
	// Envoy has one set of authorities for all certificates of a server.
	name := names[0]
	if t.CACertCredentialName != "" && t.Mode != spec.TLSIstioMutual {
		name, field = t.CACertCredentialName, "tls.caCertCredentialName"
	}
	c, ok := credentials.authorities(name)
	if !ok {
		m.fail(field, missing(name))
		return nil
	}
	config.ClientCAs = m.pool(&c, field, of(name))
	lists := m.revocations(&c, field, of(name))
	if t.Mode == spec.TLSIstioMutual {
		// The mesh has authorities, and the server may name lists.
		lists = append(lists, m.revocations(&credential{CRLFile: t.CACRL}, "tls.caCrl", "")...)
	}
	return lists
}

func (m *made) pool(c *credential, field, prefix string) *x509.CertPool {
	pool, err := c.authorities()
	switch {
	case err != nil:
		m.fail(field, fmt.Errorf("%s%w", prefix, err))
	case pool == nil:
		m.fail(field, errNoAuthority)
	}
	return pool
}

func (m *made) revocations(c *credential, field, prefix string) revocation.Lists {
	m.lists = m.lists || c.hasLists()
	lists, err := c.revocations()
	if err != nil {
		m.fail(field, fmt.Errorf("%s%w", prefix, err))
	}
	if len(lists) == 0 {
		return nil
	}
	return revocation.New(lists)
}
