package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lateengo/gateway"
)

// A terminator ends the TLS of a port: it has the settings of each of its
// servers, ready for handshakes. It is immutable.
type terminator struct {
	listener *gateway.Listener
	// byTerms are the settings by what they were made of.
	byTerms map[string]*settings
	// terms are those of all servers, in order, with their hosts.
	terms string
	// credentials are for servers that were not there when it was made.
	credentials map[string]Credential
}

// settings are those of one TLS server, or what is wrong with them.
type settings struct {
	config *tls.Config
	err    error
}

// newTerminator reads the certificates of a listener's servers. Where that
// fails, those of before, which may be nil, stay.
func newTerminator(l *gateway.Listener, credentials map[string]Credential, before *terminator) (*terminator, []gateway.Warning) {
	t := &terminator{listener: l, byTerms: map[string]*settings{}, credentials: credentials}
	var warnings []gateway.Warning
	var all strings.Builder
	for _, s := range l.Servers() {
		terms := termsOf(s.TLS)
		fmt.Fprintf(&all, "%q %s\n", s.Hosts, terms)
		made := newSettings(s.TLS, credentials)
		consequence := "no client can connect"
		if made.err != nil && before != nil {
			if old := before.byTerms[terms]; old != nil && old.err == nil {
				made.config, made.settings.err = old.config, nil
				consequence = "the certificate of before stays"
			}
		}
		if made.problem != nil {
			problem := fmt.Sprintf("%v: %s", made.problem, consequence)
			warnings = append(warnings, gateway.Warning{Finding: s.Origin.At(made.field, problem)})
		}
		for _, w := range made.remarks {
			warnings = append(warnings, gateway.Warning{Finding: s.Origin.At(w.field, w.text)})
		}
		t.byTerms[terms] = &made.settings
	}
	t.terms = all.String()
	return t, warnings
}

// sameTerms reports whether clients that were let in by other would be let in by
// t.
func (t *terminator) sameTerms(other *terminator) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.terms == other.terms
}

var errNoServer = errors.New("no server has this name")

// config returns the settings for a client that asks for a server's name.
func (t *terminator) config(serverName string) (*tls.Config, error) {
	s, ok := t.listener.Server(serverName)
	if !ok {
		return nil, errNoServer
	}
	made := t.byTerms[termsOf(s.TLS)]
	if made == nil {
		// The gateway was replaced, and Sync has yet to come.
		made = &newSettings(s.TLS, t.credentials).settings
	}
	return made.config, made.err
}

// termsOf returns what identifies the settings of a server.
func termsOf(t *gateway.ServerTLS) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%+q", []any{
		t.CredentialName, t.CredentialNames, t.ServerCertificate, t.PrivateKey, t.CACertificates,
		t.MinVersion, t.MaxVersion, t.CipherSuites, t.SubjectAltNames,
	}) + fmt.Sprint(t.Mode)
}

// made are settings with what is to be said about them.
type made struct {
	settings
	// problem is why there is no config, and field where.
	problem error
	field   string
	remarks []remark
}

type remark struct{ field, text string }

func newSettings(t *gateway.ServerTLS, credentials map[string]Credential) *made {
	m := &made{field: "tls"}
	if t == nil {
		m.fail("tls", errors.New("there are no TLS settings"))
		return m
	}
	config := &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	m.versions(config, t)
	m.certificates(config, t, credentials)
	if m.problem != nil {
		m.err = m.problem
		return m
	}
	switch t.Mode {
	case gateway.TLSMutual, gateway.TLSIstioMutual:
		config.ClientAuth = tls.RequireAndVerifyClientCert
	case gateway.TLSOptionalMutual:
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if config.ClientAuth == tls.NoClientCert {
		config.ClientCAs = nil
	} else if len(t.SubjectAltNames) > 0 {
		names := t.SubjectAltNames
		config.VerifyConnection = func(state tls.ConnectionState) error { return verifyNames(&state, names) }
	}
	m.config = config
	return m
}

func (m *made) fail(field string, err error) {
	if m.problem == nil {
		m.field, m.problem = field, err
	}
}

// certificates finds the certificates that the server shows, and the authorities
// of clients.
func (m *made) certificates(config *tls.Config, t *gateway.ServerTLS, credentials map[string]Credential) {
	field := "tls.credentialName"
	names := []string{t.CredentialName}
	switch {
	case t.Mode == gateway.TLSIstioMutual:
		field, names = "tls.mode", []string{WorkloadCredential}
	case len(t.CredentialNames) > 0:
		// Istio uses the first two.
		field, names = "tls.credentialNames", t.CredentialNames[:min(2, len(t.CredentialNames))]
	case t.CredentialName == "":
		m.add(config, &Credential{CertificateFile: t.ServerCertificate, KeyFile: t.PrivateKey, CAFile: t.CACertificates}, "tls.serverCertificate", "")
		names = nil
	}
	for _, name := range names {
		c, ok := findCredential(credentials, name)
		if !ok {
			m.fail(field, fmt.Errorf("there is no credential %q", name))
			continue
		}
		if c.CAFile == "" && c.ClientCAs == nil {
			if ca, ok := findCredential(credentials, name+"-cacert"); ok {
				c.CAFile, c.ClientCAs = ca.CAFile, ca.ClientCAs
			}
		}
		m.add(config, &c, field, fmt.Sprintf("credential %q: ", name))
	}
	if t.Mode != gateway.TLSSimple && config.ClientCAs == nil {
		m.fail(field, errors.New("there is no authority for the certificates of clients"))
	}
}

func (m *made) add(config *tls.Config, c *Credential, field, prefix string) {
	cert, err := c.certificate()
	if err != nil {
		m.fail(field, fmt.Errorf("%s%w", prefix, err))
		return
	}
	config.Certificates = append(config.Certificates, cert)
	pool, err := c.authorities()
	if err != nil {
		m.fail(field, fmt.Errorf("%s%w", prefix, err))
		return
	}
	if config.ClientCAs == nil {
		config.ClientCAs = pool
	}
}

var tlsVersions = map[string]uint16{
	"TLSV1_0": tls.VersionTLS10, "TLSV1_1": tls.VersionTLS11, "TLSV1_2": tls.VersionTLS12, "TLSV1_3": tls.VersionTLS13,
}

// versions sets versions and cipher suites, which ISTIO_MUTUAL leaves as they
// are by default.
func (m *made) versions(config *tls.Config, t *gateway.ServerTLS) {
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	if t.Mode == gateway.TLSIstioMutual {
		return
	}
	if v, ok := tlsVersions[t.MinVersion]; ok {
		config.MinVersion = v
	}
	if v, ok := tlsVersions[t.MaxVersion]; ok {
		config.MaxVersion = v
	}
	for i, name := range t.CipherSuites {
		suites := cipherSuites(name)
		if len(suites) == 0 {
			m.remarks = append(m.remarks, remark{fmt.Sprintf("tls.cipherSuites[%d]", i), fmt.Sprintf("%q is not a cipher suite of Go's TLS: it is left out", name)})
		}
		for _, id := range suites {
			if !slices.Contains(config.CipherSuites, id) {
				config.CipherSuites = append(config.CipherSuites, id)
			}
		}
	}
	// With one of these, a client that asked for HTTP/2 would be refused.
	if config.CipherSuites != nil && config.MaxVersion < tls.VersionTLS13 && !slices.ContainsFunc(config.CipherSuites, fitForHTTP2) {
		config.NextProtos = []string{"http/1.1"}
	}
}

// verifyNames reports whether the client's certificate, if it sent one, bears
// one of the names.
func verifyNames(state *tls.ConnectionState, names []string) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	cert := state.PeerCertificates[0]
	if slices.ContainsFunc(subjectAltNames(cert), func(have string) bool { return slices.Contains(names, have) }) {
		return nil
	}
	return errors.New("the client's certificate bears none of the subject alternative names")
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
