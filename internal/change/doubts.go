package change

import (
	"net/url"
	"slices"
	"strings"

	"github.com/lateengo/gateway/inspect"
	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/regex"
	"github.com/lateengo/gateway/internal/region"
	"github.com/lateengo/gateway/spec"
)

// FactRefused is the name of the difference between virtual hosts that refuse other requests.
const FactRefused = "refused"

// doubts compares which requests the virtual hosts of a class refuse because a route asks for
// a query parameter that comes twice, or for a header that Connection names: what a route
// asks for is refused so on all paths, also where no route gets other requests.
func (c *comparison) doubts(h *hostPair) {
	if h.old == nil || h.new == nil || c.o.Ignores(FactRefused) {
		return // the host was added or removed
	}
	for _, name := range differing(h.old.Parameters(), h.new.Parameters()) {
		pair := url.QueryEscape(name) + "=1"
		c.doubt(h, "?"+pair+"&"+pair, func(r *region.Request) { r.Query = pair + "&" + pair })
	}
	for _, name := range differing(h.old.Headers(), h.new.Headers()) {
		c.doubt(h, "connection: "+strings.ToLower(name), func(r *region.Request) {
			r.Header["Connection"] = []string{strings.ToLower(name)}
		})
	}
}

// differing returns what is in one of two lists.
func differing(a, b []string) []string {
	return append(without(a, b), without(b, a)...)
}

// doubt reports a request that only one of the programs refuses. doubtful makes it of one that
// reaches the virtual hosts.
func (c *comparison) doubt(h *hostPair, what string, doubtful func(*region.Request)) {
	for _, scheme := range h.space.Schemes {
		uri, conditions, _ := match.Compile(&spec.Match{Scheme: spec.Exact(scheme)}, regex.Cache{})
		of := &match.Clause{URI: uri, Conditions: conditions}
		r, _, verdict := c.solver.Search(&h.space, []*match.Clause{of}, func(r *region.Request) (*match.Clause, bool) {
			other := h.others(r.Authority)
			return other, other == nil
		})
		if verdict != region.Found {
			continue
		}
		doubtful(r)
		old, new := answerTo(c, c.old, h.oldTable, h.old, r), answerTo(c, c.new, h.newTable, h.new, r)
		if old.refused == new.refused {
			continue
		}
		d := inspect.Difference{Name: FactRefused, New: what}
		if old.refused {
			d.Old, d.New = what, ""
		}
		change := inspect.RequestChange{
			Kind: inspect.Changed, Witness: r.Witness(), Old: old.Answer, New: new.Answer, Differences: []inspect.Difference{d},
		}
		same := func(x inspect.RequestChange) bool { return slices.Equal(x.Differences, change.Differences) }
		if i := slices.IndexFunc(c.refused, same); i >= 0 {
			k := kind{RequestChange: c.refused[i]}
			k.join(&change)
			c.refused[i] = k.RequestChange
		} else {
			c.refused = append(c.refused, change)
		}
		return
	}
}

// A refusable is an answer, and whether it is a refusal of a doubtful request.
type refusable struct {
	inspect.Answer
	refused bool
}

// answerTo returns what a program answers to a request of a virtual host.
func answerTo(c *comparison, s *side, t *program.RouteTable, h *program.VirtualHost, r *region.Request) refusable {
	var v match.View
	_, _, o := s.Route(t, &v, r.HTTP())
	if o.IsDoubt() {
		return refusable{inspect.Answer{Text: "400: " + o.Reason(), VirtualHost: h.Domain}, true}
	}
	steps := c.steps(s, h, t.TLS)
	at := taken(s, t, h, steps, r)
	if at == misled {
		return refusable{Answer: inspect.Answer{Text: o.Reason(), VirtualHost: h.Domain}}
	}
	return refusable{Answer: answerText(stepAt(steps, at), h, r)}
}
