package kube

import "strings"

// serviceNameLabel is the label of an EndpointSlice with the name of its Service.
const serviceNameLabel = "kubernetes.io/service-name"

// references are the names of other objects in an object.
type references struct {
	// hosts are the first labels of the hosts that the object names: those of
	// Services are the names of the Services.
	hosts []string
	// credentials are the names of Secrets.
	credentials []string
	// service is the name of the Service of an EndpointSlice.
	service string
	// pods and nodes are those of the endpoints of an EndpointSlice.
	pods, nodes []key
	// ports are the port numbers of a Gateway.
	ports []int64
	// subsets means that a DestinationRule chooses endpoints by labels.
	subsets bool
}

// referencesOf returns the names in an object.
func referencesOf(k *kind, metadata, from map[string]any) (r references) {
	switch k {
	case endpointSlices:
		r.service, _ = field(metadata["labels"], serviceNameLabel).(string)
		namespace, _ := metadata["namespace"].(string)
		each(from["endpoints"], func(e any) any {
			if node, _ := field(e, "nodeName").(string); node != "" {
				r.nodes = append(r.nodes, key{nodes, "", node})
			}
			target := field(e, "targetRef")
			if name, _ := field(target, "name").(string); name != "" && field(target, "kind") == "Pod" {
				r.pods = append(r.pods, key{pods, namespace, name})
			}
			return nil
		})
		return r
	case services:
		if host, _ := field(from["spec"], "externalName").(string); host != "" {
			r.hosts = append(r.hosts, firstLabel(host))
		}
		return r
	}
	if !k.isConfiguration() {
		return r
	}
	r.search(from["spec"])
	if k.name == "Gateway" {
		each(field(from["spec"], "servers"), func(e any) any {
			if number, ok := field(field(e, "port"), "number").(int64); ok {
				r.ports = append(r.ports, number)
			}
			return nil
		})
	}
	if k.name == "DestinationRule" {
		each(field(from["spec"], "subsets"), func(e any) any {
			labels, _ := field(e, "labels").(map[string]any)
			r.subsets = r.subsets || len(labels) > 0
			return nil
		})
	}
	return r
}

// search looks for names in a value and in all that is in it. It may find too many.
func (r *references) search(value any) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			r.search(e)
		}
	case map[string]any:
		for name, e := range v {
			text, _ := e.(string)
			switch {
			case name == "host" && text != "":
				r.hosts = append(r.hosts, firstLabel(text))
			case (name == "credentialName" || name == "caCertCredentialName") && text != "":
				r.credentials = append(r.credentials, text)
			case name == "credentialNames":
				list, _ := e.([]any)
				for _, n := range list {
					if text, _ := n.(string); text != "" {
						r.credentials = append(r.credentials, text)
					}
				}
			default:
				r.search(e)
			}
		}
	}
}

func firstLabel(host string) string {
	label, _, _ := strings.Cut(host, ".")
	return strings.ToLower(label)
}

// caSuffix is the end of the name of a Secret with the authorities for another one.
const caSuffix = "-cacert"

// secretNames returns the names of the Secrets that a credentialName means in the
// gateway's namespace: there may be one more for the authorities.
func secretNames(credential, namespace string) []string {
	name := strings.TrimPrefix(credential, "kubernetes://")
	if own, rest, ok := strings.Cut(name, "/"); ok {
		if own != namespace {
			return nil
		}
		name = rest
	}
	if name == "" || strings.ContainsAny(name, "/:,=") {
		return nil
	}
	name = strings.TrimSuffix(name, caSuffix)
	return []string{name, name + caSuffix}
}
