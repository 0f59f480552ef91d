package istio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
	networking "istio.io/api/networking/v1alpha3"
)

// A gatewayName identifies a Gateway.
type gatewayName struct{ namespace, name string }

// from returns how a VirtualService of a namespace names the gateway.
func (g gatewayName) from(namespace string) string {
	if g.namespace == namespace {
		return g.name
	}
	return g.namespace + "/" + g.name
}

// gatewayOf returns the name of a server's Gateway.
func (w *writer) gatewayOf(s *spec.Server) gatewayName {
	return gatewayName{cmp.Or(s.Namespace, w.options.Namespace), s.Gateway}
}

// writeGateways writes the servers of each Gateway as one document.
func (w *writer) writeGateways() {
	servers := map[gatewayName][]*spec.Server{}
	var order []gatewayName
	for i := range w.declared.Servers {
		s := &w.declared.Servers[i]
		g := w.gatewayOf(s)
		if servers[g] == nil {
			order = append(order, g)
		}
		servers[g] = append(servers[g], s)
	}
	for _, g := range order {
		first := servers[g][0]
		name := g.name
		unnamed := name == ""
		if unnamed {
			for i := 1; name == "" || servers[gatewayName{g.namespace, name}] != nil; i++ {
				name = numbered("gateway", i)
			}
		}
		doc := w.document(first.Origin, networkingGroup+"/v1", "Gateway", g.namespace, name, first.Created)
		if unnamed {
			w.note(doc, "metadata.name", "the Gateway had no name")
		}
		w.gateways = append(w.gateways, gatewayName{g.namespace, name})
		m := &networking.Gateway{Selector: first.Selector}
		for i, s := range servers[g] {
			doc.servers = append(doc.servers, s.Origin)
			path := fmt.Sprintf("spec.servers[%d]", i)
			if !maps.Equal(s.Selector, first.Selector) {
				w.lost(doc, path, "the selector is not that of the first server: a Gateway has one selector")
			}
			if !s.Created.Equal(first.Created) {
				w.lost(doc, path, "the age is not that of the first server: a Gateway has one age")
			}
			m.Servers = append(m.Servers, w.server(doc, path, s))
		}
		doc.content.set("spec", messageValue(m))
	}
	w.implicitGateway()
}

// implicitGateway writes the Gateway that stands for every gateway if there is none. Without
// the name "*", which only Go has, there is no such Gateway: then VirtualServices are for
// the mesh, and Lateen serves them as a sidecar does.
func (w *writer) implicitGateway() {
	if len(w.declared.Servers) > 0 || !slices.ContainsFunc(w.declared.VirtualServices, func(vs spec.VirtualService) bool {
		return len(vs.Hosts) > 0 && slices.Contains(vs.Gateways, "*")
	}) {
		return
	}
	g := gatewayName{w.options.Namespace, "gateway"}
	doc := w.document(spec.Origin{}, networkingGroup+"/v1", "Gateway", g.namespace, g.name, time.Time{})
	doc.comment("", "There was no Gateway: Lateen then serves port 80, and Istio nothing. Without a selector, this Gateway is for all gateway workloads.")
	doc.content.set("spec", messageValue(&networking.Gateway{Servers: []*networking.Server{{
		Port: &networking.Port{Number: 80, Name: "http", Protocol: "HTTP"}, Hosts: []string{"*"},
	}}}))
	w.gateways = append(w.gateways, g)
	w.implicit = true
}

func (w *writer) server(doc *written, path string, s *spec.Server) *networking.Server {
	port := &networking.Port{Number: number32[uint32](w, doc, path+".port.number", s.Port), Name: s.PortName, Protocol: string(s.Protocol)}
	// Istio needs both. In Go they have defaults.
	if port.Protocol == "" {
		port.Protocol = string(spec.ProtocolHTTP)
		if resource.IsSecure(s) {
			port.Protocol = string(spec.ProtocolHTTPS)
		}
	}
	if port.Name == "" {
		port.Name = fmt.Sprintf("%s-%d", strings.ToLower(port.Protocol), s.Port)
	}
	return &networking.Server{
		Port: port,
		Bind: s.Bind, Hosts: s.Hosts, Name: s.Name,
		Tls: w.serverTLS(doc, path+".tls", s.TLS),
	}
}

func (w *writer) serverTLS(doc *written, path string, t *spec.ServerTLS) *networking.ServerTLSSettings {
	if t == nil {
		return nil
	}
	m := &networking.ServerTLSSettings{
		HttpsRedirect:         t.HTTPSRedirect,
		Mode:                  w.tlsMode(doc, path+".mode", t.Mode),
		CredentialName:        t.CredentialName,
		CredentialNames:       t.CredentialNames,
		CaCertCredentialName:  t.CACertCredentialName,
		ServerCertificate:     t.ServerCertificate,
		PrivateKey:            t.PrivateKey,
		CaCertificates:        t.CACertificates,
		CaCrl:                 t.CACRL,
		MinProtocolVersion:    w.tlsProtocol(doc, path+".minProtocolVersion", t.MinVersion),
		MaxProtocolVersion:    w.tlsProtocol(doc, path+".maxProtocolVersion", t.MaxVersion),
		CipherSuites:          t.CipherSuites,
		SubjectAltNames:       t.SubjectAltNames,
		VerifyCertificateSpki: t.VerifyCertificateSPKI,
		VerifyCertificateHash: t.VerifyCertificateHash,
	}
	for _, c := range t.TLSCertificates {
		m.TlsCertificates = append(m.TlsCertificates, &networking.ServerTLSSettings_TLSCertificate{ServerCertificate: c.ServerCertificate, PrivateKey: c.PrivateKey})
	}
	return m
}

// tlsMode returns Istio's mode. No mode is PASSTHROUGH, as it is for Istio.
func (w *writer) tlsMode(doc *written, path string, mode spec.TLSMode) networking.ServerTLSSettings_TLSmode {
	for m, of := range tlsModes {
		if of == mode {
			return m
		}
	}
	if mode != spec.TLSUnset {
		w.lost(doc, path, fmt.Sprintf("%d is not a mode of TLS", mode))
	}
	return networking.ServerTLSSettings_PASSTHROUGH
}

func (w *writer) tlsProtocol(doc *written, path string, v spec.TLSVersion) networking.ServerTLSSettings_TLSProtocol {
	n, ok := networking.ServerTLSSettings_TLSProtocol_value[string(v)]
	if v != "" && !ok {
		w.lost(doc, path, fmt.Sprintf("%q is not a version of TLS", v))
	}
	return networking.ServerTLSSettings_TLSProtocol(n)
}
