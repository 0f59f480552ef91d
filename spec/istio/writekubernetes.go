package istio

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

const notForApply = "For Lateen only: do not apply it. The cluster has this object, with more fields."

// kubernetesService writes a Service of Kubernetes with what is known of its endpoints.
func (w *writer) kubernetesService(s *spec.Service, name string) {
	doc := w.document(s.Origin, "v1", "Service", s.Namespace, name, s.Created)
	doc.comment("", notForApply)
	if len(s.ExportTo) > 0 {
		doc.content.at("metadata").set("annotations", textsValue(map[string]string{exportToAnnotation: strings.Join(s.ExportTo, ",")}))
	}
	if host := name + "." + doc.namespace + clusterDomain; !slices.Equal(s.Hosts, []string{host}) {
		w.lost(doc, "spec.hosts", "the host of a Service is "+host)
	}
	for field, there := range map[string]bool{
		"addresses": len(s.Addresses) > 0, "workloadSelector": s.WorkloadSelector != nil, "subjectAltNames": len(s.SubjectAltNames) > 0,
		"resolution": s.Resolution != spec.ResolveStatic && (s.Alias == "" || s.Resolution != spec.ResolveDNS),
	} {
		if there {
			w.lost(doc, "spec."+field, "a Service of Kubernetes has no such field")
		}
	}
	content := objectValue()
	if s.Alias != "" {
		content.set("type", textValue("ExternalName")).set("externalName", textValue(s.Alias))
	}
	for i := range s.Ports {
		if p := &s.Ports[i]; selectedProtocol(p.Number, p.Name, "", string(portWord(p))) != p.Protocol {
			w.lost(doc, fmt.Sprintf("spec.ports[%d].protocol", i), "a Service of Kubernetes cannot say "+string(p.Protocol))
		}
	}
	content.set("ports", listValue(s.Ports, func(p *spec.ServicePort) *value {
		v := objectValue().set("name", textValue(p.Name)).set("port", intValue(p.Number)).set("targetPort", intValue(p.TargetPort))
		return v.set("appProtocol", textValue(portWord(p)))
	}))
	doc.content.set("spec", content)
	if s.Alias == "" && s.Endpoints != nil {
		w.endpointSlices(doc, s, name)
	}
}

// portWord is the application protocol of a port, if its name does not say it.
func portWord(p *spec.ServicePort) string {
	if selectedProtocol(p.Number, p.Name, "", "") == p.Protocol {
		return ""
	}
	return strings.ToLower(string(p.Protocol))
}

// endpointSlices writes the endpoints of a Service: neighbors with the same ports as one
// EndpointSlice, the labels of an endpoint as a Pod, and its region as a Node.
func (w *writer) endpointSlices(service *written, s *spec.Service, name string) {
	var groups [][]spec.Endpoint
	for _, e := range s.Endpoints {
		if n := len(groups) - 1; n >= 0 && maps.Equal(groups[n][0].Ports, e.Ports) {
			groups[n] = append(groups[n], e)
			continue
		}
		groups = append(groups, []spec.Endpoint{e})
	}
	if len(groups) == 0 {
		groups = [][]spec.Endpoint{nil}
	}
	family, count := "", 0
	for i, group := range groups {
		doc := w.document(spec.Origin{}, "discovery.k8s.io/v1", "EndpointSlice", service.namespace, fmt.Sprintf("%s-%d", name, i+1), noTime)
		doc.order = i
		doc.origin = service.origin
		doc.comment("", notForApply)
		doc.content.at("metadata").set("labels", textsValue(map[string]string{serviceNameLabel: name}))
		endpoints := &value{form: list}
		for j := range group {
			e := &group[j]
			count++
			address, err := netip.ParseAddr(e.Address)
			if err != nil {
				w.lost(doc, "endpoints", fmt.Sprintf("%q is not an IP address", e.Address))
			}
			if family == "" {
				family = "IPv4"
				if address.Is6() {
					family = "IPv6"
				}
			}
			if e.Weight != 0 || e.Network != "" {
				w.lost(doc, "endpoints", "an endpoint of Kubernetes has no weight and no network")
			}
			endpoints.elements = append(endpoints.elements, w.kubernetesEndpoint(doc, e, fmt.Sprintf("%s-%d", name, count)))
		}
		ports := &value{form: list}
		if len(group) > 0 {
			for _, port := range slices.Sorted(maps.Keys(group[0].Ports)) {
				if !slices.ContainsFunc(s.Ports, func(p spec.ServicePort) bool { return p.Name == port }) {
					w.lost(doc, "ports", fmt.Sprintf("the Service has no port %q", port))
				}
				ports.elements = append(ports.elements, objectValue().set("name", exactText(&port)).set("port", intValue(group[0].Ports[port])))
			}
		}
		doc.content.set("addressType", textValue(cmp.Or(family, "IPv4"))).set("ports", ports).set("endpoints", endpoints)
	}
}

// kubernetesEndpoint returns an endpoint of an EndpointSlice. It writes the Pod and the
// Node that say more of it.
func (w *writer) kubernetesEndpoint(slice *written, e *spec.Endpoint, name string) *value {
	v := objectValue().set("addresses", &value{form: list, elements: []*value{exactText(&e.Address)}})
	if zone, ok := strings.CutPrefix(e.Locality, unknownRegion); ok && !strings.Contains(zone, "/") && zone != "" {
		v.set("zone", textValue(zone))
	} else if e.Locality != "" {
		node := "node-" + resourceName(e.Locality)
		v.set("nodeName", textValue(node))
		w.node(slice, node, e.Locality)
	}
	if e.Labels != nil {
		v.set("targetRef", objectValue().set("kind", textValue("Pod")).set("name", textValue(name)))
		doc := w.document(spec.Origin{}, "v1", "Pod", slice.namespace, name, noTime)
		doc.comment("", notForApply)
		doc.content.at("metadata").set("labels", textsValue(e.Labels))
	}
	return v
}

// node writes the Node with a locality, once.
func (w *writer) node(slice *written, name, locality string) {
	labels := map[string]string{}
	parts := strings.SplitN(locality, "/", 3)
	for i, label := range []string{regionLabel, zoneLabel, subzoneLabel}[:len(parts)] {
		labels[label] = parts[i]
	}
	wanted := textsValue(labels)
	for _, doc := range w.documents {
		if doc.kind == "Node" && doc.name == name {
			if string(appendYAML(nil, doc.content.at("metadata", "labels"), 0, true)) != string(appendYAML(nil, wanted, 0, true)) {
				w.lost(slice, "endpoints", fmt.Sprintf("the locality %q has the same name of a node as another one", locality))
			}
			return
		}
	}
	doc := w.document(spec.Origin{}, "v1", "Node", "", name, noTime)
	doc.comment("", notForApply)
	doc.content.at("metadata").set("labels", wanted)
}
