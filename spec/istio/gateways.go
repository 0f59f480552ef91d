package istio

import (
	"fmt"
	"time"

	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

// servers returns the servers of a Gateway, in order.
func (r *reader) servers(m *networking.Gateway, created time.Time) []spec.Server {
	if len(m.Servers) == 0 && !r.isBroken() {
		r.errorAt(spec.CodeMissing, "spec.servers", "is missing: a Gateway needs at least one server")
	}
	servers := make([]spec.Server, 0, len(m.Servers))
	for i, s := range m.Servers {
		servers = append(servers, spec.Server{
			Gateway:   r.origin.Name,
			Namespace: r.origin.Namespace,
			Name:      s.GetName(),
			Port:      int(s.GetPort().GetNumber()),
			PortName:  s.GetPort().GetName(),
			Protocol:  spec.Protocol(s.GetPort().GetProtocol()),
			Bind:      s.GetBind(),
			Hosts:     s.GetHosts(),
			TLS:       serverTLS(s.GetTls()),
			Selector:  m.Selector,
			Created:   created,
			Origin:    r.below(fmt.Sprintf("spec.servers[%d]", i)),
		})
	}
	return servers
}

func serverTLS(m *networking.ServerTLSSettings) *spec.ServerTLS {
	if m == nil {
		return nil
	}
	return &spec.ServerTLS{
		HTTPSRedirect:         m.HttpsRedirect,
		Mode:                  tlsModes[m.Mode],
		CredentialName:        m.CredentialName,
		CredentialNames:       m.CredentialNames,
		CACertCredentialName:  m.CaCertCredentialName,
		ServerCertificate:     m.ServerCertificate,
		PrivateKey:            m.PrivateKey,
		CACertificates:        m.CaCertificates,
		TLSCertificates:       tlsCertificates(m.TlsCertificates),
		CACRL:                 m.CaCrl,
		MinVersion:            spec.TLSVersion(tlsVersion(m.MinProtocolVersion)),
		MaxVersion:            spec.TLSVersion(tlsVersion(m.MaxProtocolVersion)),
		CipherSuites:          m.CipherSuites,
		SubjectAltNames:       m.SubjectAltNames,
		VerifyCertificateSPKI: m.VerifyCertificateSpki,
		VerifyCertificateHash: m.VerifyCertificateHash,
	}
}

func tlsCertificates(list []*networking.ServerTLSSettings_TLSCertificate) []spec.TLSCertificate {
	var out []spec.TLSCertificate
	for _, m := range list {
		out = append(out, spec.TLSCertificate{ServerCertificate: m.GetServerCertificate(), PrivateKey: m.GetPrivateKey()})
	}
	return out
}

var tlsModes = map[networking.ServerTLSSettings_TLSmode]spec.TLSMode{
	networking.ServerTLSSettings_PASSTHROUGH:      spec.TLSPassthrough,
	networking.ServerTLSSettings_SIMPLE:           spec.TLSSimple,
	networking.ServerTLSSettings_MUTUAL:           spec.TLSMutual,
	networking.ServerTLSSettings_AUTO_PASSTHROUGH: spec.TLSAutoPassthrough,
	networking.ServerTLSSettings_ISTIO_MUTUAL:     spec.TLSIstioMutual,
	networking.ServerTLSSettings_OPTIONAL_MUTUAL:  spec.TLSOptionalMutual,
}

func tlsVersion(v networking.ServerTLSSettings_TLSProtocol) string {
	if v == networking.ServerTLSSettings_TLS_AUTO {
		return ""
	}
	return v.String()
}
