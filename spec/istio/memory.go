package istio

import (
	"slices"
	"sync"

	"github.com/lateengo/gateway/spec"
)

// A Memory keeps what a Source has read, so that the next Declare reads only documents
// that have changed or moved. It is for one Source that is read again and again, as the
// files that package live watches. The zero Memory is empty. A Memory is safe for
// concurrent use, but only one Declare uses it at a time.
type Memory struct {
	mu sync.Mutex
	// documents are those of the latest Declare, and next those of the present one.
	documents, next map[documentKey]*rememberedDocument
}

// A documentKey is a document of a file, wherever it is in the file.
type documentKey struct {
	file      string
	found     bool
	namespace string
	text      string
}

// A rememberedDocument is what a document has declared, when before lines were before it.
type rememberedDocument struct {
	before   int
	identity identity
	place    place
	declared spec.Declarations
}

// Remember returns a Source that keeps what it reads in a Memory. Documents that are
// unchanged are declared again from there: they share memory with what was declared
// before. So nothing that Declare returns may be changed.
func (s *Source) Remember(m *Memory) *Source {
	return &Source{namespace: s.namespace, recursive: s.recursive, open: s.open, memory: m}
}

// begin starts a Declare.
func (m *Memory) begin() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.next = make(map[documentKey]*rememberedDocument, len(m.documents))
}

// end forgets what the Declare has not found again.
func (m *Memory) end() {
	if m == nil {
		return
	}
	m.documents, m.next = m.next, nil
	m.mu.Unlock()
}

// remembered are the kinds whose documents mean the same whatever others there are.
var remembered = []string{"Gateway", "VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry"}

func (l *loader) key(d *document) documentKey {
	return documentKey{d.file, l.file.found, l.namespace, d.text}
}

// recall declares a document as it was read before. It returns false if the document must
// be read.
func (l *loader) recall(d *document) bool {
	if l.memory == nil {
		return false
	}
	key := l.key(d)
	known := l.memory.documents[key]
	if known == nil {
		return false
	}
	if _, repeated := l.seen[known.identity]; repeated {
		return false
	}
	if known.before != d.before {
		if len(known.declared.Warnings) > 0 {
			return false // their texts may have lines
		}
		known = known.moved(d)
	}
	l.seen[known.identity] = known.place
	l.heeded++
	l.declared.Append(known.declared)
	l.memory.next[key] = known
	return true
}

// A mark is what a loader has read so far.
type mark struct {
	declared spec.Declarations
	seen     int
	errors   int
}

func (l *loader) mark() mark { return mark{l.declared, len(l.seen), len(l.errors)} }

// memorize remembers a document that was read without an error since a mark.
func (l *loader) memorize(d *document, v *value, since mark) {
	if l.memory == nil || v.form != object || len(l.errors) > since.errors || len(l.seen) != since.seen+1 || l.latest == (identity{}) ||
		!slices.Contains(remembered, l.latest.kind) || l.latest.group != networkingGroup {
		return
	}
	before, now := &since.declared, &l.declared
	if now.Incomplete != before.Incomplete || len(now.Skipped) > len(before.Skipped) || len(now.Unexecuted) > len(before.Unexecuted) {
		return
	}
	d.content = new(content)
	l.memory.next[l.key(d)] = &rememberedDocument{
		before: d.before, identity: l.latest, place: l.seen[l.latest],
		declared: spec.Declarations{
			Servers:          slices.Clone(now.Servers[len(before.Servers):]),
			VirtualServices:  slices.Clone(now.VirtualServices[len(before.VirtualServices):]),
			Services:         slices.Clone(now.Services[len(before.Services):]),
			WorkloadEntries:  slices.Clone(now.WorkloadEntries[len(before.WorkloadEntries):]),
			DestinationRules: slices.Clone(now.DestinationRules[len(before.DestinationRules):]),
			Warnings:         slices.Clone(now.Warnings[len(before.Warnings):]),
		},
	}
}

// A content identifies the text of a document that is remembered, wherever it moves.
type content struct{ _ byte }

// moved returns what a document has declared, for its present place d.
func (k *rememberedDocument) moved(d *document) *rememberedDocument {
	out := &rememberedDocument{before: d.before, identity: k.identity, place: k.place, declared: spec.Declarations{
		Servers:          slices.Clone(k.declared.Servers),
		VirtualServices:  slices.Clone(k.declared.VirtualServices),
		Services:         slices.Clone(k.declared.Services),
		WorkloadEntries:  slices.Clone(k.declared.WorkloadEntries),
		DestinationRules: slices.Clone(k.declared.DestinationRules),
	}}
	lines := d.before - k.before
	out.place.line += lines
	move := func(o *spec.Origin) {
		if l, ok := o.Fields.(locator); ok {
			d.content = l.document.content
			o.Line += lines
			o.Fields = locator{d, l.item}
		}
	}
	for i := range out.declared.Servers {
		move(&out.declared.Servers[i].Origin)
	}
	for i := range out.declared.VirtualServices {
		vs := &out.declared.VirtualServices[i]
		move(&vs.Origin)
		vs.Routes = slices.Clone(vs.Routes)
		for j := range vs.Routes {
			move(&vs.Routes[j].Origin)
		}
	}
	for i := range out.declared.Services {
		move(&out.declared.Services[i].Origin)
	}
	for i := range out.declared.WorkloadEntries {
		move(&out.declared.WorkloadEntries[i].Origin)
	}
	for i := range out.declared.DestinationRules {
		move(&out.declared.DestinationRules[i].Origin)
	}
	return out
}
