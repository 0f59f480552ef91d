package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/spec"
)

// withShadows adds the shadows of a configuration to its warnings, in the order of the
// sources. Where a warning says the same with fewer words, one of both is left.
func withShadows(warnings []spec.Warning, shadows []inspect.Shadow) []spec.Warning {
	out := slices.Clone(warnings)
	for _, s := range shadows {
		w := s.Warning()
		said := func(about func(o *spec.Warning) bool) bool {
			return slices.ContainsFunc(warnings, func(o spec.Warning) bool { return sameResource(&o, &w) && about(&o) })
		}
		switch s.Kind {
		case inspect.ShadowImpossible, inspect.ShadowCondition:
			if said(func(o *spec.Warning) bool {
				return within(w.Field, o.Field) && strings.HasPrefix(o.Field, "spec.http[")
			}) {
				continue
			}
		case inspect.ShadowMatch:
			if said(func(o *spec.Warning) bool { return o.Code == "IST0130" && within(w.Field, o.Field) }) {
				continue
			}
			fallthrough
		case inspect.ShadowRoute:
			// The shadow says more: it has a request.
			out = slices.DeleteFunc(out, func(o spec.Warning) bool { return sameResource(&o, &w) && repeats(&o, &w) })
		}
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b spec.Warning) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(out)
}

func sameResource(a, b *spec.Warning) bool {
	return a.File == b.File && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name && (a.Column > 0 || a.Line == b.Line)
}

// repeats reports whether a warning says that something in a dead route or match is dead.
func repeats(o, dead *spec.Warning) bool {
	if o.Code == "IST0130" || o.Code == "IST0131" {
		return within(o.Field, dead.Field)
	}
	return o.Field == dead.Field && o.Code == "" && strings.Contains(o.Problem, "an earlier match matches all")
}

// within reports whether a field is another one, or a part of it.
func within(field, other string) bool {
	rest, ok := strings.CutPrefix(field, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
