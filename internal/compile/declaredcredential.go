package compile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/certificate"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/revocation"
	"github.com/lateengo/gateway/spec"
)

// caSuffix is the end of the name of a secret that has the authorities for another
// secret.
const caSuffix = "-cacert"

// secretScheme may begin a credentialName.
const secretScheme = "kubernetes://"

// A credentialIndex finds declared credentials. Their text is read when they are named.
type credentialIndex struct {
	byName map[resource.Name]*spec.Credential
	opened map[*spec.Credential]*declaredCredential
}

// A declaredCredential is what the text of a credential has.
type declaredCredential struct {
	program.Credential
	// authoritiesSum and revokedSum identify the texts of both.
	authoritiesSum, revokedSum [sha256.Size]byte
	// problems are why there is no certificate, are no authorities and no lists,
	// although there is a text.
	certificateProblem, authoritiesProblem, listsProblem error
}

func (c *Compiler) indexCredentials() {
	c.credentials = credentialIndex{map[resource.Name]*spec.Credential{}, map[*spec.Credential]*declaredCredential{}}
	for i := range c.D.Credentials {
		d := &c.D.Credentials[i]
		// As with kubectl apply, the last one of a name is used.
		c.credentials.byName[resource.Name{Namespace: cmp.Or(d.Namespace, c.O.Namespace), Name: d.Name}] = d
	}
}

// declared returns the declared credential with a name, as istiod finds it for the
// workload, or nil.
func (c *Compiler) declared(name string) *spec.Credential {
	n, ok := c.secretName(name)
	if !ok || n.Namespace != c.O.Workload.Namespace {
		return nil
	}
	return c.credentials.byName[n]
}

// secretName returns the name of the secret that a credentialName means: "name",
// "namespace/name", or one of both after "kubernetes://". ok is false for another form.
func (c *Compiler) secretName(name string) (n resource.Name, ok bool) {
	name = strings.TrimPrefix(name, secretScheme)
	if strings.Contains(name, "://") {
		return n, false
	}
	if namespace, rest, found := strings.Cut(name, "/"); found {
		return resource.Name{Namespace: namespace, Name: rest}, true
	}
	return resource.Name{Namespace: c.O.Workload.Namespace, Name: name}, true
}

// open reads the text of a declared credential, and warns once of what is wrong with it.
func (c *Compiler) open(d *spec.Credential) *declaredCredential {
	if known := c.credentials.opened[d]; known != nil {
		return known
	}
	o := new(declaredCredential)
	c.credentials.opened[d] = o
	at := c.At(named(d.Origin, "Credential", d.Namespace, d.Name))
	o.certificate(d, at)
	if !d.CACertificates.IsZero() {
		text, err := d.CACertificates.Bytes()
		o.CAs = x509.NewCertPool()
		if err == nil && !o.CAs.AppendCertsFromPEM(text) {
			err = errors.New("it contains no certificate in PEM form")
		}
		if err != nil {
			o.CAs, o.authoritiesProblem = nil, errors.New("its authorities cannot be used")
			warnOfPEM(at, d.CACertificates, "CACertificates", "the authorities cannot be read: %v", err)
		}
		o.authoritiesSum = sha256.Sum256(text)
	}
	if !d.CRL.IsZero() {
		text, err := d.CRL.Bytes()
		if err == nil {
			o.CRLs, err = revocation.Parse(text)
		}
		if err != nil {
			// A list that cannot be read must not let anyone in.
			o.CRLs, o.listsProblem = []*x509.RevocationList{}, errors.New("its lists of revoked certificates cannot be used")
			warnOfPEM(at, d.CRL, "CRL", "the lists of revoked certificates cannot be read: %v", err)
		}
		o.revokedSum = sha256.Sum256(text)
	}
	return o
}

// warnOfPEM warns of a text of a credential.
func warnOfPEM(at findings.Place, p spec.PEM, field, format string, args ...any) {
	at.Field(cmp.Or(p.Field(), field)).Warnf("", format, args...)
}

// certificate reads the certificate and its key.
func (o *declaredCredential) certificate(d *spec.Credential, at findings.Place) {
	fail := func(p spec.PEM, field, format string, args ...any) {
		o.certificateProblem = errors.New("its certificate cannot be used")
		warnOfPEM(at, p, field, format, args...)
	}
	switch {
	case d.Certificate.IsZero() && d.Key.IsZero():
		return
	case d.Key.IsZero():
		fail(d.Certificate, "Certificate", "the certificate has no key: tls.key is expected beside tls.crt, or key beside cert")
		return
	case d.Certificate.IsZero():
		fail(d.Key, "Key", "the key has no certificate: tls.crt is expected beside tls.key, or cert beside key")
		return
	}
	chain, err := d.Certificate.Bytes()
	if err == nil && !hasBlock(chain, func(kind string) bool { return kind == "CERTIFICATE" }) {
		err = errors.New("it contains no certificate in PEM form")
	}
	if err != nil {
		fail(d.Certificate, "Certificate", "the certificate cannot be read: %v", err)
		return
	}
	key, err := d.Key.Bytes()
	switch {
	case err != nil:
	case bytes.Contains(key, []byte("ENCRYPTED")):
		err = errors.New("it is encrypted with a password")
	case !hasBlock(key, func(kind string) bool { return kind == "PRIVATE KEY" || strings.HasSuffix(kind, " PRIVATE KEY") }):
		err = errors.New("it contains no private key in PEM form")
	}
	if err != nil {
		fail(d.Key, "Key", "the key cannot be read: %v", err)
		return
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		// The errors of package tls may quote the text.
		if _, unreadable := x509.ParseCertificate(firstCertificate(chain)); unreadable != nil {
			fail(d.Certificate, "Certificate", "the certificate cannot be read: it is damaged")
		} else {
			fail(d.Key, "Key", "the key is not the one of the certificate, or it is damaged")
		}
		return
	}
	o.Certificate = &pair
	for _, problem := range []string{certificate.DateProblem(pair.Leaf, time.Now()), certificate.WeakProblem(pair.Leaf)} {
		if problem != "" {
			warnOfPEM(at, d.Certificate, "Certificate", "%s", problem)
		}
	}
	if d.OCSPStaple.IsZero() {
		return
	}
	staple, err := d.OCSPStaple.Bytes()
	if err == nil {
		err = certificate.CheckStaple(staple, pair.Leaf, time.Now())
	}
	if err != nil {
		warnOfPEM(at, d.OCSPStaple, "OCSPStaple", "the OCSP staple is not used: %v", err)
		return
	}
	pair.OCSPStaple = staple
}

func hasBlock(text []byte, wanted func(kind string) bool) bool {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return false
		}
		if wanted(block.Type) {
			return true
		}
	}
}

// firstCertificate returns the contents of the first certificate.
func firstCertificate(text []byte) []byte {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil
		}
		if block.Type == "CERTIFICATE" {
			return block.Bytes
		}
	}
}

// serverCredentials returns the declared credentials that served TLS servers name, by
// their names without "kubernetes://", and warns of those that do not fit.
func (c *Compiler) serverCredentials(listeners []*program.Listener) map[string]program.Credential {
	if len(c.D.Credentials) == 0 && len(c.D.Skipped) == 0 {
		return nil
	}
	out := map[string]program.Credential{}
	add := func(name string) *declaredCredential {
		d := c.declared(name)
		if d == nil {
			return nil
		}
		o := c.open(d)
		out[strings.TrimPrefix(name, secretScheme)] = o.Credential
		return o
	}
	for _, l := range listeners {
		for _, ch := range l.Order {
			c.serverCredential(&ch.Server, add)
		}
	}
	return out
}

// serverCredential adds the credentials of a server.
func (c *Compiler) serverCredential(s *spec.Server, add func(name string) *declaredCredential) {
	t := s.TLS
	if t == nil {
		return
	}
	names, field := t.CredentialNames, "credentialNames"
	switch {
	case t.Mode == spec.TLSIstioMutual:
		return
	case len(names) == 0 && t.CredentialName == "":
		return
	case len(names) == 0:
		names, field = []string{t.CredentialName}, "credentialName"
	}
	names = names[:min(resource.MaxCertificates, len(names))]
	at := c.At(named(s.Origin, "Gateway", s.Namespace, s.Gateway)).Field("tls")
	var shown []*x509.Certificate
	for _, name := range names {
		if c.registered(name) {
			continue
		}
		o := add(name)
		switch {
		case o == nil:
			c.misplacedSecret(at.Field(field), name)
		case o.Certificate != nil:
			shown = append(shown, o.Certificate.Leaf)
		case o.certificateProblem == nil:
			at.Field(field).Warnf("", "the Secret %s%s has no certificate: tls.crt and tls.key, or cert and key, are expected", name, c.secretPlace(c.declared(name)))
		}
	}
	if problem := certificate.HostProblem(shown, s.Hosts); problem != "" && len(shown) == len(names) {
		at.Field(field).Warnf("", "%s", problem)
	}
	if !resource.VerifiesClients(t) {
		return
	}
	name := names[0]
	if t.CACertCredentialName != "" {
		name, field = t.CACertCredentialName, "caCertCredentialName"
	}
	name = strings.TrimSuffix(name, caSuffix)
	if c.registered(name) || c.registered(name+caSuffix) {
		return
	}
	o := add(name + caSuffix)
	if o == nil {
		o = add(name)
	}
	switch {
	case o == nil && field == "caCertCredentialName":
		c.misplacedSecret(at.Field(field), t.CACertCredentialName)
	case o != nil && o.CAs == nil && o.authoritiesProblem == nil:
		at.Field(field).Warnf("", "no Secret has the authorities for the certificates of clients: ca.crt or cacert is expected in %s%s or in %s", name, caSuffix, name)
	}
}

// registered reports whether a credential is registered for a name.
func (c *Compiler) registered(name string) bool {
	if _, ok := c.O.Credentials[name]; ok {
		return true
	}
	_, ok := c.O.Credentials[strings.TrimPrefix(name, secretScheme)]
	return ok
}

// misplacedSecret warns of a secret that has the name of a credential and cannot be used.
func (c *Compiler) misplacedSecret(at findings.Place, name string) {
	if problem := c.unusedSecret(name); problem != "" {
		at.Warnf("", "%s", problem)
	}
}

// unusedSecret returns why a secret with the name of a credential cannot be used, or ""
// if there is none.
func (c *Compiler) unusedSecret(name string) string {
	n, ok := c.secretName(name)
	if !ok {
		return ""
	}
	for i := range c.D.Skipped {
		s := &c.D.Skipped[i]
		if s.Kind == "Secret" && s.APIVersion == "v1" && s.Origin.Name == n.Name && s.Origin.Namespace == n.Namespace && n.Namespace == c.O.Workload.Namespace {
			return fmt.Sprintf("the Secret %s at %s:%d has none of the keys that Istio reads: tls.crt and tls.key, or cert and key, are expected", n, s.Origin.File, s.Origin.Line)
		}
	}
	for i := range c.D.Credentials {
		d := &c.D.Credentials[i]
		if namespace := cmp.Or(d.Namespace, c.O.Namespace); d.Name == n.Name && namespace != c.O.Workload.Namespace {
			return fmt.Sprintf("the Secret %s%s is in the namespace %s and is not used: the gateway runs in %s, and uses only Secrets of its own namespace",
				d.Name, c.secretPlace(d), namespace, c.O.Workload.Namespace)
		}
	}
	return ""
}

// noCredential is the error of a name without a credential.
func (c *Compiler) noCredential(name string) error {
	if problem := c.unusedSecret(name); problem != "" {
		return errors.New(problem)
	}
	if len(c.D.Credentials) > 0 {
		return fmt.Errorf("no credential %q is registered, and the namespace %s has no such Secret", name, c.O.Workload.Namespace)
	}
	return fmt.Errorf("no credential %q is registered", name)
}

// secretPlace returns " at file:line" of a credential, if that is known.
func (c *Compiler) secretPlace(d *spec.Credential) string {
	if d == nil || d.Origin.File == "" {
		return ""
	}
	return " at " + d.Origin.File + ":" + itoa(d.Origin.Line)
}
