package gateway

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/suggest"
)

// tlsVersions are the protocol versions, oldest first.
var tlsVersions = []string{"TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"}

var tlsModes = []string{"PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"}

func (v *validator) serverTLS(s *site, server *Server) {
	t := server.TLS
	secure := isSecure(server)
	tls := s.field("tls")
	if t == nil {
		if secure {
			tls.errorf("protocol %s needs TLS settings, and there are none", strings.ToUpper(server.Protocol))
		}
		return
	}
	files := t.ServerCertificate != "" || t.PrivateKey != "" || t.CACertificates != ""
	mode := s.field("tls.mode")
	if int(t.Mode) >= len(tlsModes) {
		mode.errorf("%d is not a mode of TLS", t.Mode)
		return
	}
	if !secure {
		switch {
		case t.Mode != TLSPassthrough:
			mode.errorf("%s is a mode of TLS, but the port serves plain text: only httpsRedirect goes with it", tlsModes[t.Mode])
		case files:
			tls.errorf("there are certificates, but the port serves plain text: only httpsRedirect goes with it")
		}
		return
	}
	if t.HTTPSRedirect {
		e := s.field("tls.httpsRedirect")
		e.warnf(codeSchema, "has no effect on a server of protocol HTTPS: it belongs to the server of plain HTTP")
	}
	v.certificates(s, t, files)
	v.tlsVersions(s, t)
	for i, suite := range t.CipherSuites {
		if slices.Contains(t.CipherSuites[:i], suite) {
			e := s.element("tls.cipherSuites", i)
			e.warnf(codeSchema, "%q is listed twice", suite)
		}
	}
}

// certificates validates where a TLS server's certificates come from.
func (v *validator) certificates(s *site, t *ServerTLS, files bool) {
	tls := s.field("tls")
	mode := s.field("tls.mode")
	sources := 0
	for _, given := range []bool{t.CredentialName != "", len(t.CredentialNames) > 0, files} {
		if given {
			sources++
		}
	}
	if sources > 1 {
		tls.errorf("certificates come from one of credentialName, credentialNames and files, but %d are given", sources)
		return
	}
	switch t.Mode {
	case TLSPassthrough, TLSAutoPassthrough:
		mode.warnf("", "%s forwards the connection as it is: no HTTP route applies", tlsModes[t.Mode])
		if sources > 0 {
			tls.warnf(codeSchema, "the certificates are not used: the mode is %s", tlsModes[t.Mode])
		}
	case TLSIstioMutual:
		if sources > 0 {
			tls.errorf("ISTIO_MUTUAL uses the workload's certificate: no other may be given")
		}
	default:
		v.certificateFiles(s, t)
	}
}

func (v *validator) certificateFiles(s *site, t *ServerTLS) {
	if t.CredentialName != "" || len(t.CredentialNames) > 0 {
		if len(t.CredentialNames) > 2 {
			e := s.field("tls.credentialNames")
			e.warnf(codeSchema, "there are %d certificates: only the first 2 are used", len(t.CredentialNames))
		}
		return
	}
	missing := func(field, value string) {
		if value == "" {
			e := s.field("tls." + field)
			e.errorf("%s needs it, or a credentialName", tlsModes[t.Mode])
		}
	}
	missing("serverCertificate", t.ServerCertificate)
	missing("privateKey", t.PrivateKey)
	if t.Mode != TLSSimple {
		missing("caCertificates", t.CACertificates)
	}
}

func (v *validator) tlsVersions(s *site, t *ServerTLS) {
	version := func(field, value string, none int) int {
		if value == "" || value == "TLS_AUTO" {
			return none
		}
		i := slices.Index(tlsVersions, value)
		if i < 0 {
			e := s.field("tls." + field)
			e.suggestf(suggest.Closest(value, tlsVersions), "%q is not a version of TLS: one of %s is expected", value, strings.Join(tlsVersions, ", "))
		}
		return i
	}
	lowest := version("minProtocolVersion", t.MinVersion, 2)
	highest := version("maxProtocolVersion", t.MaxVersion, 3)
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
