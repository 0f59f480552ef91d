package istio

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lateengo/gateway/spec"
)

const onlyLateen = "Istio has no such kind: only Lateen reads it."

// writeRateLimits writes the policies, the limits that routes have of their own, and the
// domains of envoyproxy/ratelimit.
func (w *writer) writeRateLimits() {
	policies := slices.Clone(w.declared.RateLimits)
	policies = append(policies, w.limitsOfRoutes()...)
	policies = w.writeEnvoyFilters(policies)
	of := make([]naming, len(policies))
	for i := range policies {
		of[i] = naming{cmp.Or(policies[i].Namespace, w.options.Namespace), policies[i].Name, policies[i].Created, "limits"}
	}
	names := namesOf("limits", of)
	if w.options.RateLimits == LimitsAsEnvoyFilter {
		w.envoyPolicies(policies, names)
		return
	}
	for i := range policies {
		w.rateLimitPolicy(&policies[i], names[i])
	}
	for i := range w.declared.RateLimitDomains {
		w.rateLimitDomain(&w.declared.RateLimitDomains[i])
	}
}

// limitsOfRoutes returns the limits of routes as policies. They apply together with all
// others.
func (w *writer) limitsOfRoutes() []spec.RateLimitPolicy {
	var out []spec.RateLimitPolicy
	for i := range w.declared.VirtualServices {
		vs, doc := &w.declared.VirtualServices[i], w.virtualServices[i]
		for j := range vs.Routes {
			r := &vs.Routes[j]
			if len(r.RateLimits) == 0 {
				continue
			}
			name, path := routeName(vs, j), fmt.Sprintf("spec.http[%d].rateLimits", j)
			if slices.ContainsFunc(slices.Concat(vs.Routes[:j], vs.Routes[j+1:]), func(o spec.Route) bool { return o.Name == name }) {
				w.lost(doc, path, fmt.Sprintf("several routes have the name %q, and a RateLimitConfig would limit all of them", name))
				continue
			}
			target := spec.TargetRef{Kind: "VirtualService", Name: doc.name, SectionName: name}
			if slices.ContainsFunc(w.declared.RateLimits, func(p spec.RateLimitPolicy) bool {
				return cmp.Or(p.Namespace, w.options.Namespace) == doc.namespace && p.Inheritance != spec.InheritInclude && slices.Contains(p.Targets, target)
			}) {
				w.lost(doc, path, "a RateLimitConfig for the route keeps out less specific ones, and one for these limits would not")
				continue
			}
			o := r.Origin
			if o.IsZero() {
				o = vs.Origin
			}
			o.Fields = nil
			out = append(out, spec.RateLimitPolicy{
				Name: doc.name + "-" + resourceName(name), Namespace: doc.namespace, Created: vs.Created,
				Targets: []spec.TargetRef{target}, Limits: r.RateLimits, Inheritance: spec.InheritInclude, Origin: o,
			})
			doc.comment(path, "in RateLimitConfig "+doc.name+"-"+resourceName(name))
		}
	}
	return out
}

func (w *writer) rateLimitPolicy(p *spec.RateLimitPolicy, name string) {
	doc := w.document(p.Origin, networkingGroup+"/v1alpha3", "RateLimitConfig", p.Namespace, name, p.Created)
	doc.origin.Kind, doc.origin.Path = "RateLimitConfig", ""
	w.note(doc, "", onlyLateen)
	if p.Name == "" {
		w.note(doc, "metadata.name", "the policy had no name")
	}
	content := objectValue()
	if len(p.Selector) > 0 {
		content.set("selector", objectValue().set("matchLabels", textsValue(p.Selector)))
		if len(p.Targets) > 0 {
			w.lost(doc, "spec.targetRefs", "it cannot be combined with selector")
		}
	}
	if len(p.VirtualHosts) > 0 {
		w.lost(doc, "spec.virtualHosts", "only an EnvoyFilter can select virtual hosts")
	}
	content.set("targetRefs", listValue(p.Targets, func(t *spec.TargetRef) *value {
		if t.VirtualHost != "" || t.Name == "" {
			w.lost(doc, "spec.targetRefs", "only an EnvoyFilter can select routes of any VirtualService")
		}
		return objectValue().set("kind", exactText(&t.Kind)).set("name", textValue(t.Name)).set("sectionName", textValue(t.SectionName))
	}))
	if len(p.Limits) > 0 {
		limits := &value{form: list}
		for i := range p.Limits {
			limits.elements = append(limits.elements, w.rateLimit(doc, fmt.Sprintf("spec.limits[%d]", i), &p.Limits[i]))
		}
		content.set("limits", limits)
	}
	content.set("rateLimits", w.limitDescriptors(doc, "spec.rateLimits", p.Descriptors, false))
	content.set("local", w.localLimit(doc, "spec.local", p.Local))
	content.set("global", w.globalLimit(doc, "spec.global", p.Global))
	content.set("response", w.limitResponse(doc, "spec.response", p.Response))
	content.set("mode", w.limitWord(doc, "spec.mode", uint8(p.Mode), "ENFORCE", "SHADOW", "DISABLED"))
	content.set("inheritance", w.limitWord(doc, "spec.inheritance", uint8(p.Inheritance), "OVERRIDE", "INCLUDE", "IGNORE"))
	doc.content.set("spec", content)
}

// limitWord returns one of the words of a field. The first is the default.
func (w *writer) limitWord(doc *written, path string, n uint8, words ...string) *value {
	switch {
	case n == 0:
		return nil
	case int(n) >= len(words):
		w.lost(doc, path, fmt.Sprintf("%d is not one of %s", n, strings.Join(words, ", ")))
		return nil
	}
	return textValue(words[n])
}

func (w *writer) limitUnit(doc *written, path string, l *spec.RateLimit) *value {
	if i := slices.Index(units, l.Unit); i >= 0 {
		return textValue(unitNames[i])
	}
	w.lost(doc, path, fmt.Sprintf("%v is not a unit: one of %s is expected", l.Unit, strings.Join(unitNames, ", ")))
	return nil
}

// count returns a number of 32 bits, or nil for zero.
func (w *writer) count(doc *written, path string, n int) *value {
	if n < 0 {
		w.lost(doc, path, fmt.Sprintf("%d is negative", n))
		return nil
	}
	return intValue(int(number32[uint32](w, doc, path, n)))
}

func (w *writer) rateLimit(doc *written, path string, l *spec.RateLimit) *value {
	v := objectValue()
	v.set("requestsPerUnit", cmp.Or(w.count(doc, path+".requestsPerUnit", l.Requests), &value{form: number, scalar: "0"}))
	v.set("unit", w.limitUnit(doc, path+".unit", l))
	v.set("burst", w.count(doc, path+".burst", l.Burst))
	v.set("per", listValue(l.Per, func(k *spec.LimitKey) *value {
		switch {
		case k.RemoteAddress && k.Header != "":
			w.lost(doc, path+".per", "remoteAddress and a header are two parts of a key")
		case k.RemoteAddress:
			return textValue("remoteAddress")
		}
		return objectValue().set("header", exactText(&k.Header))
	}))
	if l.When != nil {
		v.set("when", w.limitWhen(doc, path+".when", l.When))
	}
	v.set("onMissingKey", w.limitWord(doc, path+".onMissingKey", uint8(l.OnMissingKey), "", "ALLOW", "SHARE", "DENY"))
	v.set("onStoreFailure", w.limitWord(doc, path+".onStoreFailure", uint8(l.OnStoreFailure), "LOCAL", "ALLOW", "DENY"))
	v.set("algorithm", w.limitWord(doc, path+".algorithm", uint8(l.Algorithm), "GCRA", "FIXED_WINDOW"))
	switch l.Provider {
	case spec.DefaultProvider:
	case "":
		w.note(doc, path, "each process counted alone. A RateLimitConfig counts for all replicas together, if lateen serve or Builder.Limiter gives it a store")
	default:
		w.lost(doc, path+".provider", fmt.Sprintf("all limits in YAML have the provider %q, not %q", spec.DefaultProvider, l.Provider))
	}
	if l.MaxKeys != 0 {
		w.note(doc, path, fmt.Sprintf("maxKeys: %d is a setting of the process: it is not written", l.MaxKeys))
	}
	v.set("response", w.limitResponse(doc, path+".response", l.Response))
	return v.set("mode", w.limitWord(doc, path+".mode", uint8(l.Mode), "ENFORCE", "SHADOW", "DISABLED"))
}

// limitWhen returns the conditions of a limit.
func (w *writer) limitWhen(doc *written, path string, m *spec.Match) *value {
	if m.Port != 0 || len(m.Gateways) > 0 || len(m.SourceLabels) > 0 || m.SourceNamespace != "" {
		w.lost(doc, path, "a port, gateways and a source cannot restrict a limit")
	}
	request := *m
	request.Name, request.StatPrefix, request.Port, request.Gateways, request.SourceLabels, request.SourceNamespace = "", "", 0, nil, nil, ""
	return messageValue(w.match(doc, path, &request))
}

func (w *writer) limitResponse(doc *written, path string, s *spec.LimitResponse) *value {
	if s == nil {
		return nil
	}
	v := objectValue().set("statusCode", w.count(doc, path+".statusCode", s.Status)).
		set("body", textValue(s.Body)).set("contentType", textValue(s.ContentType))
	if headers := objectValue().set("set", textsValue(s.Headers)).set("add", textsValue(s.AddHeaders)).orNothing(); headers != nil {
		v.set("headers", headers)
	}
	v.set("rateLimitHeaders", w.limitWord(doc, path+".rateLimitHeaders", uint8(s.RateLimitHeaders), "OFF", "DRAFT_VERSION_03", "IETF"))
	return v.set("rateLimitedAsResourceExhausted", boolValue(s.ResourceExhausted))
}

// tokenBucket returns a bucket in the names of RateLimitConfig, or of Envoy.
func (w *writer) tokenBucket(doc *written, path string, b *spec.TokenBucket, envoy bool) *value {
	interval := durationText(b.FillInterval)
	if envoy {
		interval = secondsText(b.FillInterval)
	}
	v := objectValue().set("maxTokens", cmp.Or(w.count(doc, path+".maxTokens", b.MaxTokens), &value{form: number, scalar: "0"})).
		set("tokensPerFill", w.count(doc, path+".tokensPerFill", b.TokensPerFill))
	return v.set("fillInterval", textValue(interval))
}

func (w *writer) localLimit(doc *written, path string, l *spec.LocalRateLimit) *value {
	if l == nil {
		return nil
	}
	v := objectValue()
	w.localBuckets(doc, path, l, v, false)
	return v.set("perDownstreamConnection", boolValue(l.PerConnection))
}

// localBuckets adds what RateLimitConfig and Envoy's filter say in the same way.
func (w *writer) localBuckets(doc *written, path string, l *spec.LocalRateLimit, v *value, envoy bool) {
	if l.Bucket != nil {
		v.set("tokenBucket", w.tokenBucket(doc, path+".tokenBucket", l.Bucket, envoy))
	}
	v.set("descriptors", listValue(l.Descriptors, func(d *spec.LocalDescriptor) *value {
		entries := listValue(d.Entries, func(e *spec.DescriptorEntry) *value {
			return objectValue().set("key", exactText(&e.Key)).set("value", textValue(e.Value))
		})
		return objectValue().set("entries", entries).set("tokenBucket", w.tokenBucket(doc, path+".descriptors", &d.Bucket, envoy))
	}))
	if l.BucketUnmatchedOnly {
		v.set("alwaysConsumeDefaultTokenBucket", falseValue())
	}
	v.set("maxDynamicDescriptors", w.count(doc, path+".maxDynamicDescriptors", l.MaxKeys))
}

func (w *writer) globalLimit(doc *written, path string, g *spec.GlobalRateLimit) *value {
	if g == nil {
		return nil
	}
	v := objectValue().set("domain", textValue(g.Domain)).set("provider", textValue(g.Provider))
	v.set("descriptors", w.descriptorLimits(doc, path+".descriptors", g.Descriptors, false))
	v.set("algorithm", w.limitWord(doc, path+".algorithm", uint8(g.Algorithm), "GCRA", "FIXED_WINDOW"))
	v.set("onStoreFailure", w.limitWord(doc, path+".onStoreFailure", uint8(g.OnStoreFailure), "LOCAL", "ALLOW", "DENY"))
	v.set("statusOnError", w.count(doc, path+".statusOnError", g.StatusOnError))
	if g.Timeout != 0 {
		v.set("timeout", textValue(durationText(g.Timeout)))
	}
	return v
}

// descriptorLimits returns nodes of the tree of limits: as RateLimitConfig writes them, or
// in the names of envoyproxy/ratelimit.
func (w *writer) descriptorLimits(doc *written, path string, list []spec.DescriptorLimit, snake bool) *value {
	name := func(s string) string {
		if snake {
			return snakeCase(s)
		}
		return s
	}
	i := -1
	return listValue(list, func(d *spec.DescriptorLimit) *value {
		i++
		at := fmt.Sprintf("%s[%d]", path, i)
		v := objectValue().set("key", exactText(&d.Key)).set("value", textValue(d.Value))
		if d.Limit != nil {
			v.set(name("rateLimit"), w.descriptorRate(doc, at+"."+name("rateLimit"), d.Limit, snake))
		}
		v.set(name("shadowMode"), boolValue(d.Shadow)).set(name("shareThreshold"), boolValue(d.ShareThreshold))
		if snake && (d.Weight != 0 || d.AlwaysApply) {
			w.lost(doc, at, "envoyproxy/ratelimit has no weight and no alwaysApply")
		} else {
			v.set("weight", w.count(doc, at+".weight", d.Weight)).set("alwaysApply", boolValue(d.AlwaysApply))
		}
		return v.set("descriptors", w.descriptorLimits(doc, at+".descriptors", d.Descriptors, snake))
	})
}

func (w *writer) descriptorRate(doc *written, path string, r *spec.DescriptorRate, snake bool) *value {
	requestsPerUnit, unitName := "requestsPerUnit", func(s string) string { return s }
	if snake {
		requestsPerUnit, unitName = "requests_per_unit", strings.ToLower
	}
	v := objectValue().set("name", textValue(r.Name)).set("unlimited", boolValue(r.Unlimited))
	if r.Unit != 0 {
		if i := slices.Index(units, r.Unit); i >= 0 {
			v.set("unit", textValue(unitName(unitNames[i])))
		} else {
			w.lost(doc, path+".unit", fmt.Sprintf("%v is not a unit: one of %s is expected", r.Unit, strings.Join(unitNames, ", ")))
		}
	}
	requests := w.count(doc, path+"."+requestsPerUnit, r.Requests)
	if requests == nil && !r.Unlimited {
		requests = &value{form: number, scalar: "0"}
	}
	v.set(requestsPerUnit, requests)
	return v.set("replaces", listValue(r.Replaces, func(s *string) *value { return objectValue().set("name", exactText(s)) }))
}

// rateLimitDomain writes a domain as the configuration of envoyproxy/ratelimit.
func (w *writer) rateLimitDomain(d *spec.RateLimitDomain) {
	doc := &written{rank: slices.Index(kindOrder, ""), name: d.Name, origin: d.Origin}
	w.documents = append(w.documents, doc)
	doc.comment("", "The configuration of envoyproxy/ratelimit for a domain: a file of the service, not of the cluster.")
	doc.content = objectValue().set("domain", exactText(&d.Name))
	descriptors := w.descriptorLimits(doc, "descriptors", d.Descriptors, true)
	if descriptors == nil {
		descriptors = &value{form: list}
	}
	doc.content.set("descriptors", descriptors)
}
