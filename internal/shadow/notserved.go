package shadow

import (
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// notServed analyzes the routes and matches behind a catch-all of their VirtualService.
// They are not in the program.
func (a *analysis) notServed() {
	for _, s := range a.services {
		behind := false
		for i := range s.Routes {
			r := &s.Routes[i]
			if r.Delegate != nil {
				continue
			}
			if behind && a.subjects[key{r, nil}] == nil && len(r.Match) == 0 {
				a.behindCatchAll(s, i, nil)
			}
			for j := range r.Match {
				m := &r.Match[j]
				known := a.subjects[key{r, m}]
				if behind && known == nil && m.Port == 0 && len(m.Gateways)+len(m.SourceLabels) == 0 && m.SourceNamespace == "" {
					a.behindCatchAll(s, i, m)
				}
				behind = behind || known != nil && known.clause.IsCatchAll()
			}
			known := a.subjects[key{r, nil}]
			behind = behind || known != nil && known.clause.IsCatchAll()
		}
	}
}

// behindCatchAll analyzes a match of route i of a VirtualService that is not in the
// program.
func (a *analysis) behindCatchAll(s service, i int, m *spec.Match) {
	c := &match.Clause{URI: everyPath}
	at := 0
	if m != nil {
		uri, conditions, err := match.Compile(m, a.regexes)
		if err != nil {
			return
		}
		if s.in.space.Edge.Semantics.DecodesParameters() {
			match.DecodeParameters(conditions)
		}
		c = &match.Clause{URI: uri, Conditions: conditions}
		for at = range s.Routes[i].Match {
			if &s.Routes[i].Match[at] == m {
				break
			}
		}
	}
	first, v := a.examine(s.in, c, -1)
	if v != region.None {
		return
	}
	of := &program.Clause{Clause: c, Match: int32(at), Route: &program.Route{
		Service: s.last.Route.Service, Declared: program.Declaration{Route: &s.Routes[i], Service: s.VirtualService, Index: i},
	}}
	a.subject(key{&s.Routes[i], m}, of).note(first, v)
}
