package compile_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// A declared part of a configuration: its resource, its path there, and a function
// that removes it.
type part struct {
	kind, namespace, name, path string
	// host is the host of a service.
	host    string
	without func() spec.Declarations
}

// TestNothingIsDroppedSilently makes random configurations with few names, so that
// resources are combined, hidden and excluded. If a part can be removed without a
// change of the program, it has no effect, so a warning must name it.
func TestNothingIsDroppedSilently(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 40
	}
	parts, idle := 0, 0
	for seed := range seeds {
		config := func() spec.Declarations { return randomConfig(rand.New(rand.NewPCG(seed, 1))) }
		program, warnings, err := built(config())
		require.NoError(t, err, "seed %d", seed)
		var without []part
		for _, p := range partsOf(config) {
			parts++
			if slices.ContainsFunc(without, p.isIn) {
				continue // its parent has no effect, and was reported
			}
			other, _, err := built(p.without())
			if err != nil || other != program {
				continue
			}
			if p.host != "" && !strings.Contains(program, "|"+p.host+"\n") {
				continue // a service without routes is for sidecars
			}
			if (p.kind == "DestinationRule" || p.kind == "ServiceEntry") && hasMissing(program) {
				continue // nothing is behind the destinations of its hosts
			}
			idle++
			without = append(without, p)
			require.True(t, namedIn(warnings, &p), "seed %d: %s %s/%s %s has no effect, and no warning names it:\n%s\n%s",
				seed, p.kind, p.namespace, p.name, p.path, strings.Join(texts(warnings), "\n"), program)
		}
	}
	t.Logf("%d of %d parts have no effect", idle, parts)
	require.Greater(t, idle, int(seeds), "the configurations have parts without effect")
}

// hasMissing reports whether some destination of a program is missing.
func hasMissing(program string) bool { return strings.Contains(program, " (missing)") }

// isIn reports whether a part is within another.
func (p part) isIn(other part) bool {
	return p.kind == other.kind && p.namespace == other.namespace && p.name == other.name && strings.HasPrefix(p.path, other.path)
}

func built(d spec.Declarations) (program string, warnings []spec.Warning, err error) {
	gw, err := gateway.New().Semantics(gateway.Envoy).Backend("*", testhttp.Saying("app")).Load(d).Build()
	if err != nil {
		return "", nil, err
	}
	defer gw.Close()
	return gw.String(), gw.Warnings(), nil
}

func texts(warnings []spec.Warning) []string {
	var out []string
	for _, w := range warnings {
		out = append(out, w.String())
	}
	return out
}

// namedIn reports whether a warning is about a part, something in it, or a parent
// of it. Of two equal matches, either can be removed, and one is reported.
func namedIn(warnings []spec.Warning, p *part) bool {
	path := strings.ToLower(p.path)
	if i := strings.LastIndex(path, ".match["); i >= 0 {
		path = path[:i+len(".match[")]
	}
	for _, w := range warnings {
		field := strings.ToLower(w.Field)
		if w.Kind == p.kind && w.Namespace == p.namespace && w.Name == p.name && (strings.HasPrefix(field, path) || strings.HasPrefix(path, field)) {
			return true
		}
	}
	return false
}

// partsOf lists the parts of a configuration, which config creates anew each time.
func partsOf(config func() spec.Declarations) []part {
	var out []part
	d := config()
	add := func(kind, namespace, name, path string, take func(*spec.Declarations)) {
		out = append(out, part{kind: kind, namespace: namespace, name: name, path: path, without: func() spec.Declarations {
			d := config()
			take(&d)
			return d
		}})
	}
	for i := range d.Servers {
		s := &d.Servers[i]
		if len(d.Servers) == 1 {
			continue // without servers, all VirtualServices are served on port 80
		}
		add("Gateway", s.Namespace, s.Gateway, "", func(d *spec.Declarations) { d.Servers = without(d.Servers, i) })
	}
	for i := range d.VirtualServices {
		vs := &d.VirtualServices[i]
		add("VirtualService", vs.Namespace, vs.Name, "", func(d *spec.Declarations) { d.VirtualServices = without(d.VirtualServices, i) })
		if len(vs.Hosts) > 1 {
			for j := range vs.Hosts {
				add("VirtualService", vs.Namespace, vs.Name, fmt.Sprintf("hosts[%d]", j), func(d *spec.Declarations) {
					d.VirtualServices[i].Hosts = without(d.VirtualServices[i].Hosts, j)
				})
			}
		}
		for j := range vs.Routes {
			at := fmt.Sprintf("routes[%d]", j)
			if len(vs.Routes) > 1 {
				add("VirtualService", vs.Namespace, vs.Name, at, func(d *spec.Declarations) {
					d.VirtualServices[i].Routes = without(d.VirtualServices[i].Routes, j)
				})
			}
			for k := range vs.Routes[j].Match {
				match := fmt.Sprintf("%s.match[%d]", at, k)
				// Without matches, a route matches every request.
				if len(vs.Routes[j].Match) > 1 {
					add("VirtualService", vs.Namespace, vs.Name, match, func(d *spec.Declarations) {
						d.VirtualServices[i].Routes[j].Match = without(d.VirtualServices[i].Routes[j].Match, k)
					})
				}
				if len(vs.Routes[j].Match[k].Headers) > 0 {
					add("VirtualService", vs.Namespace, vs.Name, match+".headers", func(d *spec.Declarations) {
						d.VirtualServices[i].Routes[j].Match[k].Headers = nil
					})
				}
			}
		}
	}
	for i := range d.DestinationRules {
		r := &d.DestinationRules[i]
		add("DestinationRule", r.Namespace, r.Name, "", func(d *spec.Declarations) { d.DestinationRules = without(d.DestinationRules, i) })
		if r.TrafficPolicy != nil && len(r.Subsets) > 0 {
			add("DestinationRule", r.Namespace, r.Name, "trafficPolicy", func(d *spec.Declarations) { d.DestinationRules[i].TrafficPolicy = nil })
		}
	}
	for i := range d.Services {
		s := &d.Services[i]
		add("ServiceEntry", s.Namespace, s.Name, "", func(d *spec.Declarations) { d.Services = without(d.Services, i) })
		out[len(out)-1].host = s.Hosts[0]
	}
	for i := range d.RateLimits {
		p := &d.RateLimits[i]
		add("RateLimitConfig", p.Namespace, p.Name, "", func(d *spec.Declarations) { d.RateLimits = without(d.RateLimits, i) })
	}
	for i := range d.Telemetries {
		t := &d.Telemetries[i]
		add("Telemetry", t.Namespace, t.Name, "", func(d *spec.Declarations) { d.Telemetries = without(d.Telemetries, i) })
		for j := range t.Tracing {
			at, e := fmt.Sprintf("tracing[%d]", j), &t.Tracing[j]
			tracing := func(d *spec.Declarations) *spec.Tracing { return &d.Telemetries[i].Tracing[j] }
			add("Telemetry", t.Namespace, t.Name, at, func(d *spec.Declarations) { d.Telemetries[i].Tracing = without(d.Telemetries[i].Tracing, j) })
			for k := range e.Providers {
				add("Telemetry", t.Namespace, t.Name, fmt.Sprintf("%s.providers[%d]", at, k), func(d *spec.Declarations) {
					tracing(d).Providers = without(tracing(d).Providers, k)
				})
			}
			for name := range e.CustomTags {
				add("Telemetry", t.Namespace, t.Name, fmt.Sprintf("%s.customTags[%q]", at, name), func(d *spec.Declarations) { delete(tracing(d).CustomTags, name) })
			}
			for _, field := range []struct {
				name  string
				given bool
				take  func(*spec.Tracing)
			}{
				{"randomSamplingPercentage", e.RandomSamplingPercentage != nil, func(t *spec.Tracing) { t.RandomSamplingPercentage = nil }},
				{"disableSpanReporting", e.DisableSpanReporting != nil, func(t *spec.Tracing) { t.DisableSpanReporting = nil }},
				{"disableContextPropagation", e.DisableContextPropagation != nil, func(t *spec.Tracing) { t.DisableContextPropagation = nil }},
				{"useRequestIdForTraceSampling", e.UseRequestIDForTraceSampling != nil, func(t *spec.Tracing) { t.UseRequestIDForTraceSampling = nil }},
				{"enableIstioTags", e.EnableIstioTags != nil, func(t *spec.Tracing) { t.EnableIstioTags = nil }},
			} {
				if field.given {
					add("Telemetry", t.Namespace, t.Name, at+"."+field.name, func(d *spec.Declarations) { field.take(tracing(d)) })
				}
			}
		}
	}
	return out
}

func without[T any](list []T, i int) []T { return append(list[:i:i], list[i+1:]...) }

// randomConfig returns a valid configuration with many ineffective parts.
func randomConfig(r *rand.Rand) spec.Declarations {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	some := func(p float64) bool { return r.Float64() < p }
	namespaces := []string{"istio-system", "shop", "team"}
	namespace := func() string { return one(namespaces...) }
	exportTo := func() []string {
		switch r.IntN(6) {
		case 0:
			return []string{"."}
		case 1:
			return []string{"team"}
		case 2:
			return []string{"istio-system"}
		}
		return nil
	}
	hosts := []string{"a.test", "b.test", "*.test", "a"}
	destination := func() spec.Destination {
		return spec.Destination{Host: one("x.test", "y.test", "z"), Port: 80, Subset: one("", "", "", "v1"), Weight: 1}
	}
	condition := func() (m spec.Match) {
		m.URI = []spec.StringMatch{{}, spec.Prefix("/"), spec.Prefix("/a"), spec.Exact("/a/b"), spec.Regex("/a.*"), spec.Prefix("/a/b"), spec.Prefix("c")}[r.IntN(7)]
		switch r.IntN(8) {
		case 0:
			m.Port = 81
		case 1:
			m.SourceNamespace = namespace()
		case 2:
			m.SourceLabels = map[string]string{"app": "web"}
		case 3:
			m.Gateways = []string{one("istio-system/gw0", "istio-system/gw1")}
		case 4:
			m.Headers = map[string]spec.StringMatch{"x-a": spec.Exact(one("1", "2"))}
		}
		return m
	}
	var d spec.Declarations
	for i := range 1 + r.IntN(3) {
		s := spec.Server{
			Gateway: fmt.Sprintf("gw%d", i), Namespace: "istio-system", Port: 80 + r.IntN(2), PortName: "http", Protocol: "HTTP",
			Hosts: []string{one("*", "*.test", "a.test", "shop/*", "./a.test")},
		}
		if some(0.1) {
			s.Protocol = "TCP"
		}
		d.Servers = append(d.Servers, s)
	}
	delegates := r.IntN(3)
	for i := range 1 + r.IntN(4) {
		vs := spec.VirtualService{Name: fmt.Sprintf("vs%d", i), Namespace: namespace(), ExportTo: exportTo(), Hosts: []string{hosts[r.IntN(len(hosts))]}}
		if vs.Hosts[0] == "a.test" && some(0.5) {
			vs.Hosts = append(vs.Hosts, "other.example")
		}
		vs.Gateways = []string{fmt.Sprintf("istio-system/gw%d", r.IntN(4))}
		for j := range 1 + r.IntN(3) {
			route := spec.Route{Name: fmt.Sprintf("r%d", j)}
			for range r.IntN(3) {
				route.Match = append(route.Match, condition())
			}
			if delegates > 0 && some(0.3) {
				route.Delegate = &spec.Delegate{Name: fmt.Sprintf("own%d", r.IntN(delegates+1)), Namespace: namespace()}
			} else {
				route.Destinations = []spec.Destination{destination()}
			}
			vs.Routes = append(vs.Routes, route)
		}
		d.VirtualServices = append(d.VirtualServices, vs)
	}
	for i := range delegates {
		vs := spec.VirtualService{Name: fmt.Sprintf("own%d", i), Namespace: namespace(), ExportTo: exportTo()}
		for j := range 1 + r.IntN(2) {
			route := spec.Route{Name: fmt.Sprintf("d%d", j), Destinations: []spec.Destination{destination()}}
			for range r.IntN(2) {
				route.Match = append(route.Match, condition())
			}
			vs.Routes = append(vs.Routes, route)
		}
		d.VirtualServices = append(d.VirtualServices, vs)
	}
	for i := range r.IntN(4) {
		rule := spec.DestinationRule{Name: fmt.Sprintf("dr%d", i), Namespace: namespace(), ExportTo: exportTo(), Host: one("x.test", "y.test", "*.test", "z", "typo.test")}
		if some(0.7) {
			rule.TrafficPolicy = &spec.TrafficPolicy{ConnectionPool: &spec.ConnectionPool{TCP: &spec.TCPSettings{MaxConnections: 10 + i}}}
		}
		if rule.TrafficPolicy == nil || some(0.4) {
			rule.Subsets = []spec.Subset{{Name: "v1", Labels: map[string]string{"v": fmt.Sprint(i)}}}
		}
		if some(0.1) {
			rule.WorkloadSelector, rule.ExportTo = map[string]string{"app": "web"}, nil
		}
		d.DestinationRules = append(d.DestinationRules, rule)
	}
	for i := range r.IntN(3) {
		d.Services = append(d.Services, spec.Service{
			Name: fmt.Sprintf("se%d", i), Namespace: namespace(), ExportTo: exportTo(), Hosts: []string{one("x.test", "y.test")}, Resolution: spec.ResolveStatic,
			Ports:     []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}},
			Endpoints: []spec.Endpoint{{Address: fmt.Sprintf("10.0.0.%d", i+1), Labels: map[string]string{"v": fmt.Sprint(i)}}},
		})
	}
	for i := range r.IntN(4) {
		p := spec.RateLimitPolicy{Name: fmt.Sprintf("limit%d", i), Namespace: namespace(), Limits: []spec.RateLimit{{Requests: 10 + i, Unit: time.Hour}}}
		switch r.IntN(4) {
		case 0:
			p.Targets = []spec.TargetRef{{Kind: "Gateway", Name: one("gw0", "gw1")}}
		case 1:
			p.Targets = []spec.TargetRef{{Kind: "VirtualService", Name: one("vs0", "vs1", "own0"), SectionName: one("", "r0", "r1", "d0", "r0-d0")}}
		}
		d.RateLimits = append(d.RateLimits, p)
	}
	d.Telemetries = randomTelemetries(r)
	return d
}

// randomTelemetries returns Telemetries whose settings differ from each other.
func randomTelemetries(r *rand.Rand) []spec.Telemetry {
	some := func(p float64) bool { return r.Float64() < p }
	var out []spec.Telemetry
	for i := range r.IntN(5) {
		t := spec.Telemetry{Name: fmt.Sprintf("traces%d", i), Namespace: []string{"istio-system", "shop"}[r.IntN(2)]}
		switch r.IntN(4) {
		case 0:
			t.Selector = map[string]string{"app": "edge"}
		case 1:
			t.Targets = []spec.TelemetryTarget{{Kind: "Gateway", Name: "gw0"}}
		}
		for j := range r.IntN(3) {
			n := 1 + 10*i + j
			e := spec.Tracing{Mode: spec.TracingMode(r.IntN(3))}
			for k := range r.IntN(3) {
				e.Providers = append(e.Providers, fmt.Sprintf("provider%d-%d", n, k))
			}
			if some(0.5) {
				e.RandomSamplingPercentage = new(float64(n))
			}
			// To turn off what is off, or on what is on, is the same as to leave it.
			if i == 0 && j == 0 {
				e.DisableSpanReporting, e.DisableContextPropagation = new(true), new(true)
			}
			if some(0.2) {
				e.UseRequestIDForTraceSampling, e.EnableIstioTags = new(some(0.5)), new(some(0.5))
			}
			if some(0.5) {
				e.CustomTags = map[string]spec.TracingTag{"n": {Literal: fmt.Sprint(n)}, "h": {Header: &spec.TracingTagSource{Name: "x-h"}}}
				if some(0.3) {
					e.CustomTags["e"] = spec.TracingTag{Environment: &spec.TracingTagSource{Name: "LATEEN_TEST_NO_SUCH_VARIABLE"}}
				}
			}
			t.Tracing = append(t.Tracing, e)
		}
		out = append(out, t)
	}
	return out
}
