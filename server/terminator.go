package server

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/certificate"
	"github.com/lateengo/gateway/spec"
)

// A terminator handles the TLS of a port: it has the settings of each server,
// ready for handshakes. It is immutable.
type terminator struct {
	listener *gateway.Listener
	// byTerms are the settings, by the terms they were made from.
	byTerms map[string]*settings
	// terms are the terms of all servers, in order, with their hosts.
	terms string
	// credentials are for servers that did not exist when it was made.
	credentials credentials
}

// settings are the settings of one TLS server, or the error in them.
type settings struct {
	config *tls.Config
	err    error
	// lists means that clients are checked against revocation lists.
	lists bool
}

// mayStay reports whether s, the previous settings, can replace the next ones
// if those could not be made: not if clients would be checked less strictly.
func (s *settings) mayStay(next *settings) bool { return s.err == nil && (s.lists || !next.lists) }

// newTerminator reads the certificates of a listener's servers. If that fails
// for a server, its settings in before stay, if they may. before may be nil.
func newTerminator(l *gateway.Listener, credentials credentials, before *terminator) (*terminator, []spec.Warning) {
	t := &terminator{listener: l, byTerms: map[string]*settings{}, credentials: credentials}
	var warnings []spec.Warning
	var all strings.Builder
	for _, s := range l.Servers() {
		terms := termsOf(s.TLS)
		fmt.Fprintf(&all, "%q %s\n", s.Hosts, terms)
		made := newSettings(s.TLS, s.Hosts, credentials)
		consequence := "no client can connect"
		if made.err != nil && before != nil {
			if old := before.byTerms[terms]; old != nil && old.mayStay(&made.settings) {
				made.settings = *old
				consequence = "what was read before stays"
			}
		}
		if made.problem != nil {
			problem := fmt.Sprintf("%v: %s", made.problem, consequence)
			warnings = append(warnings, spec.Warning{Finding: s.Origin.At(made.field, problem)})
		}
		for _, w := range made.remarks {
			warnings = append(warnings, spec.Warning{Finding: s.Origin.At(w.field, w.text)})
		}
		t.byTerms[terms] = &made.settings
	}
	t.terms = all.String()
	return t, warnings
}

// sameTerms reports whether t would accept the clients that other accepted.
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
		// The gateway was replaced, but Sync was not called yet.
		made = &newSettings(s.TLS, s.Hosts, t.credentials).settings
	}
	return made.config, made.err
}

// termsOf returns what identifies the settings of a server.
func termsOf(t *spec.ServerTLS) string {
	if t == nil {
		return ""
	}
	return fmt.Sprintf("%+q", []any{
		t.CredentialName, t.CredentialNames, t.CACertCredentialName,
		t.ServerCertificate, t.PrivateKey, t.CACertificates, t.TLSCertificates, t.CACRL,
		t.MinVersion, t.MaxVersion, t.CipherSuites,
		t.SubjectAltNames, t.VerifyCertificateSPKI, t.VerifyCertificateHash,
	}) + fmt.Sprint(t.Mode)
}

// made are settings with their warnings and problem.
type made struct {
	settings
	// problem is why there is no config, and field is where.
	problem error
	field   string
	remarks []remark
}

type remark struct{ field, text string }

func newSettings(t *spec.ServerTLS, hosts []string, credentials credentials) *made {
	m := &made{field: "tls"}
	if t == nil {
		m.fail("tls", errors.New("there are no TLS settings"))
		return m
	}
	config := &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	m.versions(config, t)
	shown, field := m.certificates(config, t, credentials)
	m.clients(config, t, credentials)
	if m.problem != nil {
		m.err = m.problem
		return m
	}
	m.config = config
	m.remarkOn(shown, field, hosts)
	return m
}

func (m *made) fail(field string, err error) {
	if m.problem == nil {
		m.field, m.problem = field, err
	}
}

// credentialNames returns the names of the credentials with a server's
// certificates, if there are any, and the field that names them.
func credentialNames(t *spec.ServerTLS) (names []string, field string) {
	switch {
	case t.Mode == spec.TLSIstioMutual:
		return []string{WorkloadCredential}, "tls.mode"
	case len(t.CredentialNames) > 0:
		return t.CredentialNames[:min(maxCertificates, len(t.CredentialNames))], "tls.credentialNames"
	case t.CredentialName != "":
		return []string{t.CredentialName}, "tls.credentialName"
	}
	return nil, ""
}

// maxCertificates is the number of certificates of one server that Istio uses.
const maxCertificates = 2

// certificates finds the certificates that the server shows. It returns those that may
// need a remark, and the field that names them.
func (m *made) certificates(config *tls.Config, t *spec.ServerTLS, credentials credentials) (shown []tls.Certificate, field string) {
	told := t.Mode == spec.TLSIstioMutual
	show := func(c *credential, field, prefix string) {
		cert, err := c.certificate()
		if err != nil {
			m.fail(field, fmt.Errorf("%s%w", prefix, err))
		}
		shown = append(shown, cert)
	}
	names, field := credentialNames(t)
	for _, name := range names {
		if c, ok, declared := credentials.lookup(name); ok {
			show(&c, field, of(name))
			// The gateway has warned of these itself.
			told = told || declared
		} else {
			m.fail(field, missing(name))
		}
	}
	switch {
	case len(names) > 0:
	case len(t.TLSCertificates) > 0:
		for i, c := range t.TLSCertificates[:min(maxCertificates, len(t.TLSCertificates))] {
			show(&credential{CertificateFile: c.ServerCertificate, KeyFile: c.PrivateKey}, fmt.Sprintf("tls.tlsCertificates[%d].serverCertificate", i), "")
		}
	default:
		show(&credential{CertificateFile: t.ServerCertificate, KeyFile: t.PrivateKey}, "tls.serverCertificate", "")
	}
	if m.problem != nil {
		return nil, field
	}
	setCertificates(config, shown)
	if told {
		return nil, field
	}
	return shown, cmp.Or(field, "tls.serverCertificate")
}

// remarkOn remarks on certificates that clients will not accept.
func (m *made) remarkOn(shown []tls.Certificate, field string, hosts []string) {
	leaves := make([]*x509.Certificate, len(shown))
	for i := range shown {
		leaves[i] = shown[i].Leaf
		if problem := certificate.DateProblem(leaves[i], time.Now()); problem != "" {
			m.remarks = append(m.remarks, remark{field, problem})
		}
	}
	if problem := certificate.HostProblem(leaves, hosts); problem != "" {
		m.remarks = append(m.remarks, remark{field, problem})
	}
}

func missing(credential string) error { return fmt.Errorf("there is no credential %q", credential) }

// of returns the beginning of a credential's problem text.
func of(credential string) string { return fmt.Sprintf("credential %q: ", credential) }

var tlsVersions = map[spec.TLSVersion]uint16{
	"TLSV1_0": tls.VersionTLS10, "TLSV1_1": tls.VersionTLS11, "TLSV1_2": tls.VersionTLS12, "TLSV1_3": tls.VersionTLS13,
}

// versions sets TLS versions and cipher suites. ISTIO_MUTUAL keeps the
// defaults.
func (m *made) versions(config *tls.Config, t *spec.ServerTLS) {
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	if t.Mode == spec.TLSIstioMutual {
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
	// Without a suite for HTTP/2, a client that asks for HTTP/2 would be
	// refused.
	if config.CipherSuites != nil && config.MaxVersion < tls.VersionTLS13 && !slices.ContainsFunc(config.CipherSuites, fitForHTTP2) {
		config.NextProtos = []string{"http/1.1"}
	}
}
