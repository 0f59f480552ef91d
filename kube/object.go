package kube

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A key identifies an object.
type key struct {
	kind            *kind
	namespace, name string
}

// String names the object as findings do.
func (k key) String() string {
	if k.namespace == "" {
		return k.kind.name + " " + k.name
	}
	return k.kind.name + " " + k.namespace + "/" + k.name
}

// An object is what is kept of an object of the cluster. It is not changed.
type object struct {
	key
	created string
	// text is the object as a document in JSON, with all that is read of it.
	text string
	references
	// generation, version and conditions are those of a RateLimitConfig; version
	// changes with each of its changes.
	generation int64
	version    string
	conditions []any
}

// compare orders objects: older ones come first among those of a kind, as in Istio.
func (o *object) compare(other *object) int {
	return cmp.Or(
		cmp.Compare(o.kind.position(), other.kind.position()), cmp.Compare(o.created, other.created),
		cmp.Compare(o.namespace, other.namespace), cmp.Compare(o.name, other.name),
	)
}

// keyOf returns the key of an object.
func keyOf(k *kind, u *unstructured.Unstructured) key {
	return key{k, u.GetNamespace(), u.GetName()}
}

// newObject returns what is kept of an object.
func newObject(k *kind, u *unstructured.Unstructured) (*object, error) {
	metadata, _ := u.Object["metadata"].(map[string]any)
	created, _ := metadata["creationTimestamp"].(string)
	o := &object{key: keyOf(k, u), created: created}
	kept := map[string]any{"apiVersion": u.GetAPIVersion(), "kind": k.name}
	if kept["apiVersion"] == "" {
		kept["apiVersion"] = strings.TrimPrefix(k.group+"/"+k.versions[0], "/")
	}
	kept["metadata"] = metadataOf(k, metadata)
	for name, value := range partsOf(k, u.Object) {
		kept[name] = value
	}
	text, err := textOf(kept)
	if err != nil {
		return nil, err
	}
	o.text = text
	o.references = referencesOf(k, metadata, u.Object)
	if k == rateLimitConfigs {
		o.generation, o.version = u.GetGeneration(), u.GetResourceVersion()
		o.conditions, _, _ = unstructured.NestedSlice(u.Object, "status", "conditions")
	}
	return o, nil
}

// metadataOf returns the part of the metadata that is read. The rest changes often, and
// changes nothing.
func metadataOf(k *kind, metadata map[string]any) map[string]any {
	out := map[string]any{}
	names := []string{"name", "namespace", "creationTimestamp", "labels"}
	if k == secrets || k == services {
		names = names[:3]
	}
	for _, name := range names {
		if v, ok := metadata[name]; ok && v != nil {
			out[name] = v
		}
	}
	wanted := func(string) bool { return true }
	switch k {
	case nodes:
		wanted = func(label string) bool { return strings.HasPrefix(label, "topology.") }
	case endpointSlices:
		wanted = func(label string) bool { return label == serviceNameLabel }
	}
	if labels, ok := out["labels"].(map[string]any); ok {
		out["labels"] = filtered(labels, wanted)
	}
	if k.isConfiguration() || k == services {
		annotations, _ := metadata["annotations"].(map[string]any)
		if kept := filtered(annotations, func(name string) bool { return strings.Contains(name, "istio.io/") }); len(kept) > 0 {
			out["annotations"] = kept
		}
	}
	return out
}

func filtered(from map[string]any, wanted func(name string) bool) map[string]any {
	out := make(map[string]any, len(from))
	for name, value := range from {
		if wanted(name) {
			out[name] = value
		}
	}
	return out
}

// partsOf returns the other parts of an object that are read.
func partsOf(k *kind, from map[string]any) map[string]any {
	switch k {
	case services:
		return map[string]any{"spec": only(from["spec"], "ports", "type", "externalName", "ipFamilies", "selector")}
	case endpointSlices:
		out := only(from, "addressType", "ports")
		out["endpoints"] = each(from["endpoints"], func(e any) any {
			endpoint := only(e, "addresses", "nodeName", "zone", "topology", "deprecatedTopology")
			endpoint["conditions"] = only(field(e, "conditions"), "ready")
			endpoint["targetRef"] = only(field(e, "targetRef"), "kind", "namespace", "name")
			return endpoint
		})
		return out
	case pods:
		// The status of a pod is told by the EndpointSlices.
		return map[string]any{"spec": only(from["spec"], "nodeName")}
	case nodes:
		return nil
	case secrets:
		return map[string]any{
			"type": from["type"],
			"data": only(from["data"], "tls.crt", "tls.key", "ca.crt", "ca.crl", "cert", "key", "cacert", "crl"),
		}
	}
	// An unknown part is an error, so all of them are kept.
	out := make(map[string]any, len(from))
	for name, value := range from {
		switch name {
		case "apiVersion", "kind", "metadata", "status":
		default:
			out[name] = value
		}
	}
	return out
}

// only returns the named fields of a map.
func only(from any, names ...string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if v := field(from, name); v != nil {
			out[name] = v
		}
	}
	return out
}

// field returns a field of a map, or nil.
func field(from any, name string) any {
	m, _ := from.(map[string]any)
	return m[name]
}

// each returns a list with another one for each element.
func each(from any, change func(any) any) []any {
	list, _ := from.([]any)
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = change(e)
	}
	return out
}

// textOf returns a document in JSON, always the same one for the same contents.
func textOf(document map[string]any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(document)
	return b.String(), err
}
