package server

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/certificate"
	"github.com/lateengo/gateway/observe"
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
	// findings are about its servers, in order.
	findings []tlsFinding
	// certificates are those that servers show.
	certificates []observe.Certificate
}

// A tlsFinding is a problem of a TLS server. unusable means that no client can connect.
type tlsFinding struct {
	spec.Finding
	unusable bool
}

// settings are the settings of one TLS server, or the error in them.
type settings struct {
	config *tls.Config
	err    error
	// shown are the certificates.
	shown []*x509.Certificate
	// lists means that clients are checked against revocation lists.
	lists bool
}

// mayStay reports whether s, the previous settings, can replace the next ones
// if those could not be made: not if clients would be checked less strictly.
func (s *settings) mayStay(next *settings) bool { return s.err == nil && (s.lists || !next.lists) }

// newTerminator reads the certificates of a listener's servers. If that fails
// for a server, its settings in before stay, if they may. before may be nil.
func newTerminator(l *gateway.Listener, servers []spec.Server, credentials credentials, before *terminator) *terminator {
	t := &terminator{listener: l, byTerms: map[string]*settings{}, credentials: credentials}
	var all strings.Builder
	for i := range servers {
		s := &servers[i]
		terms := termsOf(s.TLS)
		fmt.Fprintf(&all, "%q %s\n", s.Hosts, terms)
		made := newSettings(s.TLS, s.Hosts, credentials)
		if made.problem != nil {
			stays := false
			if before != nil {
				if old := before.byTerms[terms]; old != nil && old.mayStay(&made.settings) {
					made.settings, stays = *old, true
				}
			}
			t.report(s, made, stays)
		}
		for _, w := range made.remarks {
			t.findings = append(t.findings, tlsFinding{Finding: s.Origin.At(w.field, w.text)})
		}
		for _, c := range made.shown {
			t.certificates = append(t.certificates, observe.Certificate{
				Gateway: strings.TrimPrefix(s.Namespace+"/"+s.Gateway, "/"), Port: s.Port, Hosts: s.Hosts, Names: certificate.Names(c), Serial: c.SerialNumber.Text(16), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
			})
		}
		t.byTerms[terms] = &made.settings
	}
	t.terms = all.String()
	return t
}

// report reports a server whose settings could not be made. stays means that what was read
// before is used.
func (t *terminator) report(s *spec.Server, made *made, stays bool) {
	if stays {
		t.findings = append(t.findings, tlsFinding{Finding: s.Origin.At(made.field, fmt.Sprintf("%v: what was read before stays", made.problem))})
		return
	}
	f := s.Origin.At(made.field, fmt.Sprintf("%v: no client can connect", made.problem))
	f.Code = spec.CodeInvalid
	var absent missingCredential
	if errors.As(made.problem, &absent) || errors.Is(made.problem, fs.ErrNotExist) {
		f.Code = spec.CodeNotFound
	}
	t.findings = append(t.findings, tlsFinding{f, true})
}

// sameTerms reports whether t would accept the clients that other accepted.
func (t *terminator) sameTerms(other *terminator) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.terms == other.terms
}

// unknownName is for clients that ask for a name that no server has. Without a certificate
// package tls sends them the alert unrecognized_name.
var unknownName = &tls.Config{MinVersion: tls.VersionTLS12}

// config returns the settings for a client that asks for a server's name.
func (t *terminator) config(serverName string) (*tls.Config, error) {
	s, ok := t.listener.Server(serverName)
	if !ok {
		return unknownName, nil
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
	config := &tls.Config{NextProtos: []string{"h2", "http/1.1"}, CipherSuites: defaultSuites}
	m.versions(config, t)
	named, field := m.certificates(config, t, credentials)
	m.clients(config, t, credentials)
	if m.problem != nil {
		m.err = m.problem
		return m
	}
	m.config = config
	m.remarkOn(named, field, hosts)
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
		cert, doubt, err := c.certificate()
		if err != nil {
			m.fail(field, fmt.Errorf("%s%w", prefix, err))
		}
		if doubt != nil {
			m.remarks = append(m.remarks, remark{field, fmt.Sprintf("%s%v", prefix, doubt)})
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
	for i := range shown {
		m.shown = append(m.shown, shown[i].Leaf)
	}
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
		for _, problem := range []string{certificate.DateProblem(leaves[i], time.Now()), certificate.WeakProblem(leaves[i])} {
			if problem != "" {
				m.remarks = append(m.remarks, remark{field, problem})
			}
		}
	}
	if problem := certificate.HostProblem(leaves, hosts); problem != "" {
		m.remarks = append(m.remarks, remark{field, problem})
	}
}

// A missingCredential is the error of a name that no credential has.
type missingCredential string

func (m missingCredential) Error() string { return fmt.Sprintf("there is no credential %q", string(m)) }

func missing(credential string) error { return missingCredential(credential) }

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
	if len(t.CipherSuites) > 0 {
		config.CipherSuites = nil
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
