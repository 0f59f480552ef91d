package region

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lateengo/gateway/internal/doubt"
	"github.com/lateengo/gateway/internal/edge"
	"github.com/lateengo/gateway/internal/match"
)

// A problem is one question to a Solver.
type problem struct {
	*Solver
	space      *Space
	dimensions []dimension
	in, out    []*match.Clause
	// excluded are the conditions of the clauses that must not match and have several.
	excluded [][]condition
	branches int
	found    *Request
}

// A dimension is a part of a request with a value of its own.
type dimension struct {
	form
	part match.Part
	name string
	// whole is the path with the query. Its value replaces that of both.
	whole bool
	// usual means that the value is present unless something is done about it.
	usual bool
	// held are conditions that must hold. bounds are those of all conditions that must
	// or must not.
	held   []condition
	bounds []bound
	value  value
}

func newProblem(s *Solver, space *Space) *problem {
	p := &problem{Solver: s, space: space, dimensions: make([]dimension, 0, 8)}
	p.add(dimension{part: match.PartTarget, form: space.strictPath(pathForm(space.Normalization))})
	p.add(dimension{part: match.PartMethod, form: space.strictMethod(methodForm())})
	p.add(dimension{part: match.PartScheme, form: schemeForm(space.schemes())})
	p.add(dimension{part: match.PartAuthority, form: authorityForm(space)})
	return p
}

func (p *problem) add(d dimension) int {
	p.dimensions = append(p.dimensions, d)
	return len(p.dimensions) - 1
}

// dimension returns the dimension of a part. PartTarget without a name is the path, and
// with the name "?" the path with the query.
func (p *problem) dimension(part match.Part, name string) int {
	for i := range p.dimensions {
		if d := &p.dimensions[i]; d.part == part && d.name == name {
			return i
		}
	}
	d := dimension{part: part, name: name}
	switch part {
	case match.PartQuery:
		d.form = queryForm(name)
	case match.PartParameter:
		d.form = parameterForm()
	case match.PartTarget:
		d.form, d.whole = p.space.strictPath(targetForm(p.space.Normalization)), true
	default:
		d.form = p.space.strictHeader(headerForm(name), name)
	}
	return p.add(d)
}

func (p *problem) dimensionOf(s match.Source) int {
	switch s.Part() {
	case match.PartTarget:
		return p.dimension(match.PartTarget, "?")
	case match.PartEdgeHeader:
		if s.Name() == edge.ForwardedProtoHeader && !p.space.edge().Open {
			if p.space.edge().Trusted == 0 {
				return p.dimension(match.PartScheme, "")
			}
			at := p.dimension(match.PartHeader, s.Name())
			p.dimensions[at].required = true
			return at
		}
		at := p.dimension(match.PartHeader, s.Name())
		if s.Name() != edge.ClientCertHeader && !p.space.edge().Open {
			// The address of the client, perhaps behind others.
			p.dimensions[at].usual, p.dimensions[at].natural = true, []string{defaultPeer}
		}
		return at
	}
	return p.dimension(s.Part(), s.Name())
}

// include adds a clause that must match. It returns false if it never does.
func (p *problem) include(c *match.Clause) bool {
	p.in = append(p.in, c)
	conditions, ok := p.conditions(c)
	for i := range conditions {
		d := &p.dimensions[conditions[i].dimension]
		d.held = append(d.held, conditions[i])
		d.bounds = append(d.bounds, conditions[i].bound(true))
	}
	return ok
}

// exclude adds a clause that must not match, after all that must. It returns false if it
// matches all requests that these do, as far as that shows at once.
func (p *problem) exclude(c *match.Clause) bool {
	p.out = append(p.out, c)
	conditions, ok := p.conditions(c)
	if !ok {
		return true
	}
	conditions = slices.DeleteFunc(conditions, func(x condition) bool {
		return slices.Contains(p.dimensions[x.dimension].held, x)
	})
	switch len(conditions) {
	case 0:
		return false
	case 1:
		d := &p.dimensions[conditions[0].dimension]
		d.bounds = append(d.bounds, conditions[0].bound(false))
	default:
		p.excluded = append(p.excluded, conditions)
	}
	return true
}

// solve looks for a request.
func (p *problem) solve() Verdict {
	verdict := Found
	for i := range p.dimensions {
		switch p.settle(i) {
		case None:
			return None
		case GaveUp:
			verdict = GaveUp
		}
	}
	if verdict != Found {
		return verdict
	}
	return p.branch()
}

// settle sets the value of a dimension.
func (p *problem) settle(at int) Verdict {
	d := &p.dimensions[at]
	absent := !d.required && !slices.ContainsFunc(d.bounds, func(b bound) bool { return !b.absent })
	d.value = value{}
	switch {
	case absent && !d.usual:
		return Found
	case !d.present:
		return None
	}
	switch {
	case d.whole:
		d.natural = []string{p.dimensions[0].value.text}
	case d.required && d.part == match.PartHeader:
		d.natural = []string{p.dimensions[2].value.text} // X-Forwarded-Proto is the scheme
	}
	text, v := p.text(&d.form, d.bounds)
	if v != Found && absent {
		return Found
	}
	d.value = value{text, v == Found}
	return v
}

// branch looks for a clause that must not match and does, and tries each of its
// conditions as the one that does not hold. The choices exclude each other: in each, the
// conditions before hold.
func (p *problem) branch() Verdict {
	at := slices.IndexFunc(p.excluded, func(all []condition) bool {
		return !slices.ContainsFunc(all, func(c condition) bool { return !c.holds(p.dimensions[c.dimension].value) })
	})
	if at < 0 {
		return p.check()
	}
	verdict := None
	violated := p.excluded[at]
	tried := 0
	for ; tried < len(violated); tried++ {
		if p.branches++; p.branches > maxBranches {
			verdict = GaveUp
			break
		}
		c := &violated[tried]
		d := &p.dimensions[c.dimension]
		kept, before := len(d.bounds), d.value
		d.bounds = append(d.bounds, c.bound(false))
		v := p.settle(c.dimension)
		if v == Found {
			v = p.branch()
		}
		if v == Found {
			return Found
		}
		if v == GaveUp {
			verdict = GaveUp
		}
		d = &p.dimensions[c.dimension]
		d.bounds, d.value = append(d.bounds[:kept], c.bound(true)), before
	}
	for _, c := range violated[:tried] {
		d := &p.dimensions[c.dimension]
		d.bounds = d.bounds[:len(d.bounds)-1]
	}
	return verdict
}

// check makes the request of the values and asks the clauses themselves.
func (p *problem) check() Verdict {
	r := p.request()
	v := p.space.view(r)
	for _, c := range p.in {
		if !c.Matches(v) {
			return GaveUp
		}
	}
	for _, c := range p.out {
		if c.Matches(v) {
			return GaveUp
		}
	}
	if !doubt.HasOneReading(r.Query, p.parameters()) {
		return GaveUp // a path with a query of its own
	}
	for i := range p.space.Hosts {
		if !p.space.Hosts[i].admits(r.Authority) {
			return GaveUp
		}
	}
	p.found = r
	return Found
}

// parameters are the query parameters that conditions compare decoded.
func (p *problem) parameters() doubt.Names {
	var names doubt.Names
	for i := range p.dimensions {
		if d := &p.dimensions[i]; d.part == match.PartParameter {
			if names == nil {
				names = doubt.Names{}
			}
			names[d.name] = len(names)
		}
	}
	return names
}

// request makes the request of the values.
func (p *problem) request() *Request {
	e := p.space.edge()
	r := &Request{
		Path: p.dimensions[0].value.text, Method: p.dimensions[1].value.text, Scheme: p.dimensions[2].value.text, Authority: p.dimensions[3].value.text,
		Port: p.space.Port, Header: http.Header{},
	}
	r.TLS = r.Scheme == "https"
	if e.Trusted > 0 {
		r.TLS = p.space.schemes()[0] == "https"
		if r.TLS != (r.Scheme == "https") {
			r.Header[edge.ForwardedProtoHeader] = []string{r.Scheme}
		}
	}
	var query []string
	for i := range p.dimensions {
		d := &p.dimensions[i]
		if !d.value.present {
			continue
		}
		switch {
		case d.part == match.PartQuery && d.value.text == "" && d.name != "":
			query = append(query, d.name)
		case d.part == match.PartQuery:
			query = append(query, d.name+"="+d.value.text)
		case d.part == match.PartParameter && d.value.text == "" && d.name != "":
			query = append(query, url.QueryEscape(d.name))
		case d.part == match.PartParameter:
			query = append(query, url.QueryEscape(d.name)+"="+url.QueryEscape(d.value.text))
		case d.part != match.PartHeader:
		case d.name == edge.ForwardedForHeader && !e.Open:
			r.forwardedFor(d.value.text)
		case d.name == edge.ExternalAddressHeader && !e.Open:
			r.Peer = d.value.text
		default:
			r.Header[d.name] = []string{d.value.text}
		}
	}
	r.Query = strings.Join(query, "&")
	for i := range p.dimensions {
		if d := &p.dimensions[i]; d.whole {
			path, rest, found := strings.Cut(d.value.text, "?")
			r.Path = path
			if found {
				r.Query = rest
			}
		}
	}
	return r
}

// forwardedFor sets the X-Forwarded-For that conditions see, which ends with the
// client's address.
func (r *Request) forwardedFor(value string) {
	if i := strings.LastIndexByte(value, ','); i >= 0 {
		r.Header[edge.ForwardedForHeader] = []string{value[:i]}
		value = value[i+1:]
	}
	r.Peer = value
}
