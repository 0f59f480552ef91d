package istio

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/lateengo/gateway/spec"
)

const (
	// limitService is the cluster of envoyproxy/ratelimit in the examples of Istio.
	limitService     = "ratelimit." + rootNamespace + clusterDomain
	limitServicePort = "8081"

	configMapName = "ratelimit-config"
	connections   = "envoy.filters.network.http_connection_manager"
)

// An envoyGroup are policies with the same settings of Envoy's global filter: one filter
// and one domain serve all of them.
type envoyGroup struct {
	settings envoySettings
	domain   string
	scopes   []scope
	limits   []spec.DescriptorLimit
	doc      *written
}

// envoySettings are what a filter says for all its limits.
type envoySettings struct {
	global   spec.GlobalRateLimit
	response *spec.LimitResponse
	mode     spec.LimitMode
}

// An envoyWriter writes policies as EnvoyFilters.
type envoyWriter struct {
	*writer
	groups []*envoyGroup
	// local are the scopes with local limits of virtual hosts or routes, which need a
	// filter that does nothing else.
	local []scope
	// taken are the targets with a local limit.
	taken map[string]bool
}

// envoyPolicies writes policies as EnvoyFilters.
func (w *writer) envoyPolicies(policies []spec.RateLimitPolicy, names []string) {
	e := &envoyWriter{writer: w, taken: map[string]bool{}}
	for i := range policies {
		e.policy(&policies[i], names[i])
	}
	for _, g := range e.groups {
		for _, s := range g.scopes {
			doc := e.filterDocument(g.doc.origin, s, g.domain)
			doc.comment("", fmt.Sprintf("It asks envoyproxy/ratelimit, as the Service %s with port %s. The ConfigMap %s has its configuration.", limitService, limitServicePort, configMapName))
			e.addPatches(doc, filterPatch("envoy.filters.http.ratelimit", globalRateLimit, e.globalConfig(g)))
		}
	}
	for _, s := range e.local {
		doc := e.filterDocument(spec.Origin{}, s, "local-ratelimit")
		doc.comment("", "It limits nothing itself. Virtual hosts and routes do.")
		e.addPatches(doc, filterPatch("envoy.filters.http.local_ratelimit", localRateLimit, objectValue().set("stat_prefix", textValue("http_local_rate_limiter"))))
	}
	e.configMap()
}

func (e *envoyWriter) filterDocument(o spec.Origin, s scope, name string) *written {
	name = resourceName(name)
	for n := 1; ; n++ {
		unique := numbered(name, n)
		if !slices.ContainsFunc(e.documents, func(d *written) bool {
			return d.kind == "EnvoyFilter" && d.namespace == s.namespace && d.name == unique
		}) {
			name = unique
			break
		}
	}
	doc := e.document(o, networkingGroup+"/v1alpha3", "EnvoyFilter", s.namespace, name, noTime)
	doc.origin.Path = ""
	content := objectValue()
	if len(s.labels) > 0 {
		content.set("workloadSelector", objectValue().set("labels", textsValue(s.labels)))
	}
	doc.content.set("spec", content.set("configPatches", &value{form: list}))
	return doc
}

func (e *envoyWriter) addPatches(doc *written, patches ...*value) {
	to := doc.content.at("spec", "configPatches")
	to.elements = append(to.elements, patches...)
}

func patch(applyTo string, match *value, operation string, content *value) *value {
	match.keys, match.elements = append([]key{{name: "context"}}, match.keys...), append([]*value{textValue("GATEWAY")}, match.elements...)
	return objectValue().set("applyTo", textValue(applyTo)).set("match", match).
		set("patch", objectValue().set("operation", textValue(operation)).set("value", content))
}

// filterPatch adds a filter before all others of HTTP.
func filterPatch(name, message string, config *value) *value {
	at := objectValue().set("listener", objectValue().set("filterChain", objectValue().set("filter", objectValue().set("name", textValue(connections)))))
	typed := objectValue().set("@type", textValue("type.googleapis.com/"+message))
	typed.keys, typed.elements = append(typed.keys, config.keys...), append(typed.elements, config.elements...)
	return patch("HTTP_FILTER", at, "INSERT_BEFORE", objectValue().set("name", textValue(name)).set("typed_config", typed))
}

// targetPatch adds something to a virtual host or to a route.
func targetPatch(t limitTarget, content *value) *value {
	host := objectValue().set("name", textValue(t.host))
	applyTo := "VIRTUAL_HOST"
	if t.level == routes {
		applyTo = "HTTP_ROUTE"
		host.set("route", objectValue().set("name", textValue(t.route)))
	}
	return patch(applyTo, objectValue().set("routeConfiguration", objectValue().set("vhost", host)), "MERGE", content)
}

// policy writes a policy: its global limits as actions of what it limits, its local limit
// as a filter there.
func (e *envoyWriter) policy(p *spec.RateLimitPolicy, name string) {
	if p.Mode == spec.LimitDisabled && p.Inheritance != spec.InheritIgnore {
		return
	}
	doc := e.document(p.Origin, networkingGroup+"/v1alpha3", "EnvoyFilter", p.Namespace, name, noTime)
	doc.origin.Kind, doc.origin.Path = "RateLimitConfig", ""
	places := e.places(doc, p)
	// The document only collects what is lost. Each scope has one of its own.
	e.documents = slices.DeleteFunc(e.documents, func(d *written) bool { return d == doc })
	e.envoyLosses(doc, p)
	id := doc.namespace + "/" + name
	var group *envoyGroup
	var descriptors []spec.RateLimitDescriptor
	if p.Global != nil || len(p.Limits) > 0 {
		var limits []spec.DescriptorLimit
		descriptors, limits = e.expanded(doc, p, id)
		group = e.group(doc, p)
		group.limits = append(group.limits, limits...)
	}
	for i, place := range places {
		of := e.filterDocument(p.Origin, place.scope, name)
		of.origin = doc.origin
		if i == 0 {
			of.comments = doc.comments
		}
		if group != nil && !slices.ContainsFunc(group.scopes, func(s scope) bool { return s.covers(place.scope) }) {
			group.scopes = append(group.scopes, place.scope)
		}
		for _, t := range place.targets {
			if group != nil {
				e.addPatches(of, targetPatch(t, e.actionRules(of, p, t, descriptors)))
			}
			if p.Local != nil {
				e.localPatch(of, p, place.scope, t)
			}
		}
	}
}

// envoyLosses says what of a policy Envoy's filters do not have, or do in another way.
func (e *envoyWriter) envoyLosses(doc *written, p *spec.RateLimitPolicy) {
	if r := p.Response; r != nil {
		if r.Body != "" || r.ContentType != "" {
			e.lost(doc, "spec.response.body", "Envoy's answer has no other body")
		}
		if r.RateLimitHeaders == spec.RateLimitHeadersIETF {
			e.lost(doc, "spec.response.rateLimitHeaders", "Envoy has only the headers of DRAFT_VERSION_03")
		}
	}
	local := spec.StoreFailureLocal
	for i := range p.Limits {
		if l := &p.Limits[i]; i > 0 && (l.OnStoreFailure != p.Limits[0].OnStoreFailure) {
			e.lost(doc, fmt.Sprintf("spec.limits[%d].onStoreFailure", i), "Envoy has one for all limits of a filter")
		}
		local = p.Limits[i].OnStoreFailure
	}
	if p.Global != nil {
		if local = p.Global.OnStoreFailure; len(p.Limits) > 0 && p.Limits[0].OnStoreFailure != local {
			e.lost(doc, "spec.global.onStoreFailure", "Envoy has one for all limits of a filter, also for those in limits")
		}
		if p.Global.Provider != "" && p.Global.Provider != spec.DefaultProvider {
			e.lost(doc, "spec.global.provider", "the EnvoyFilter asks envoyproxy/ratelimit")
		}
	}
	if p.Global != nil || len(p.Limits) > 0 {
		if local == spec.StoreFailureLocal {
			e.note(doc, "", "while envoyproxy/ratelimit does not answer, Envoy allows all requests, and Lateen counts alone")
		}
		e.note(doc, "", "the service envoyproxy/ratelimit counts in windows: around the end of a unit, up to twice the requests are allowed")
	}
	if len(p.Limits) > 1 {
		e.note(doc, "spec.limits", "the service counts a request in all limits, also if one of them refuses it. Lateen then counts it in none")
	}
	if p.Inheritance == spec.InheritOverride && len(e.declared.RateLimits) > 1 {
		e.note(doc, "", "in Envoy the actions of a route replace those of its virtual host, also where they have nothing to count")
	}
}

// group returns the group of policies with the settings of p.
func (e *envoyWriter) group(doc *written, p *spec.RateLimitPolicy) *envoyGroup {
	s := envoySettings{mode: p.Mode, response: p.Response}
	if p.Global != nil {
		s.global = *p.Global
	} else {
		s.global.OnStoreFailure = p.Limits[0].OnStoreFailure
	}
	// What Envoy does not tell apart.
	s.global.Domain, s.global.Descriptors, s.global.Provider, s.global.Algorithm = "", nil, "", 0
	if s.global.OnStoreFailure == spec.StoreFailureLocal {
		s.global.OnStoreFailure = spec.StoreFailureAllow
	}
	for _, g := range e.groups {
		if reflect.DeepEqual(g.settings, s) {
			return g
		}
	}
	g := &envoyGroup{settings: s, domain: numbered("lateen", len(e.groups)+1), doc: doc}
	e.groups = append(e.groups, g)
	return g
}

// actionRules returns what is counted, for a virtual host or for a route.
func (e *envoyWriter) actionRules(doc *written, p *spec.RateLimitPolicy, t limitTarget, descriptors []spec.RateLimitDescriptor) *value {
	rules := objectValue().set("rate_limits", e.limitDescriptors(doc, "spec.rateLimits", descriptors, true))
	if t.level != routes {
		return rules
	}
	return objectValue().set("route", rules.set("include_vh_rate_limits", boolValue(p.Inheritance == spec.InheritInclude)))
}

// localPatch adds the local limit of a policy.
func (e *envoyWriter) localPatch(doc *written, p *spec.RateLimitPolicy, s scope, t limitTarget) {
	at := s.namespace + " " + labelsText(s.labels) + " " + fmt.Sprint(t)
	if e.taken[at] {
		e.lost(doc, "spec.local", "another policy has a local limit for the same requests, and Envoy has one filter for them")
		return
	}
	e.taken[at] = true
	config := e.localConfig(doc, p)
	if t.isAll() {
		e.addPatches(doc, filterPatch("envoy.filters.http.local_ratelimit", localRateLimit, config))
		return
	}
	if !slices.ContainsFunc(e.local, func(o scope) bool { return o.covers(s) }) {
		e.local = append(e.local, s)
	}
	typed := objectValue().set("@type", textValue("type.googleapis.com/"+localRateLimit))
	typed.keys, typed.elements = append(typed.keys, config.keys...), append(typed.elements, config.elements...)
	e.addPatches(doc, targetPatch(t, objectValue().set("typed_per_filter_config", objectValue().set("envoy.filters.http.local_ratelimit", typed))))
}

func (e *envoyWriter) localConfig(doc *written, p *spec.RateLimitPolicy) *value {
	v := objectValue()
	e.localBuckets(doc, "spec.local", p.Local, v, true)
	v = objectValue().set("stat_prefix", textValue("http_local_rate_limiter")).merge(spelled(v))
	v.set("local_rate_limit_per_downstream_connection", boolValue(p.Local.PerConnection))
	if len(p.Local.Descriptors) > 0 {
		v.set("rate_limits", e.limitDescriptors(doc, "spec.rateLimits", p.Descriptors, true))
	}
	enforced := 100
	if p.Mode == spec.LimitShadow {
		enforced = 0
	}
	if p.Mode != spec.LimitDisabled {
		v.set("filter_enabled", percentValue(100)).set("filter_enforced", percentValue(enforced))
	}
	return e.responseConfig(v, p.Response, "status")
}

// merge adds the fields of another map.
func (v *value) merge(o *value) *value {
	v.keys, v.elements = append(v.keys, o.keys...), append(v.elements, o.elements...)
	return v
}

func percentValue(n int) *value {
	return objectValue().set("default_value", objectValue().set("numerator", &value{form: number, scalar: fmt.Sprint(n)}).set("denominator", textValue("HUNDRED")))
}

// responseConfig adds the answer of a filter.
func (e *envoyWriter) responseConfig(v *value, r *spec.LimitResponse, status string) *value {
	if r == nil {
		return v
	}
	if r.Status != 0 {
		v.set(status, objectValue().set("code", intValue(r.Status)))
	}
	headers := &value{form: list}
	add := func(m map[string]string, action string) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			header := objectValue().set("key", exactText(&name)).set("value", &value{form: text, scalar: m[name]})
			headers.elements = append(headers.elements, objectValue().set("append_action", textValue(action)).set("header", header))
		}
	}
	add(r.Headers, "OVERWRITE_IF_EXISTS_OR_ADD")
	add(r.AddHeaders, "APPEND_IF_EXISTS_OR_ADD")
	if len(headers.elements) > 0 {
		v.set("response_headers_to_add", headers)
	}
	if r.RateLimitHeaders == spec.RateLimitHeadersDraft03 {
		v.set("enable_x_ratelimit_headers", textValue("DRAFT_VERSION_03"))
	}
	return v.set("rate_limited_as_resource_exhausted", boolValue(r.ResourceExhausted))
}

func (e *envoyWriter) globalConfig(g *envoyGroup) *value {
	v := objectValue().set("domain", textValue(g.domain))
	s := &g.settings
	v.set("failure_mode_deny", boolValue(s.global.OnStoreFailure == spec.StoreFailureDeny))
	if s.global.StatusOnError != 0 {
		v.set("status_on_error", objectValue().set("code", intValue(s.global.StatusOnError)))
	}
	if s.global.Timeout != 0 {
		v.set("timeout", textValue(secondsText(s.global.Timeout)))
	}
	switch s.mode {
	case spec.LimitShadow:
		v.set("filter_enforced", percentValue(0))
	case spec.LimitDisabled:
		v.set("filter_enabled", percentValue(0))
	}
	e.responseConfig(v, s.response, "rate_limited_status")
	service := objectValue().set("cluster_name", textValue("outbound|"+limitServicePort+"||"+limitService)).set("authority", textValue(limitService))
	return v.set("rate_limit_service", objectValue().set("grpc_service", objectValue().set("envoy_grpc", service)).set("transport_api_version", textValue("V3")))
}

// configMap writes the configuration of envoyproxy/ratelimit for all domains.
func (e *envoyWriter) configMap() {
	data := map[string]string{}
	doc := e.document(spec.Origin{}, "v1", "ConfigMap", rootNamespace, configMapName, noTime)
	add := func(of *written, domain string, limits []spec.DescriptorLimit) {
		v := objectValue().set("domain", exactText(&domain)).set("descriptors", cmp.Or(e.descriptorLimits(of, "spec.global.descriptors", limits, true), &value{form: list}))
		name := cmp.Or(resourceName(domain), "domain")
		for n := 1; data[numbered(name, n)+".yaml"] != ""; n++ {
			name = numbered(cmp.Or(resourceName(domain), "domain"), n+1)
		}
		data[name+".yaml"] = string(appendYAML(nil, v, 0, true))
	}
	for _, g := range e.groups {
		add(g.doc, g.domain, g.limits)
	}
	for i := range e.declared.RateLimitDomains {
		d := &e.declared.RateLimitDomains[i]
		add(doc, d.Name, d.Descriptors)
	}
	if len(data) == 0 {
		e.documents = slices.DeleteFunc(e.documents, func(d *written) bool { return d == doc })
		return
	}
	doc.comment("", "The configuration of envoyproxy/ratelimit: mount it as files below RUNTIME_ROOT.")
	doc.content.set("data", textsValue(data))
}
