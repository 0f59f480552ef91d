package istio

import (
	"slices"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A kubernetesKind is a kind of Kubernetes that is read beside Istio's. Of its objects, a
// few fields are read, and all others are ignored.
type kubernetesKind struct {
	group, name string
	versions    []string
	// use is what is read of it, for docs/semantics.md.
	use string
	// read reads an object. It returns false if the object is skipped.
	read func(l *loader, r *reader, v *value) bool
}

var kubernetesKinds = []kubernetesKind{
	{"", "Service", []string{"v1"}, "read as a destination", (*loader).kubernetesService},
	{"", "Endpoints", []string{"v1"}, "the endpoints of a Service that has no EndpointSlice", (*loader).kubernetesEndpoints},
	{"discovery.k8s.io", "EndpointSlice", []string{"v1", "v1beta1"}, "the endpoints of a Service", (*loader).endpointSlice},
	{"", "Pod", []string{"v1"}, "the labels of an endpoint; an endpoint of a Service that has nothing else", (*loader).pod},
	{"", "Node", []string{"v1"}, "the locality of an endpoint", (*loader).node},
	{"", "Secret", []string{"v1"}, "a credential, if it has a key that Istio reads; otherwise skipped", (*loader).secret},
	{"", "ConfigMap", []string{"v1"}, "the configuration of envoyproxy/ratelimit, if it has one; otherwise skipped", (*loader).configMap},
}

// kubernetesKindOf returns the kind, or nil if it is not read.
func kubernetesKindOf(apiVersion, kind string) *kubernetesKind {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	for i := range kubernetesKinds {
		if k := &kubernetesKinds[i]; k.group == group && k.name == kind && slices.Contains(k.versions, version) {
			return k
		}
	}
	return nil
}

// part calls read for a field of an object of Kubernetes, with the reader at the field.
// As in Kubernetes, null is the same as no field.
func (r *reader) part(v *value, name string, wanted form, read func(e *value)) {
	e, _ := v.field(name)
	if e == nil || e.form == null {
		return
	}
	r.enter(name)
	defer r.leave()
	if r.is(e, wanted) {
		read(e)
	}
}

// textPart returns the text in a field, or "".
func (r *reader) textPart(v *value, name string) (s string) {
	e, _ := v.field(name)
	if e == nil || e.form == null {
		return ""
	}
	r.enter(name)
	defer r.leave()
	s, _ = r.text(e)
	return s
}

// truthPart returns the boolean in a field, or otherwise if there is none.
func (r *reader) truthPart(v *value, name string, otherwise bool) bool {
	e, _ := v.field(name)
	if e == nil || e.form == null {
		return otherwise
	}
	r.enter(name)
	defer r.leave()
	b, ok := r.boolean(e)
	return ok && b
}

// portPart returns the port number in a field, or 0.
func (r *reader) portPart(v *value, name string) int {
	e, _ := v.field(name)
	if e == nil || e.form == null {
		return 0
	}
	r.enter(name)
	defer r.leave()
	n, _ := r.integer(e, 1, 65535)
	return int(n)
}

// listPart calls read for each element of a list of maps.
func (r *reader) listPart(v *value, name string, read func(e *value)) {
	r.part(v, name, list, func(e *value) {
		r.elements(e, func(_ int, e *value) {
			if r.is(e, object) {
				read(e)
			}
		})
	})
}

// textsPart returns the texts in a list.
func (r *reader) textsPart(v *value, name string) (texts []string) {
	r.part(v, name, list, func(e *value) {
		r.elements(e, func(_ int, e *value) {
			if s, ok := r.text(e); ok {
				texts = append(texts, s)
			}
		})
	})
	return texts
}

// mapPart returns the texts in a map, or nil if it has none.
func (r *reader) mapPart(v *value, name string) (texts map[string]string) {
	r.part(v, name, object, func(e *value) {
		texts = make(map[string]string, len(e.keys))
		r.entries(e, func(name string, e *value) { texts[name], _ = r.text(e) })
	})
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// kubernetesName identifies an object of Kubernetes among those of its kind.
type kubernetesName struct{ namespace, name string }

func (r *reader) kubernetesName() kubernetesName {
	return kubernetesName{r.origin.Namespace, r.origin.Name}
}

// identified checks the name and the namespace of an object of Kubernetes.
func (r *reader) identified(v *value) bool {
	before := len(r.broken)
	named := false
	r.part(v, "metadata", object, func(m *value) {
		named = r.textPart(m, "name") != ""
		r.textPart(m, "namespace")
	})
	if r.brokenSince(before) {
		return false
	}
	if !named {
		m, _ := v.field("metadata")
		if m == nil || m.form != object {
			m = v
		}
		r.enter("metadata")
		r.enter("name")
		r.failf(spec.CodeMissing, m, "is missing")
		r.leave()
		r.leave()
	}
	return named
}

// labelsOf returns the labels of an object.
func (r *reader) labelsOf(v *value) (labels map[string]string) {
	r.part(v, "metadata", object, func(m *value) { labels = r.mapPart(m, "labels") })
	return labels
}

// created returns when the cluster created an object.
func (r *reader) created(v *value) (created time.Time) {
	r.part(v, "metadata", object, func(m *value) {
		at := r.textPart(m, "creationTimestamp")
		if at == "" {
			return
		}
		t, err := time.Parse(time.RFC3339, at)
		if e, _ := m.field("creationTimestamp"); err != nil {
			r.enter("creationTimestamp")
			r.failf(spec.CodeInvalid, e, "expected a time such as 2006-01-02T15:04:05Z, found %v", e)
			r.leave()
		}
		created = t
	})
	return created
}

// replaces reports whether an object is to be used, and warns if it replaces an earlier
// one of the same name with other contents, as it does with kubectl apply.
func (l *loader) replaces(r *reader, kind string, v *value, contents ...string) bool {
	parts := make([]*value, len(contents))
	for i, name := range contents {
		parts[i], _ = v.field(name)
	}
	id := identity{"kubernetes", kind, r.origin.Namespace, r.origin.Name}
	sum := digest(parts...)
	first, ok := l.seen[id]
	l.seen[id] = place{r.origin.File, r.origin.Line, sum}
	if ok && first.digest != sum {
		r.warnAt("metadata.name", "", "replaces the "+kind+" of the same name at "+first.String()+", which has different contents")
	}
	return !ok || first.digest != sum
}
