package istio

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/spec"
)

// A loader collects the declarations of one Declare.
type loader struct {
	// kustomizations are the kustomizations that are not applied.
	kustomizations []spec.Origin
	namespace      string
	declared       spec.Declarations
	errors         []*spec.Error
	// seen are the resources so far, and latest is the latest of them in the document
	// that is being read.
	seen   map[identity]place
	latest identity
	// memory has what was read before. It can be nil.
	memory *Memory
	// said is the set of errors about whole files.
	said map[spec.Finding]bool
	// limitFiles are the files of envoyproxy/ratelimit that were read, and domains
	// their domains.
	limitFiles map[fileID]limitFile
	domains    map[string]place
	// envoyLimits are the EnvoyFilters that limit requests.
	envoyLimits []*envoyLimits
	// serviceMentioned means that a warning said where the rate limit service is.
	serviceMentioned bool
	// cluster has the objects of Kubernetes.
	cluster cluster
	// heeded is the number of objects that were not skipped.
	heeded int
	// file describes the file that is being read.
	file struct {
		// found means that it is in a directory, rather than named.
		found bool
		// beside reads the files that it names; see named.
		beside func(file, name string) (shown string, data []byte, err error)
		// kustomization and template mean that this was already reported for the
		// file.
		kustomization, template bool
	}
}

// An identity identifies a resource, which must be unique.
type identity struct{ group, kind, namespace, name string }

// A place is the place of a resource, and the digest of its contents.
type place struct {
	file   string
	line   int
	digest uint64
}

func (p place) String() string { return p.file + ":" + strconv.Itoa(p.line) }

func newLoader(namespace string) *loader {
	if namespace == "" {
		namespace = DefaultNamespace
	}
	return &loader{
		namespace: namespace, seen: make(map[identity]place), said: make(map[spec.Finding]bool),
		limitFiles: make(map[fileID]limitFile), domains: make(map[string]place),
		cluster: newCluster(),
	}
}

// fail records an error about a file. A file may be read under two names.
func (l *loader) fail(f spec.Finding) {
	if l.said[f] {
		return
	}
	l.said[f] = true
	l.errors = append(l.errors, &spec.Error{Finding: f})
}

// named reads the files of a path.
func (l *loader) named(n *named) {
	heeded, errors := l.heeded, len(l.errors)
	l.file.beside = n.beside
	for i := range n.inputs {
		l.input(&n.inputs[i])
	}
	if n.text || l.heeded > heeded || len(l.errors) > errors {
		return
	}
	problem := "contains no resource that Lateen reads"
	if n.subdirectories {
		problem += "; its subdirectories are not read"
	}
	l.fail(spec.Finding{Code: spec.CodeMissing, File: n.name, Problem: problem})
}

func (l *loader) input(in *input) {
	l.file.found, l.file.kustomization, l.file.template = in.found, false, false
	if in.chart {
		l.declared.Warnings = append(l.declared.Warnings, spec.Warning{Finding: spec.Finding{File: in.name,
			Problem: "the Helm chart was not rendered, and its templates are not read; render it first: helm template"}})
	}
	if in.err != nil {
		l.fail(spec.Finding{Code: spec.CodeUnreadable, File: in.name, Problem: readProblem(in)})
		return
	}
	text, problem, line, column := readable(in.data)
	if problem != "" {
		l.fail(spec.Finding{Code: spec.CodeUnreadable, File: in.name, Line: line, Column: column, Problem: problem})
		return
	}
	holds := !in.found
	for _, d := range split(in.name, text) {
		if l.recall(d) {
			holds = true
			continue
		}
		before := l.mark()
		root, err := d.parse()
		holds = holds || err != nil || root != nil && root.form != null
		var syntax *syntaxError
		switch {
		case errors.As(err, &syntax):
			// An unrendered file is one mistake, even if it spoils many documents.
			if !syntax.template || !l.file.template {
				l.fail(syntax.finding(d))
			}
			l.file.template = l.file.template || syntax.template
		case root != nil:
			l.latest = identity{}
			l.document(d, root)
			l.memorize(d, root, before)
		}
		// The document itself does not keep its tree, but translating needs it for
		// positions.
		runtime.KeepAlive(root)
	}
	if !holds {
		l.declared.Warnings = append(l.declared.Warnings, spec.Warning{Finding: spec.Finding{File: in.name,
			Problem: "the file holds nothing: it is empty, or all of it is a comment"}})
	}
}

// document reads a document.
func (l *loader) document(d *document, v *value) {
	switch {
	case v.form == null:
	case isLimitFile(v):
		l.limitFile(d, v)
	case l.file.found && isNoResource(v):
		l.passOver(d, v)
	default:
		l.resource(d, v, -1, "", "")
	}
}

// passOver skips text in a directory that is not a resource.
func (l *loader) passOver(d *document, v *value) {
	o := spec.Origin{File: d.file, Line: v.line, Column: v.column}
	if isKustomization(d.file, v) {
		l.kustomization(o)
	}
	l.declared.Skipped = append(l.declared.Skipped, spec.Skipped{Origin: o})
}

// readProblem describes why an input has no data, without the file name, which
// findings already show.
func readProblem(in *input) string {
	message := in.err.Error()
	if i := strings.LastIndex(message, ": "); i >= 0 && strings.Contains(message[:i], in.name) {
		message = message[i+2:]
	}
	return "cannot be read: " + message
}

// resource reads one resource: a document or an item of a List. listed and listedKind are
// the apiVersion and kind of the items of a list of one kind, in which an API server
// omits both.
func (l *loader) resource(d *document, v *value, item int, listed, listedKind string) {
	r := &reader{loader: l, origin: spec.Origin{
		File: d.file, Line: v.line, Column: v.column,
		Kind: v.textOf("kind"), Fields: locator{d, item},
	}}
	defer l.keep(r)
	if v.form != object {
		r.is(v, object)
		return
	}
	metadata, _ := v.field("metadata")
	r.origin.Name = metadata.textOf("name")
	if r.origin.Namespace = metadata.textOf("namespace"); r.origin.Namespace == "" && r.origin.Name != "" {
		r.origin.Namespace = l.namespace
	}
	if isKustomization(d.file, v) {
		if l.file.found {
			l.kustomization(r.origin)
			l.skip(r, v, v.textOf("apiVersion"), v.textOf("kind"))
		} else {
			r.failf(spec.CodeUnsupported, v, "is a kustomization, which is not a resource; build it first: kustomize build")
		}
		return
	}
	apiVersion, kind := listed, listedKind
	if v.at("apiVersion") != nil || v.at("kind") != nil || listedKind == "" {
		var ok, ok2 bool
		apiVersion, ok = r.requiredText(v, "apiVersion", "such as networking.istio.io/v1")
		kind, ok2 = r.requiredText(v, "kind", "such as VirtualService")
		if !ok || !ok2 {
			return
		}
	}
	r.origin.Kind = kind
	if isList(apiVersion, kind) {
		l.list(d, v, r, item, apiVersion, kind)
		return
	}
	if k := kubernetesKindOf(apiVersion, kind); k != nil {
		if k.read(l, r, v) {
			l.heeded++
		} else {
			l.skip(r, v, apiVersion, kind)
		}
		return
	}
	entry, wrong, problem, suggestion := identify(apiVersion, kind)
	if problem == "" && (entry == nil || entry.verdict == skipped) {
		l.skip(r, v, apiVersion, kind)
		return
	}
	l.heeded++
	at, _ := v.field("kind")
	switch {
	case problem != "":
		at, _ := v.field(wrong)
		r.enter(wrong)
		r.fail(spec.CodeInvalid, at.line, at.column, problem, suggestion)
		r.leave()
	case entry.verdict == policy:
		l.unexecuted(r, v, at, entry.reason)
	case entry.name == "EnvoyFilter" && limitsRequests(v):
		if other := otherThanLimits(v); other != nil {
			l.unexecuted(r, v, other.at, other.reason(v))
			return
		}
		l.read(entry, r, v)
	case gateReason(entry.name, v) != "":
		l.unexecuted(r, v, at, gateReason(entry.name, v))
	case entry.verdict == missed:
		r.warn(at.line, at.column, "", fmt.Sprintf("kind %s of %s is not read; skipped", clip(kind), clip(apiVersion)))
	default:
		l.read(entry, r, v)
	}
}

// keep keeps the findings of a reader, in their order.
func (l *loader) keep(r *reader) {
	slices.SortStableFunc(r.errors, func(a, b *spec.Error) int { return inOrder(a.Finding, b.Finding) })
	slices.SortStableFunc(r.warnings, func(a, b spec.Warning) int { return inOrder(a.Finding, b.Finding) })
	l.errors = append(l.errors, r.errors...)
	l.declared.Warnings = append(l.declared.Warnings, r.warnings...)
}

// skip skips an object, at its kind.
func (l *loader) skip(r *reader, v *value, apiVersion, kind string) {
	o := r.origin
	if at, _ := v.field("kind"); at != nil {
		o.Line, o.Column = at.line, at.column
	}
	// It would keep the text in memory.
	o.Fields = nil
	l.declared.Skipped = append(l.declared.Skipped, spec.Skipped{
		APIVersion: clip(apiVersion), Kind: clip(kind), Origin: o,
	})
}

// unexecuted adds a policy that is not executed. The Builder decides whether it
// applies to the gateway.
func (l *loader) unexecuted(r *reader, v, kind *value, reason string) {
	o := r.origin
	o.Line, o.Column, o.Fields = kind.line, kind.column, nil
	l.declared.Unexecuted = append(l.declared.Unexecuted, spec.UnexecutedPolicy{
		Namespace: r.origin.Namespace, Selector: selectorOf(v), Reason: reason, Origin: o,
	})
}

func inOrder(a, b spec.Finding) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

func isList(apiVersion, kind string) bool {
	if apiVersion == "v1" && kind == "List" {
		return true
	}
	element, ok := strings.CutSuffix(kind, "List")
	if !ok {
		return false
	}
	entry, _, _, _ := identify(apiVersion, element)
	return entry != nil || kubernetesKindOf(apiVersion, element) != nil
}

// list reads the items of a List, or of a list of one kind.
func (l *loader) list(d *document, v *value, r *reader, item int, apiVersion, kind string) {
	if item >= 0 {
		r.failf(spec.CodeInvalid, v, "a List cannot be inside a List")
		return
	}
	items, _ := v.field("items")
	switch {
	case items == nil:
		r.enter("items")
		r.failf(spec.CodeMissing, v, "is missing")
		r.leave()
		return
	case items.form == null:
		return
	}
	r.enter("items")
	defer r.leave()
	if r.is(items, list) {
		listedKind := strings.TrimSuffix(kind, "List")
		for i, e := range items.elements {
			l.resource(d, e, i, apiVersion, listedKind)
		}
	}
}

// requiredText returns a string field of the resource itself.
func (r *reader) requiredText(v *value, name, example string) (string, bool) {
	r.enter(name)
	defer r.leave()
	e, _ := v.field(name)
	if e == nil || e.form == null || e.form == text && e.scalar == "" {
		if e == nil {
			e = v
		}
		suggestion := ""
		for _, k := range v.keys {
			if e == v && (nearest(k.name, []string{name}) != "" || name == "apiVersion" && k.name == "version") {
				e, suggestion = &value{line: k.line, column: k.column}, name
			}
		}
		r.fail(spec.CodeMissing, e.line, e.column, "is missing, "+example, suggestion)
		return "", false
	}
	return r.text(e)
}

// topLevel are the keys of every resource.
var topLevel = []string{"apiVersion", "kind", "metadata", "spec", "status"}

// read reads a resource of a read kind.
func (l *loader) read(entry *kindEntry, r *reader, v *value) {
	r.flaws(v, r.enter)
	meant := make(map[string]bool)
	for _, k := range v.keys {
		if !slices.Contains(topLevel, k.name) {
			suggestion := nearest(k.name, topLevel)
			meant[suggestion] = true
			r.enter(k.name)
			r.fail(spec.CodeUnknownField, k.line, k.column, "unknown field", suggestion)
			r.leave()
		}
	}
	created, repeated := l.metadata(entry, r, v)
	if repeated {
		return
	}
	content, _ := v.field("spec")
	r.enter("spec")
	defer r.leave()
	if content == nil || content.form == null {
		if content == nil {
			content = v
		}
		if !meant["spec"] {
			r.failf(spec.CodeMissing, content, "is missing")
		}
		return
	}
	r.origin.Path = "spec"
	l.translate(entry, r, content, created)
}

// parentsAnnotation is an annotation of resources that Istio generates from other
// APIs.
const parentsAnnotation = "internal.istio.io/parents"

// otherMetadata are the keys of metadata that do not concern a gateway.
var otherMetadata = []string{
	"annotations", "clusterName", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
	"generation", "labels", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid",
}

var metadataFields = append([]string{"name", "namespace", "creationTimestamp"}, otherMetadata...)

// metadata reads the name and age of a resource. A repeated resource has the name
// of an earlier one. That is an error unless both are equal.
func (l *loader) metadata(entry *kindEntry, r *reader, v *value) (created time.Time, repeated bool) {
	r.enter("metadata")
	defer r.leave()
	m, _ := v.field("metadata")
	if m == nil || m.form == null {
		if m == nil {
			m = v
		}
		r.failf(spec.CodeMissing, m, "is missing: a resource needs a name")
		return created, false
	}
	if !r.is(m, object) {
		return created, false
	}
	r.flaws(m, r.enter)
	name := ""
	for i, k := range m.keys {
		e := m.elements[i]
		r.enter(k.name)
		switch {
		case !slices.Contains(metadataFields, k.name):
			r.fail(spec.CodeUnknownField, k.line, k.column, "unknown field", nearest(k.name, metadataFields))
		case e.form == null:
		case k.name == "name":
			name, _ = r.text(e)
		case k.name == "namespace":
			r.text(e)
		case k.name == "creationTimestamp":
			if s, ok := r.text(e); ok {
				t, err := time.Parse(time.RFC3339, s)
				if err != nil {
					r.failf(spec.CodeInvalid, e, "expected a time such as 2006-01-02T15:04:05Z, found %v", e)
				}
				created = t
			}
		case k.name == "labels":
			if r.is(e, object) {
				r.labels = make(map[string]string, len(e.keys))
				r.entries(e, func(name string, e *value) { r.labels[name], _ = r.text(e) })
			}
		case k.name == "annotations":
			if r.is(e, object) {
				r.entries(e, func(name string, e *value) {
					if name == parentsAnnotation {
						r.failf(spec.CodeInvalid, e, "Istio writes this annotation itself, and refuses resources that have it")
					}
					r.text(e)
				})
			}
		}
		r.leave()
	}
	if name == "" {
		if e, _ := m.field("name"); e == nil || e.form == null || e.form == text {
			if e == nil {
				e = m
			}
			r.enter("name")
			r.failf(spec.CodeMissing, e, "is missing")
			r.leave()
		}
		return created, false
	}
	id := identity{entry.group, entry.name, r.origin.Namespace, name}
	labels, _ := m.field("labels")
	content, _ := v.field("spec")
	contents := digest(labels, content)
	first, ok := l.seen[id]
	switch {
	case !ok:
		l.seen[id] = place{r.origin.File, r.origin.Line, contents}
		l.latest = id
	case first.digest != contents:
		e, _ := m.field("name")
		r.enter("name")
		r.failf(spec.CodeDuplicate, e, "the resource is already in %s:%d, with different contents", first.file, first.line)
		r.leave()
	}
	return created, ok
}
