package validate

import (
	"maps"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

// loadBalancer validates a load balancer. ejects means that endpoints can be
// ejected; otherwise none fails over to another locality.
func (v *validator) loadBalancer(s *site, b *spec.LoadBalancer, ejects bool) {
	simple := s.field("simple")
	switch {
	case b.Simple > spec.BalancePassthrough:
		simple.errorf(spec.CodeInvalid, "%d is not a way to balance", b.Simple)
	case b.Simple != spec.BalanceLeastRequest && b.ConsistentHash != nil:
		simple.errorf(spec.CodeConflict, "cannot be combined with consistentHash, which is also set")
	case b.Simple == spec.BalancePassthrough:
		simple.warnf("", "PASSTHROUGH has no meaning at a gateway: requests get 503")
	}
	if b.ConsistentHash != nil {
		e := s.field("consistentHash")
		v.consistentHash(&e, b.ConsistentHash)
	}
	if b.Locality != nil {
		e := s.field("localityLbSetting")
		v.locality(&e, b.Locality, ejects)
	}
	if w := b.Warmup; w != nil {
		e := s.field("warmup")
		v.warmup(&e, w)
		if b.ConsistentHash != nil || b.Simple == spec.BalanceRandom || b.Simple == spec.BalancePassthrough {
			e.warnf("", "has no effect: only LEAST_REQUEST and ROUND_ROBIN warm up")
		}
	}
}

// maxRingSize is Envoy's default of maximum_ring_size, which Istio does not change.
const maxRingSize = 8 << 20

// maxTableSize is Envoy's maximum for Maglev.
const maxTableSize = 5000011

func (v *validator) consistentHash(s *site, h *spec.ConsistentHash) {
	var values []string
	for _, value := range []struct {
		field string
		given bool
	}{
		{"httpHeaderName", h.HTTPHeaderName != ""},
		{"httpCookie", h.HTTPCookie != nil},
		{"useSourceIp", h.UseSourceIP},
		{"httpQueryParameterName", h.HTTPQueryParameterName != ""},
	} {
		if value.given {
			values = append(values, value.field)
		}
	}
	switch {
	case len(values) == 0:
		s.warnf("", "hashes nothing: requests go to random endpoints")
	case len(values) > 1:
		s.errorf(spec.CodeConflict, "%s cannot be combined", strings.Join(values, " and "))
	}
	if name := h.HTTPHeaderName; name != "" && !isToken(strings.TrimPrefix(name, ":")) {
		e := s.field("httpHeaderName")
		e.errorf(spec.CodeInvalid, "%q is not the name of a header", name)
	}
	if h.HTTPCookie != nil {
		e := s.field("httpCookie")
		v.hashCookie(&e, h.HTTPCookie)
	}
	if h.RingHash != nil && h.Maglev != nil {
		s.errorf(spec.CodeConflict, "ringHash and maglev cannot be combined")
	}
	if r := h.RingHash; r != nil && (r.MinimumRingSize < 0 || r.MinimumRingSize > maxRingSize) {
		e := s.field("ringHash.minimumRingSize")
		e.errorf(spec.CodeInvalid, "%d is not the size of a ring, 0 to %d is expected", r.MinimumRingSize, maxRingSize)
	}
	if m := h.Maglev; m != nil {
		e := s.field("maglev.tableSize")
		switch {
		case m.TableSize == 0:
			e.errorf(spec.CodeMissing, "is missing: Istio requires one, such as 65537")
		case m.TableSize < 0 || m.TableSize >= maxTableSize || !isPrime(m.TableSize):
			e.errorf(spec.CodeInvalid, "%d is not the size of a table: a prime number below %d is expected", m.TableSize, maxTableSize)
		}
	}
}

func isPrime(n int) bool {
	if n < 2 {
		return false
	}
	for factor := 2; factor*factor <= n; factor++ {
		if n%factor == 0 {
			return false
		}
	}
	return true
}

func (v *validator) hashCookie(s *site, c *spec.HashCookie) {
	name := s.field("name")
	switch {
	case c.Name == "":
		name.errorf(spec.CodeMissing, "the cookie has no name")
	case !isToken(c.Name):
		name.errorf(spec.CodeInvalid, "%q is not the name of a cookie", c.Name)
	}
	if c.TTL != nil {
		v.duration(s, "ttl", *c.TTL)
	}
	for i, a := range c.Attributes {
		e := s.element("attributes", i)
		at := e.field("name")
		same := func(other spec.CookieAttribute) bool { return other.Name == a.Name }
		switch {
		case a.Name == "":
			at.errorf(spec.CodeMissing, "the attribute has no name")
		case slices.ContainsFunc(c.Attributes[:i], same):
			at.errorf(spec.CodeDuplicate, "%q is listed twice", a.Name)
		}
	}
	if c.TTL == nil && (c.Path != "" || len(c.Attributes) > 0) {
		s.warnf("", "path and attributes have no effect: no cookie is created without ttl")
	}
}

func (v *validator) warmup(s *site, w *spec.Warmup) {
	v.required(s, "duration", w.Duration != 0)
	v.duration(s, "duration", w.Duration)
	if w.MinimumPercent != nil {
		v.percentage(s, "minimumPercent", *w.MinimumPercent)
	}
	if w.Aggression != nil && !(*w.Aggression > 0) {
		e := s.field("aggression")
		e.errorf(spec.CodeInvalid, "%v is not an aggression, more than 0 is expected", *w.Aggression)
	}
}

func (v *validator) locality(s *site, l *spec.LocalityLB, ejects bool) {
	failsOver := len(l.Failover) > 0 || len(l.FailoverPriority) > 0
	switch {
	case len(l.Distribute) > 0 && len(l.Failover) > 0:
		s.errorf(spec.CodeConflict, "distribute and failover cannot be combined")
	case len(l.Distribute) > 0 && len(l.FailoverPriority) > 0:
		e := s.field("failoverPriority")
		e.warnf("", "has no effect: distribute is set")
	case failsOver && !ejects:
		s.warnf(codeSchema, "nothing fails over: there is no outlierDetection")
	}
	if l.Enabled != nil && !*l.Enabled && (failsOver || len(l.Distribute) > 0) {
		e := s.field("enabled")
		e.warnf("", "the other settings have no effect: locality is switched off")
	}
	var from []string
	for i, d := range l.Distribute {
		e := s.element("distribute", i)
		at := e.field("from")
		v.place(&at, d.From, from)
		from = append(from, d.From)
		v.shares(&e, d.To)
	}
	for i, f := range l.Failover {
		e := s.element("failover", i)
		for _, region := range []struct{ field, name string }{{"from", f.From}, {"to", f.To}} {
			at := e.field(region.field)
			switch {
			case region.name == "":
				at.errorf(spec.CodeMissing, "the region is missing")
			case strings.ContainsAny(region.name, "*/"):
				at.errorf(spec.CodeInvalid, "%q is not a region: it has neither zones nor wildcards", region.name)
			}
		}
		if f.From == f.To && f.From != "" {
			e.errorf(spec.CodeInvalid, "%q fails over to itself", f.From)
		}
	}
	for i, label := range l.FailoverPriority {
		e := s.element("failoverPriority", i)
		key, value, _ := strings.Cut(label, "=")
		if problem := labelSetProblem(key, value); problem != "" {
			e.errorf(spec.CodeInvalid, "%s", problem)
		} else if slices.Contains(l.FailoverPriority[:i], label) {
			e.warnf("", "%q is listed twice", label)
		}
	}
}

// shares validates the shares of the localities.
func (v *validator) shares(s *site, to map[string]int) {
	sum, sound := 0, true
	var places []string
	for _, name := range slices.Sorted(maps.Keys(to)) {
		e := s.entry("to", name)
		v.place(&e, name, places)
		places = append(places, name)
		if to[name] < 1 || to[name] > 100 {
			e.errorf(spec.CodeInvalid, "%d is not a share, 1 to 100 is expected", to[name])
			sound = false
		}
		sum += to[name]
	}
	if sound && sum != 100 {
		e := s.field("to")
		e.errorf(spec.CodeInvalid, "the shares sum to %d, 100 is expected", sum)
	}
}

// place validates the name of a region, zone or subzone, with * at its end for all
// below. others are the names listed before it.
func (v *validator) place(s *site, name string, others []string) {
	parts := strings.Split(name, "/")
	switch {
	case name == "":
		s.errorf(spec.CodeMissing, "the locality is missing")
		return
	case len(parts) > 3:
		s.errorf(spec.CodeInvalid, "%q is not a locality: region/zone/subzone is expected", name)
		return
	case slices.Contains(parts, ""):
		s.errorf(spec.CodeInvalid, "%q is not a locality: a part is empty", name)
		return
	case strings.Contains(strings.TrimSuffix(name, "*"), "*") || strings.HasSuffix(name, "*") && parts[len(parts)-1] != "*":
		s.errorf(spec.CodeInvalid, "%q is not a locality: * is allowed only as the whole last part", name)
		return
	}
	for _, other := range others {
		if placeWithin(name, other) || placeWithin(other, name) {
			s.errorf(spec.CodeConflict, "%q overlaps with %q", name, other)
			return
		}
	}
}

// placeWithin reports whether locality a is in locality b.
func placeWithin(a, b string) bool {
	if a == b || b == "*" {
		return true
	}
	prefix := strings.TrimSuffix(b, "*")
	if prefix == b {
		prefix += "/"
	}
	return strings.HasPrefix(a, prefix)
}
