package istio

import (
	"fmt"
	"time"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/lateengo/gateway"
)

// servers returns the servers of a Gateway, in order.
func (r *reader) servers(m *networking.Gateway, created time.Time) []gateway.Server {
	if len(m.Servers) == 0 && !r.isBroken() {
		r.errorAt("spec.servers", "is missing: a Gateway needs at least one server")
	}
	servers := make([]gateway.Server, 0, len(m.Servers))
	for i, s := range m.Servers {
		servers = append(servers, gateway.Server{
			Gateway:   r.origin.Name,
			Namespace: r.origin.Namespace,
			Name:      s.GetName(),
			Port:      int(s.GetPort().GetNumber()),
			PortName:  s.GetPort().GetName(),
			Protocol:  s.GetPort().GetProtocol(),
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

func serverTLS(m *networking.ServerTLSSettings) *gateway.ServerTLS {
	if m == nil {
		return nil
	}
	return &gateway.ServerTLS{
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
		MinVersion:            tlsVersion(m.MinProtocolVersion),
		MaxVersion:            tlsVersion(m.MaxProtocolVersion),
		CipherSuites:          m.CipherSuites,
		SubjectAltNames:       m.SubjectAltNames,
		VerifyCertificateSPKI: m.VerifyCertificateSpki,
		VerifyCertificateHash: m.VerifyCertificateHash,
	}
}

func tlsCertificates(list []*networking.ServerTLSSettings_TLSCertificate) []gateway.TLSCertificate {
	var out []gateway.TLSCertificate
	for _, m := range list {
		out = append(out, gateway.TLSCertificate{ServerCertificate: m.GetServerCertificate(), PrivateKey: m.GetPrivateKey()})
	}
	return out
}

var tlsModes = map[networking.ServerTLSSettings_TLSmode]gateway.TLSMode{
	networking.ServerTLSSettings_PASSTHROUGH:      gateway.TLSPassthrough,
	networking.ServerTLSSettings_SIMPLE:           gateway.TLSSimple,
	networking.ServerTLSSettings_MUTUAL:           gateway.TLSMutual,
	networking.ServerTLSSettings_AUTO_PASSTHROUGH: gateway.TLSAutoPassthrough,
	networking.ServerTLSSettings_ISTIO_MUTUAL:     gateway.TLSIstioMutual,
	networking.ServerTLSSettings_OPTIONAL_MUTUAL:  gateway.TLSOptionalMutual,
}

func tlsVersion(v networking.ServerTLSSettings_TLSProtocol) string {
	if v == networking.ServerTLSSettings_TLS_AUTO {
		return ""
	}
	return v.String()
}
