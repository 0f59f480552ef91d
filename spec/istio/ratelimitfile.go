package istio

import (
	"errors"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/suggest"
	"github.com/lateengo/gateway/spec"
)

// A limitFile is what was read of a file of envoyproxy/ratelimit.
type limitFile struct {
	domain string
	// ok means that the file has no error.
	ok bool
}

var limitFileKeys = []string{"domain", "descriptors"}

// isLimitFile reports whether a document is the configuration of
// envoyproxy/ratelimit, perhaps with a mistake: it has no apiVersion and no kind, and
// all its keys are domain and descriptors, or look like them.
func isLimitFile(v *value) bool {
	if v.form != object || len(v.keys) == 0 || slices.ContainsFunc(v.keys, func(k key) bool {
		return strings.EqualFold(k.name, "apiVersion") || strings.EqualFold(k.name, "kind")
	}) {
		return false
	}
	exact := false
	for _, k := range v.keys {
		exact = exact || slices.Contains(limitFileKeys, k.name)
		if !slices.Contains(limitFileKeys, k.name) && suggest.Closest(k.name, limitFileKeys) == "" {
			return isDescriptorList(v.at("descriptors"))
		}
	}
	return exact
}

// isDescriptorList reports whether a value looks like the descriptors of a domain.
func isDescriptorList(v *value) bool {
	if v == nil || v.form != list || len(v.elements) == 0 {
		return false
	}
	return !slices.ContainsFunc(v.elements, func(e *value) bool { return e.at("key") == nil })
}

// limitFile reads a document that is the configuration of envoyproxy/ratelimit. A
// document that was already read is not read again.
func (l *loader) limitFile(d *document, v *value) limitFile {
	l.heeded++
	id := fileID{filepath.Clean(d.file), d.key, d.before}
	if f, ok := l.limitFiles[id]; ok {
		return f
	}
	// The kind and the name are those of findings about the domain, so that no finding
	// repeats what was unreadable.
	r := &reader{loader: l, snake: true, origin: spec.Origin{
		File: d.file, Line: v.line, Column: v.column, Kind: "RateLimitDomain", Fields: renamed{Locator: locator{d, -1}},
	}}
	if e, _ := v.field("domain"); e != nil && e.form != object && e.form != list && e.form != null {
		r.origin.Name = e.scalar
	}
	domain := spec.RateLimitDomain{Origin: r.origin}
	var name *value
	r.parts(v, "ratelimit.Config", func(field string, e *value) {
		if field == "domain" {
			name = e
			domain.Name, _ = r.entryText(e)
			return
		}
		each(r, e, &domain.Descriptors, func(e *value) spec.DescriptorLimit { return r.descriptorLimit(e, "ratelimit") })
	})
	switch {
	case name == nil && !r.isBroken():
		r.missing(v, "domain", "is missing")
	case name != nil && domain.Name == "" && !r.isBroken():
		r.enter("domain")
		r.failf(spec.CodeMissing, name, "is empty")
		r.leave()
	}
	repeated := l.domain(r, domain.Name, name, v)
	l.keep(r)
	f := limitFile{domain.Name, !r.isBroken()}
	l.limitFiles[id] = f
	switch found := (spec.Declarations{RateLimitDomains: []spec.RateLimitDomain{domain}}); {
	case repeated:
	case f.ok:
		l.declared.Append(found)
	default:
		l.declared.Append(spec.Declarations{Incomplete: &found})
	}
	return f
}

// fileID identifies a document of a file by the lines before it, and an entry of a
// ConfigMap by its key.
type fileID struct {
	file, key string
	before    int
}

// domain reports whether there is already a domain with this name. That is an error
// unless both have the same contents.
func (l *loader) domain(r *reader, name string, at, v *value) (repeated bool) {
	if name == "" {
		return false
	}
	contents := digest(v)
	first, ok := l.domains[name]
	switch {
	case !ok:
		l.domains[name] = place{r.origin.File, r.origin.Line, contents}
	case first.digest != contents:
		r.enter("domain")
		r.failf(spec.CodeDuplicate, at, "the domain is already in %s:%d, with different contents", first.file, first.line)
		r.leave()
	}
	return ok
}

// configFile reads the file that a global limit names. The limit uses its domain.
func (r *reader) configFile(global, v *value, to *spec.GlobalRateLimit) {
	name, ok := r.text(v)
	if !ok {
		return
	}
	l := r.loader
	switch {
	case l.file.beside == nil:
		r.failf(spec.CodeUnreadable, v, "there are no files beside this text; write the limits in descriptors")
		return
	case name == "":
		r.failf(spec.CodeInvalid, v, "is empty; expected the name of a file")
		return
	case path.IsAbs(name) || filepath.IsAbs(name):
		r.failf(spec.CodeInvalid, v, "expected a path relative to this file, found %s", quote(name))
		return
	}
	shown, data, err := l.file.beside(r.origin.File, name)
	l.declared.Files = append(l.declared.Files, shown)
	if err != nil {
		r.failf(spec.CodeUnreadable, v, "%s", readProblem(&input{name: shown, err: err}))
		return
	}
	f, problem := l.namedLimitFile(shown, data)
	switch {
	case problem != "":
		r.failf(spec.CodeInvalid, v, "%s %s", shown, problem)
	case !f.ok:
		r.broken = append(r.broken, r.field()) // The errors of the file say why.
	case to.Domain != "" && to.Domain != f.domain:
		at, _ := global.field("domain")
		r.failf(spec.CodeConflict, at, "the domain %s is not that of %s, which is %s", quote(to.Domain), shown, quote(f.domain))
	default:
		to.Domain = f.domain
	}
}

// namedLimitFile reads a file with one domain. problem describes what else it is.
func (l *loader) namedLimitFile(name string, data []byte) (f limitFile, problem string) {
	text, problem, line, column := readable(data)
	if problem != "" {
		l.fail(spec.Finding{Code: spec.CodeUnreadable, File: name, Line: line, Column: column, Problem: problem})
		return f, ""
	}
	found := false
	for _, d := range split(name, text) {
		root, err := d.parse()
		var syntax *syntaxError
		switch {
		case errors.As(err, &syntax):
			l.fail(syntax.finding(d))
			return f, ""
		case root == nil || root.form == null:
		case found:
			return f, "has a second document; each domain needs a file of its own"
		case root.form != object:
			return f, "is not the configuration of envoyproxy/ratelimit: expected a map with domain and descriptors, found " + root.String()
		case root.textOf("apiVersion") != "" || root.textOf("kind") != "":
			return f, "is not the configuration of envoyproxy/ratelimit: it is a resource"
		default:
			found = true
			f = l.limitFile(d, root)
		}
		runtime.KeepAlive(root)
	}
	if !found {
		return f, "is empty; expected a domain"
	}
	return f, ""
}

// errOutside means that a name leads out of the file system of a Source.
var errOutside = errors.New("it is outside of the source")

// isOutside reports whether a clean relative path leads out of its directory.
func isOutside(name string) bool { return name == ".." || strings.HasPrefix(name, "../") }
