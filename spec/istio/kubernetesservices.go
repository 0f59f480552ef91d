package istio

import (
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// A kubernetesService is a Service that waits for its endpoints, which other objects
// have.
type kubernetesService struct {
	spec.Service
	// broken means that some fields could not be read.
	broken bool
	// targetNames are the names of target ports, by the names of ports.
	targetNames map[string]string
	selector    map[string]string
	// family is the address type of its first IP family, or "".
	family string
}

// clusterDomain is the end of the hosts of Services.
const clusterDomain = ".svc.cluster.local"

const exportToAnnotation = "networking.istio.io/exportTo"

// kubernetesService reads a Service.
func (l *loader) kubernetesService(r *reader, v *value) bool {
	if !r.identified(v) {
		return true
	}
	for _, part := range []struct{ field, text string }{{"metadata.name", r.origin.Name}, {"metadata.namespace", r.origin.Namespace}} {
		if !isDNSLabel(part.text) {
			r.warnAt(part.field, "", quote(part.text)+" is not a name that Kubernetes accepts: small letters, digits and inner hyphens are expected; the Service is skipped")
			return true
		}
	}
	r.origin.Path = "spec"
	s := &kubernetesService{Service: spec.Service{
		Name: r.origin.Name, Namespace: r.origin.Namespace,
		Hosts:      []string{r.origin.Name + "." + r.origin.Namespace + clusterDomain},
		Resolution: spec.ResolveStatic, Internal: true, Kubernetes: true,
		Created: r.created(v), Origin: r.origin,
	}}
	r.part(v, "metadata", object, func(m *value) {
		r.part(m, "annotations", object, func(a *value) {
			e, _ := a.field(exportToAnnotation)
			if e == nil {
				return
			}
			r.enterKey(exportToAnnotation)
			defer r.leave()
			text, _ := r.text(e)
			for entry := range strings.SplitSeq(text, ",") {
				if entry = strings.TrimSpace(entry); entry != "" {
					s.ExportTo = append(s.ExportTo, entry)
				}
			}
		})
	})
	r.part(v, "spec", object, func(e *value) {
		r.flaws(e, r.enter)
		r.serviceSpec(s, e)
	})
	s.broken = r.isBroken()
	if l.replaces(r, "Service", v, "spec") {
		l.cluster.service(s)
	}
	return true
}

func (r *reader) serviceSpec(s *kubernetesService, v *value) {
	s.selector = r.mapPart(v, "selector")
	if families := r.textsPart(v, "ipFamilies"); len(families) > 0 {
		s.family = families[0]
	}
	s.targetNames = map[string]string{}
	r.listPart(v, "ports", func(e *value) {
		r.flaws(e, r.enter)
		p, target := r.servicePort(e)
		if target != "" {
			s.targetNames[p.Name] = target
		}
		s.Ports = append(s.Ports, p)
	})
	// A port may be that of several protocols. The one of HTTP is used.
	s.Ports = slices.DeleteFunc(s.Ports, func(p spec.ServicePort) bool {
		return p.Protocol == "UDP" && slices.ContainsFunc(s.Ports, func(other spec.ServicePort) bool {
			return other.Number == p.Number && other.Protocol != "UDP"
		})
	})
	if r.textPart(v, "type") != "ExternalName" {
		return
	}
	name := strings.TrimSuffix(r.textPart(v, "externalName"), ".")
	if name == "" {
		if e, _ := v.field("externalName"); e == nil || e.form == null || e.form == text {
			r.enter("externalName")
			r.failf(spec.CodeMissing, v, "is missing: a Service of type ExternalName needs it")
			r.leave()
		}
		return
	}
	s.Alias, s.Resolution, s.Internal = name, spec.ResolveDNS, false
	s.Endpoints = []spec.Endpoint{{Address: name}}
}

// servicePort reads a port of a Service, and the name of its target port, if that is no
// number.
func (r *reader) servicePort(v *value) (p spec.ServicePort, target string) {
	if e, _ := v.field("port"); e == nil || e.form == null {
		r.enter("port")
		r.failf(spec.CodeMissing, v, "is missing")
		r.leave()
	}
	p.Number = r.portPart(v, "port")
	p.Name = r.textPart(v, "name")
	p.Protocol = selectedProtocol(p.Number, p.Name, r.textPart(v, "protocol"), r.textPart(v, "appProtocol"))
	switch e, _ := v.field("targetPort"); {
	case e == nil || e.form == null:
	case e.form == text:
		target = e.scalar
	case e.form == number && e.scalar == "0":
		// Kubernetes writes it for an unset one.
	default:
		p.TargetPort = r.portPart(v, "targetPort")
	}
	return p, target
}

// portProtocols are the words that Istio reads as protocols.
var portProtocols = map[string]spec.Protocol{
	"tcp": "TCP", "udp": "UDP", "grpc": "GRPC", "grpc-web": "GRPC-WEB", "http": "HTTP", "http2": "HTTP2", "http_proxy": "HTTP_PROXY",
	"https": "HTTPS", "tls": "TLS", "mongo": "MONGO", "redis": "REDIS", "mysql": "MYSQL",
	// Only Kubernetes's names of application protocols have slashes.
	"kubernetes.io/h2c": "HTTP2", "kubernetes.io/ws": "HTTP", "kubernetes.io/wss": "HTTPS",
}

// tcpPorts are the ports that are TCP for Istio if nothing says otherwise.
var tcpPorts = []int{25, 53, 3306, 27017}

// selectedProtocol returns the protocol of a port of a Service, by the rules of Istio's
// protocol selection: the application protocol, or else the start of the name. If both
// say nothing, it is "": a gateway speaks HTTP/1.1 to the port.
func selectedProtocol(number int, name, transport, application string) spec.Protocol {
	if transport == "UDP" || transport == "SCTP" {
		return "UDP"
	}
	word := strings.ToLower(name)
	if application != "" {
		word = strings.ToLower(application)
	}
	if p, ok := portProtocols[word]; ok && strings.HasPrefix(word, "kubernetes.io/") {
		if application != "" {
			return p
		}
		return ""
	}
	if strings.HasPrefix(word, "grpc-web") {
		return "GRPC-WEB"
	}
	word, _, _ = strings.Cut(word, "-")
	if p, ok := portProtocols[word]; ok {
		return p
	}
	if slices.Contains(tcpPorts, number) {
		return "TCP"
	}
	return ""
}

// isDNSLabel reports whether Kubernetes accepts s as the name of a Service or of a
// namespace.
func isDNSLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' })
}
