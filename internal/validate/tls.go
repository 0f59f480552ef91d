package validate

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// tlsVersions are the protocol versions, oldest first.
var tlsVersions = []string{"TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"}

func (v *validator) serverTLS(s *site, server *spec.Server) {
	t := server.TLS
	secure := resource.IsSecure(server)
	tls := s.field("tls")
	if t == nil {
		if secure {
			tls.errorf(spec.CodeMissing, "protocol %s needs TLS settings, and there are none", strings.ToUpper(string(server.Protocol)))
		}
		return
	}
	mode := s.field("tls.mode")
	if int(t.Mode) >= len(resource.TLSModes) {
		mode.errorf(spec.CodeInvalid, "%d is not a mode of TLS", t.Mode)
		return
	}
	if !secure {
		switch {
		case t.Mode != spec.TLSPassthrough && t.Mode != spec.TLSUnset:
			mode.errorf(spec.CodeConflict, "%s is a mode of TLS, but the port serves plain text: only httpsRedirect can be used with it", resource.TLSModes[t.Mode])
		case resource.HasFiles(t) || len(t.TLSCertificates) > 0:
			tls.errorf(spec.CodeConflict, "there are certificates, but the port serves plain text: only httpsRedirect can be used with it")
		}
		v.idleForClients(s, t, t.CACRL != "", "the port serves plain text")
		return
	}
	if t.Mode == spec.TLSUnset {
		mode.errorf(spec.CodeMissing, "the mode is missing: one of %s is expected", strings.Join(resource.TLSModes[1:], ", "))
		return
	}
	if t.HTTPSRedirect {
		e := s.field("tls.httpsRedirect")
		e.warnf(codeSchema, "has no effect on a server of protocol HTTPS: it belongs to the server of plain HTTP")
	}
	v.certificates(s, t)
	v.clientCertificates(s, t)
	v.tlsVersions(s, t)
	for i, suite := range t.CipherSuites {
		if slices.Contains(t.CipherSuites[:i], suite) {
			e := s.element("tls.cipherSuites", i)
			e.warnf(codeSchema, "%q is listed twice", suite)
		}
	}
}

// certificates validates the source of a TLS server's certificates.
func (v *validator) certificates(s *site, t *spec.ServerTLS) {
	tls := s.field("tls")
	sources := 0
	for _, given := range []bool{t.CredentialName != "", len(t.CredentialNames) > 0, len(t.TLSCertificates) > 0, resource.HasFiles(t)} {
		if given {
			sources++
		}
	}
	if sources > 1 {
		tls.errorf(spec.CodeConflict, "certificates come from one of credentialName, credentialNames, tlsCertificates and files, but %d are given", sources)
		return
	}
	switch t.Mode {
	case spec.TLSPassthrough, spec.TLSAutoPassthrough:
		if sources > 0 {
			tls.warnf(codeSchema, "the certificates are not used: the mode is %s", resource.TLSModes[t.Mode])
		}
	case spec.TLSIstioMutual:
		if sources > 0 {
			tls.errorf(spec.CodeConflict, "ISTIO_MUTUAL uses the workload's certificate: no other may be given")
		}
	default:
		v.usedCertificates(s, "tls.credentialNames", len(t.CredentialNames))
		v.usedCertificates(s, "tls.tlsCertificates", len(t.TLSCertificates))
		if !resource.HasCredential(t) {
			v.certificateFiles(s, t)
		}
	}
}

func (v *validator) usedCertificates(s *site, list string, n int) {
	if n > resource.MaxCertificates {
		e := s.field(list)
		e.warnf(codeSchema, "there are %d certificates: only the first %d are used", n, resource.MaxCertificates)
	}
}

func (v *validator) certificateFiles(s *site, t *spec.ServerTLS) {
	missing := func(at site, field, value string) {
		if value == "" {
			e := at.field(field)
			e.errorf(spec.CodeMissing, "%s needs it, or a credentialName", resource.TLSModes[t.Mode])
		}
	}
	tls := s.field("tls")
	if len(t.TLSCertificates) == 0 {
		missing(tls, "serverCertificate", t.ServerCertificate)
		missing(tls, "privateKey", t.PrivateKey)
	}
	for i, c := range t.TLSCertificates {
		at := s.element("tls.tlsCertificates", i)
		missing(at, "serverCertificate", c.ServerCertificate)
		missing(at, "privateKey", c.PrivateKey)
	}
	if t.Mode != spec.TLSSimple {
		missing(tls, "caCertificates", t.CACertificates)
	}
}

func (v *validator) tlsVersions(s *site, t *spec.ServerTLS) {
	version := func(field, value string, none int) int {
		if value == "" || value == "TLS_AUTO" {
			return none
		}
		i := slices.Index(tlsVersions, value)
		if i < 0 {
			e := s.field("tls." + field)
			e.suggestf(spec.CodeInvalid, suggest.Closest(value, tlsVersions), "%q is not a version of TLS: one of %s is expected", value, strings.Join(tlsVersions, ", "))
		}
		return i
	}
	lowest := version("minProtocolVersion", string(t.MinVersion), 2)
	highest := version("maxProtocolVersion", string(t.MaxVersion), 3)
	if lowest < 0 || highest < 0 {
		return
	}
	e := s.field("tls.minProtocolVersion")
	switch {
	case lowest > highest:
		e.warnf("", "%s is above the highest version, %s: no client can connect", tlsVersions[lowest], tlsVersions[highest])
	case lowest < 2 && len(t.CipherSuites) == 0:
		e.warnf(codeSchema, "%s needs cipherSuites that it can use: the default ones are for TLSV1_2 and up", tlsVersions[lowest])
	}
}
