package kube

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// parts are the versions of objects that are in service. An object with an error must not
// keep those of others from the service.
type parts struct {
	// good are the latest versions that were in service.
	good map[key]*object
	// flawed are the objects whose current version has an error.
	flawed map[key]*flaw
	// taken are the versions of the latest declarations; written is the sum of those
	// that people write.
	taken   map[key]*object
	written sum
	// said are the problems that were logged.
	said map[key]string
}

// A flaw is what is wrong with an object.
type flaw struct {
	problem spec.Finding
	// earlier means that the version before is used. Otherwise the object is left out.
	earlier bool
}

// take returns the documents of a list of objects as they are to be tried, and warnings
// about those that are not.
func (p *parts) take(list []*object) (text []byte, warnings []spec.Warning) {
	if written := sumOf(list, true); written != p.written {
		// An object may be good now, also because another one has changed.
		p.written, p.flawed = written, nil
	}
	p.taken = make(map[key]*object, len(list))
	for _, o := range list {
		if f := p.flawed[o.key]; f != nil {
			warnings = append(warnings, spec.Warning{Finding: f.finding()})
			if o = p.good[o.key]; o == nil || !f.earlier {
				continue
			}
		}
		p.taken[o.key] = o
		text = append(text, "---\n"...)
		text = append(text, o.text...)
	}
	return text, warnings
}

// finding describes the flaw.
func (f *flaw) finding() spec.Finding {
	out := f.problem
	out.File, out.Line, out.Column, out.Code = "", 0, 0, ""
	if f.earlier {
		out.Problem = "the version before stays in service: " + out.Problem
	} else {
		out.Problem = "the object is left out: " + out.Problem
	}
	return out
}

// blame looks for the objects that an error is about. It reports whether the next
// declarations differ.
func (p *parts) blame(err error, log *slog.Logger) bool {
	found := false
	blamed := map[key]bool{}
	for problem := range problemsOf(err, p.taken, p.good) {
		k, ok := p.keyOf(&problem.Finding)
		if !ok || blamed[k] {
			continue
		}
		blamed[k], found = true, true
		if p.flawed == nil {
			p.flawed = map[key]*flaw{}
		}
		f := &flaw{problem: problem.Finding}
		if before := p.flawed[k]; before != nil {
			// The version before has an error too. The one of the current version
			// is reported.
			f.problem = before.problem
		} else {
			f.earlier = p.good[k] != nil && p.good[k] != p.taken[k] && p.good[k].text != p.taken[k].text
		}
		p.flawed[k] = f
		text := f.finding()
		if p.said[k] != text.String() {
			if p.said == nil {
				p.said = map[key]string{}
			}
			p.said[k] = text.String()
			log.Warn("an object of the cluster has an error", "object", k.String(), "error", strings.TrimPrefix(text.String(), k.String()+": "))
		}
	}
	return found
}

// keyOf returns the object that a finding is about, if it was taken and can be left out. A
// policy that refuses requests cannot: without it they would pass.
func (p *parts) keyOf(f *spec.Finding) (key, bool) {
	for _, k := range kinds {
		if k.name != f.Kind || k.group == security {
			continue
		}
		found := key{k, f.Namespace, f.Name}
		if k.cluster {
			found.namespace = ""
		}
		_, ok := p.taken[found]
		return found, ok
	}
	return key{}, false
}

// accept takes down that what was taken is in service.
func (p *parts) accept() {
	// An object that is left out now keeps its version before, in case that another
	// object mends it.
	before := p.good
	p.good = maps.Clone(p.taken)
	for k := range p.flawed {
		if p.good[k] == nil && before[k] != nil {
			p.good[k] = before[k]
		}
	}
	for k := range p.said {
		if p.flawed[k] == nil {
			delete(p.said, k)
		}
	}
}

// leftOut returns the problems of all objects that are not in service as they are.
func (p *parts) leftOut() []spec.Error {
	out := make([]spec.Error, 0, len(p.flawed))
	for _, f := range p.flawed {
		out = append(out, spec.Error{Finding: f.finding()})
	}
	slices.SortFunc(out, func(a, b spec.Error) int { return cmp.Compare(a.Error(), b.Error()) })
	return out
}
