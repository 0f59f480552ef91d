package istio

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lateengo/gateway/spec"
)

// WriteOptions are the options of Write and Documents. The zero value is usable.
type WriteOptions struct {
	// Namespace is the namespace of declarations without one. Empty means
	// DefaultNamespace.
	Namespace string
	// RateLimits selects the form of rate limits.
	RateLimits LimitForm
	// Kubernetes also writes the Services of Kubernetes, with EndpointSlices, Pods and
	// Nodes that say as much of their endpoints as Lateen knows. A cluster has these
	// objects already, and they say more there: do not apply them.
	Kubernetes bool
	// Secrets also writes the Secrets with their private keys. Keep such a file secret.
	Secrets bool
	// Partial writes all the rest if something has no form in Istio, and a comment in
	// place of it. Without Partial, it is an error.
	Partial bool
}

// A LimitForm is a form in which rate limits are written.
type LimitForm uint8

// The values of LimitForm.
const (
	// LimitsAsRateLimitConfig writes RateLimitConfigs, which only Lateen reads. Limits
	// that were read from EnvoyFilters stay EnvoyFilters.
	LimitsAsRateLimitConfig LimitForm = iota
	// LimitsAsEnvoyFilter writes EnvoyFilters, and the configuration of
	// envoyproxy/ratelimit for limits that all replicas share.
	LimitsAsEnvoyFilter
)

// A Document is a resource as YAML.
type Document struct {
	// Kind, Namespace and Name identify the resource. The configuration of a domain of
	// envoyproxy/ratelimit has neither a Kind nor a Namespace.
	Kind, Namespace, Name string
	// Text is the resource with its comments, and ends with a line end.
	Text []byte
}

// Write writes declarations as Istio resources in YAML, one document for each. A Source
// reads them back as the same declarations.
//
// The text depends only on what is declared: kinds have a fixed order, the resources of a
// kind are in the order of their namespaces and names (WorkloadEntries, whose order counts,
// in their own), and defaults are left out. Comments say what Istio has no equivalent for,
// and the warnings say the same.
//
// What has no form in Istio is an error, unless o.Partial is set: the error joins a
// *spec.Error for each, and nothing is written. Private keys are written only if o.Secrets
// is set. o can be nil.
func Write(to io.Writer, d *spec.Declarations, o *WriteOptions) ([]spec.Warning, error) {
	documents, warnings, err := Documents(d, o)
	if err != nil {
		return warnings, err
	}
	var b bytes.Buffer
	for i, doc := range documents {
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(doc.Text)
	}
	_, err = to.Write(b.Bytes())
	return warnings, err
}

// Documents returns what Write writes, one by one.
func Documents(d *spec.Declarations, o *WriteOptions) ([]Document, []spec.Warning, error) {
	w := &writer{declared: d}
	if o != nil {
		w.options = *o
	}
	w.options.Namespace = cmp.Or(w.options.Namespace, DefaultNamespace)
	w.all()
	if len(w.errors) > 0 && !w.options.Partial {
		joined := make([]error, len(w.errors))
		for i, e := range w.errors {
			joined[i] = e
		}
		return nil, w.warnings, errors.Join(joined...)
	}
	slices.SortStableFunc(w.documents, func(a, b *written) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.order, b.order), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	out := make([]Document, len(w.documents))
	for i, doc := range w.documents {
		out[i] = Document{doc.kind, doc.namespace, doc.name, doc.text()}
	}
	return out, w.warnings, nil
}

// A writer turns declarations into documents.
type writer struct {
	declared  *spec.Declarations
	options   WriteOptions
	documents []*written
	warnings  []spec.Warning
	errors    []*spec.Error
	// gateways are the names of all Gateways, in the order of their servers.
	gateways []gatewayName
	// implicit means that the only Gateway was not declared.
	implicit bool
	// virtualServices are the documents of VirtualServices, in the order of declaration.
	virtualServices []*written
}

// A written is a document that is written.
type written struct {
	// rank is the place of the kind. order comes before names within a kind.
	rank, order           int
	kind, namespace, name string
	content               *value
	comments              []string
	origin                spec.Origin
	// servers are the origins of the servers of a Gateway.
	servers []spec.Origin
}

// kindOrder is the order of kinds in the text.
var kindOrder = []string{
	"Gateway", "VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry", "RateLimitConfig", "EnvoyFilter", "ConfigMap", "",
	"Telemetry", "Service", "EndpointSlice", "Pod", "Node", "Secret",
}

// all writes everything.
func (w *writer) all() {
	d := w.declared
	if d.Incomplete != nil {
		w.errors = append(w.errors, &spec.Error{Finding: spec.Finding{Code: spec.CodeInvalid,
			Problem: "some declarations could be read only in part: correct the errors of the source first"}})
	}
	w.writeGateways()
	w.writeVirtualServices()
	w.writeDestinationRules()
	w.writeServices()
	w.writeWorkloadEntries()
	w.writeRateLimits()
	w.writeTelemetries()
	w.writeSecrets()
	w.writeUnexecuted()
	for _, doc := range w.documents {
		w.checkText(doc, doc.content, "")
	}
}

// writeUnexecuted says which policies are missing.
func (w *writer) writeUnexecuted() {
	for i := range w.declared.Unexecuted {
		p := &w.declared.Unexecuted[i]
		w.warnings = append(w.warnings, spec.Warning{Finding: p.Origin.At("", "is not written, because Lateen does not execute it: apply the original")})
	}
}

// document adds the document of a resource. Its metadata come first, then the fields of
// content.
func (w *writer) document(o spec.Origin, apiVersion, kind, namespace, name string, created time.Time) *written {
	doc := &written{rank: slices.Index(kindOrder, kind), kind: kind, namespace: cmp.Or(namespace, w.options.Namespace), name: name, origin: o}
	if doc.origin.IsZero() {
		doc.origin.Go = true
	}
	doc.origin.Kind, doc.origin.Namespace, doc.origin.Name = cmp.Or(o.Kind, kind), doc.namespace, cmp.Or(o.Name, name)
	metadata := objectValue().set("name", exactText(&name))
	if kind == "Node" {
		doc.namespace = ""
	} else {
		metadata.set("namespace", exactText(&doc.namespace))
	}
	if !created.IsZero() {
		metadata.set("creationTimestamp", &value{form: text, scalar: created.UTC().Format(time.RFC3339Nano)})
	}
	doc.content = objectValue().set("apiVersion", textValue(apiVersion)).set("kind", textValue(kind)).set("metadata", metadata)
	w.documents = append(w.documents, doc)
	return doc
}

// note says in a comment what a person should know about a field of a document. path is
// that in the resource.
func (w *writer) note(doc *written, path, problem string) {
	w.warnings = append(w.warnings, spec.Warning{Finding: doc.at(path, problem)})
	doc.comment(path, problem)
}

// at returns a finding about a field of the resource.
func (doc *written) at(path, problem string) spec.Finding {
	o := doc.origin
	o.Path = ""
	if !o.Go {
		return o.At(path, problem)
	}
	// In Go, a server is a declaration of its own, and there is no spec.
	for i, server := range doc.servers {
		if rest, ok := strings.CutPrefix(path, fmt.Sprintf("spec.servers[%d]", i)); ok {
			o.File, o.Line, path = server.File, server.Line, strings.TrimPrefix(rest, ".")
		}
	}
	return o.At(strings.TrimPrefix(strings.TrimPrefix(path, "spec."), "metadata."), problem)
}

func (doc *written) comment(path, problem string) {
	if path != "" {
		problem = path + ": " + problem
	} else if problem != "" {
		problem = strings.ToUpper(problem[:1]) + problem[1:]
	}
	doc.comments = append(doc.comments, problem)
}

// lost records that a field of a document has no form in Istio.
func (w *writer) lost(doc *written, path, problem string) {
	f := doc.at(path, problem)
	f.Code = spec.CodeUnsupported
	if w.options.Partial {
		w.warnings = append(w.warnings, spec.Warning{Finding: f})
	} else {
		w.errors = append(w.errors, &spec.Error{Finding: f})
	}
	doc.comment(path, "not written: "+problem)
}

// text returns the document as YAML.
func (doc *written) text() []byte {
	var b []byte
	for _, c := range doc.comments {
		b = appendComment(b, c)
	}
	if doc.content == nil || len(doc.content.keys) == 0 {
		return b
	}
	return appendYAML(b, doc.content, 0, true)
}

// checkText reports texts that YAML cannot contain.
func (w *writer) checkText(doc *written, v *value, path string) {
	if v == nil {
		return
	}
	if v.form == text && !isWritable(v.scalar) {
		w.lost(doc, path, "the text is not UTF-8")
		v.scalar = strings.ToValidUTF8(v.scalar, "\uFFFD")
	}
	for i, e := range v.elements {
		at := fmt.Sprintf("%s[%d]", path, i)
		if v.form == object {
			k := &v.keys[i]
			if at = k.name; path != "" {
				at = path + "." + k.name
			}
			if !isWritable(k.name) {
				w.lost(doc, path, fmt.Sprintf("the key %q is not UTF-8", k.name))
				k.name = strings.ToValidUTF8(k.name, "\uFFFD")
			}
		}
		w.checkText(doc, e, at)
	}
}

func isWritable(s string) bool { return utf8.ValidString(s) }

// number32 returns a number that fits a field.
func number32[T int32 | uint32](w *writer, doc *written, path string, n int) T {
	if t := T(n); int(t) == n {
		return t
	}
	w.lost(doc, path, fmt.Sprintf("%d is not a number that Istio can have here", n))
	return 0
}
