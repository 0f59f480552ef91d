package compile

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"

	"github.com/lateengo/gateway/internal/match"
	"github.com/lateengo/gateway/internal/program"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/internal/traffic"
	"github.com/lateengo/gateway/spec"
)

// A compilation is what a program keeps of its compilation for the one that replaces it:
// the routes of resources that their source may declare again, unchanged. They are used
// again while all else that decides about them is the same too.
type compilation struct {
	options  Options
	declared *spec.Declarations
	files    PEMFiles
	routes   map[keptKey][]keptRoute
	// valid are the VirtualServices without a finding.
	valid map[contentKey]bool
}

// A keptKey identifies the routes of a VirtualService behind a server.
type keptKey struct {
	contentKey
	gateway     resource.Name
	port        int
	tls         bool
	implicit    bool
	virtualHost string
}

// A keptRoute is a compiled route. Without certainty it must be compiled again: there were
// findings about it.
type keptRoute struct {
	route   *program.Route
	certain bool
	// matches are those of the route, at the same index. Those that were not compiled are
	// zero.
	matches  []match.Clause
	services []serviceUse
	rules    []ruleUse
	remotes  []*program.Remote
}

// A ruleUse is the DestinationRule, if any, that a route uses for a host, and its subset.
type ruleUse struct{ host, namespace, subset string }

// A serviceUse is the service that a route uses for a host. warned means that a warning
// about it is due, once in a program.
type serviceUse struct {
	host, namespace string
	warned          bool
}

// A recording notes what a route uses while it is compiled.
type recording struct {
	services []serviceUse
	rules    []ruleUse
	remotes  []*program.Remote
	// doubtful means that an upstream of it had findings when it was made.
	doubtful bool
	// findings is the number of findings that are not about the route.
	findings int
}

// An Earlier is the program that a new one will replace, and what is used again of it.
type Earlier struct {
	program *program.Program
	routes  map[keptKey][]keptRoute
	// files are known to be unchanged.
	files PEMFiles
	// checked are the VirtualServices that were valid in the program, and valid those that
	// are in the new one.
	checked, valid map[contentKey]bool
}

// A contentKey identifies a resource that its source keeps.
type contentKey struct {
	content any
	path    string
}

// NewEarlier returns what can be used again of a program, which may be nil, for
// declarations and options.
func NewEarlier(before *program.Program, d *spec.Declarations, o *Options) *Earlier {
	e := &Earlier{program: before, valid: map[contentKey]bool{}}
	if before == nil {
		return e
	}
	k, ok := before.Compilation.(*compilation)
	if ok && sameOptions(&k.options, o) && sameSurroundings(k.declared, d) && k.files.unchanged() {
		e.routes, e.files = k.routes, maps.Clone(k.files)
		if sameDeclared(k.declared.Servers, d.Servers, func(s *spec.Server) *spec.Origin { return &s.Origin }) {
			e.checked = k.valid
		}
	}
	return e
}

// Checked reports whether a VirtualService was found valid before. One that delegates, or
// that others delegate to, is never known to be valid.
func (e *Earlier) Checked(vs *spec.VirtualService) bool {
	if len(e.checked) == 0 {
		return false
	}
	key := contentKey{contentOf(&vs.Origin), vs.Origin.Path}
	if !e.checked[key] {
		return false
	}
	e.valid[key] = true
	return true
}

// Valid notes that a VirtualService is valid.
func (e *Earlier) Valid(vs *spec.VirtualService) {
	content := contentOf(&vs.Origin)
	if content == nil || len(vs.Hosts) == 0 || slices.ContainsFunc(vs.Routes, func(r spec.Route) bool { return r.Delegate != nil }) {
		return
	}
	e.valid[contentKey{content, vs.Origin.Path}] = true
}

// compilation returns what the program keeps for the next one, or nil for nothing.
func (c *Compiler) compilation(earlier *Earlier) any {
	if len(c.kept) == 0 {
		return nil
	}
	// The builder may be changed, and build again.
	options := *c.O
	options.Backends = slices.Clone(options.Backends)
	options.Credentials, options.Discoveries = maps.Clone(options.Credentials), maps.Clone(options.Discoveries)
	return &compilation{
		options: options, files: c.files, routes: c.kept, valid: earlier.valid,
		declared: &spec.Declarations{
			Servers: c.D.Servers, Services: c.D.Services, WorkloadEntries: c.D.WorkloadEntries,
			DestinationRules: c.D.DestinationRules, Credentials: c.D.Credentials,
		},
	}
}

// keptKey returns the key of a VirtualService behind a server. ok is false if its source
// reads it again each time, or if it has routes of others.
func (vs *boundVirtualService) keptKey(s *boundServer) (key keptKey, ok bool) {
	content := contentOf(&vs.Origin)
	if content == nil || slices.ContainsFunc(vs.routes, func(r boundRoute) bool { return r.declared != nil }) {
		return keptKey{}, false
	}
	return keptKey{
		contentKey{content, vs.Origin.Path},
		s.name, s.Port, s.TLS != nil, s.implicit, s.virtualHost,
	}, true
}

// again sets out to a kept route for the present program, and notes what it uses. It returns
// false if the route must be compiled.
func (c *Compiler) again(k *keptRoute, out *program.Route, r *boundRoute, vs *boundVirtualService, s *boundServer) bool {
	if !k.certain {
		return false
	}
	for _, use := range k.services {
		for _, h := range c.services.byHost[use.host] {
			if h.namespace != use.namespace {
				continue
			}
			c.services.use(&c.usage, use.host, h)
			if use.warned {
				c.warnOfService(h)
			}
		}
	}
	for _, use := range k.rules {
		c.services.rules.Find(use.host, use.namespace).Use(use.subset)
	}
	for _, to := range k.remotes {
		c.upstreams[to.Identity] = to
	}
	// The places are those of the present declarations. The earlier ones can be freed.
	*out = *k.route
	out.Origin, out.Declared, out.Limits = r.Origin, declaration(r, vs), c.limits(r, vs, s)
	return true
}

// keep sets own to the kept route before, with room for it, or compiles it and notes what it
// uses.
func (c *Compiler) keep(own, before *keptRoute, room *program.Route, r *boundRoute, vs *boundVirtualService, s *boundServer) {
	if before != nil && c.again(before, room, r, vs, s) {
		*own = *before
		own.route = room
		return
	}
	own.matches = make([]match.Clause, len(r.Match))
	findings := len(c.Errors) + len(c.Warnings)
	c.recording = new(recording)
	own.route = c.route(r, vs, s)
	own.services, own.rules, own.remotes = c.recording.services, c.recording.rules, c.recording.remotes
	own.certain = !c.recording.doubtful && len(c.Errors)+len(c.Warnings) == findings+c.recording.findings
	c.recording = nil
}

// match returns the compiled match j of a route. ok is false if it has an error.
func (c *Compiler) match(before *keptRoute, r *boundRoute, j int) (compiled match.Clause, ok bool) {
	if before != nil && j < len(before.matches) && before.matches[j].URI != (match.URI{}) {
		return before.matches[j], true
	}
	uri, rest, err := match.Compile(&r.Match[j], c.regexes)
	if c.semantics.DecodesParameters() {
		match.DecodeParameters(rest)
	}
	return match.Clause{URI: uri, Conditions: rest}, err == nil
}

// useService records that a route uses the service of a host.
func (c *Compiler) useService(host string, h *hostService) {
	c.services.use(&c.usage, host, h)
	if c.recording != nil {
		c.recording.services = append(c.recording.services, serviceUse{host: host, namespace: h.namespace})
	}
}

// useRule returns the DestinationRule of a host for a route that selects a subset or "".
func (c *Compiler) useRule(host, namespace, subset string) *traffic.Rule {
	if c.recording != nil && len(c.D.DestinationRules) > 0 {
		c.recording.rules = append(c.recording.rules, ruleUse{host, namespace, subset})
	}
	return c.services.rules.Find(host, namespace)
}

// warnOfUsed warns once of the service that a route uses for a host.
func (c *Compiler) warnOfUsed(host string, h *hostService) {
	findings := len(c.Warnings)
	c.warnOfService(h)
	if c.recording != nil {
		c.recording.services = append(c.recording.services, serviceUse{host, h.namespace, true})
		// The warning is not one about this route.
		c.recording.findings += len(c.Warnings) - findings
	}
}

// made makes an upstream, and notes whether there were findings.
func (c *Compiler) made(upstream func() *program.Remote) *program.Remote {
	findings := len(c.Errors) + len(c.Warnings)
	to := upstream()
	if len(c.Errors)+len(c.Warnings) > findings {
		c.doubtful[to] = true
	}
	return to
}

// useRemote records that a route uses an upstream.
func (c *Compiler) useRemote(to *program.Remote) {
	if c.recording != nil {
		c.recording.remotes = append(c.recording.remotes, to)
		c.recording.doubtful = c.recording.doubtful || c.doubtful[to]
	}
}

// contentOf returns what identifies the contents of a declaration that its source keeps,
// or nil.
func contentOf(o *spec.Origin) any {
	if k, ok := o.Fields.(spec.KeptLocator); ok {
		return k.Content()
	}
	return nil
}

// sameOptions reports whether two programs have the same options, as far as routes read
// them.
func sameOptions(a, b *Options) bool {
	return a.Semantics == b.Semantics && a.Trusted == b.Trusted && a.MaxBody == b.MaxBody && a.Namespace == b.Namespace && a.Locality == b.Locality &&
		identical(a.Log.Handler(), b.Log.Handler()) && reflect.DeepEqual(a.Workload, b.Workload) && reflect.DeepEqual(a.Credentials, b.Credentials) &&
		identical(a.Resolver, b.Resolver) && a.Transport == b.Transport &&
		maps.EqualFunc(a.Discoveries, b.Discoveries, func(x, y Discovery) bool { return identical(x, y) }) &&
		slices.EqualFunc(a.Backends, b.Backends, func(x, y Backend) bool {
			return x.Name == y.Name && x.URL == y.URL && identical[http.Handler](x.Handler, y.Handler)
		})
}

// identical reports whether two values are the same. It is false for functions, and for
// others that Go does not compare.
func identical[T any](a, b T) bool {
	x, y := any(a), any(b)
	return x == nil && y == nil || x != nil && y != nil && reflect.ValueOf(x).Comparable() && reflect.ValueOf(y).Comparable() && x == y
}

// sameSurroundings reports whether two declarations are the same, as far as routes read
// them, without the VirtualServices.
func sameSurroundings(a, b *spec.Declarations) bool {
	return sameDeclared(a.Services, b.Services, func(s *spec.Service) *spec.Origin { return &s.Origin }) &&
		sameDeclared(a.WorkloadEntries, b.WorkloadEntries, func(w *spec.WorkloadEntry) *spec.Origin { return &w.Origin }) &&
		sameDeclared(a.DestinationRules, b.DestinationRules, func(r *spec.DestinationRule) *spec.Origin { return &r.Origin }) &&
		sameDeclared(a.Credentials, b.Credentials, func(c *spec.Credential) *spec.Origin { return &c.Origin })
}

// sameDeclared reports whether two lists are the same, wherever they were written. It is
// false for values in Go, which the program may have changed in their place.
func sameDeclared[T any](a, b []T, origin func(*T) *spec.Origin) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		from, to := origin(&a[i]), origin(&b[i])
		if from.Fields == nil || to.Fields == nil {
			return false
		}
		if content := contentOf(from); content != nil && content == contentOf(to) && from.Path == to.Path {
			continue
		}
		if identical(from.Fields, to.Fields) {
			return false
		}
		x, y := a[i], b[i]
		*origin(&x), *origin(&y) = spec.Origin{}, spec.Origin{}
		if !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

// unchanged reports whether all files still have the contents that were read.
func (f PEMFiles) unchanged() bool {
	for path, known := range f {
		text, err := os.ReadFile(path)
		if err != nil || known.err != nil || !bytes.Equal(text, known.text) {
			return false
		}
	}
	return true
}
