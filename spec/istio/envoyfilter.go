package istio

import (
	"regexp"
	"slices"
	"strings"
)

// gates are the names of Envoy's filters that refuse requests, in an EnvoyFilter:
// envoy.filters.http.ext_authz, the type URL of its configuration, or the name
// before Envoy 1.14.
var gates = regexp.MustCompile(`(?:^|[./])envoy\.(?:[a-z0-9_.]+\.)?(?:ext_authz|jwt_authn|rbac|oauth2|basic_auth|api_key_auth|csrf|ratelimit|rate_limit|local_ratelimit)(?:$|\.)`)

// gateOf returns the name of a filter that refuses requests and that an EnvoyFilter
// adds or changes at gateways. It returns "" if there is none.
func gateOf(resource *value) string {
	patches := resource.at("spec", "configPatches")
	if patches == nil || patches.form != list {
		return ""
	}
	for _, p := range patches.elements {
		context := p.at("match", "context").asText()
		if strings.HasPrefix(context, "SIDECAR_") || p.at("patch", "operation").asText() == "REMOVE" {
			continue
		}
		if name := p.at("patch", "value").find(gates.MatchString); name != "" {
			return name[strings.LastIndexByte(name, '/')+1:]
		}
	}
	return ""
}

// at returns the value at a path of fields, or nil.
func (v *value) at(path ...string) *value {
	for _, name := range path {
		v, _ = v.field(name)
	}
	return v
}

// asText returns a string, or "" for any other value.
func (v *value) asText() string {
	if v == nil || v.form != text {
		return ""
	}
	return v.scalar
}

// find returns the first string in v for which f is true, or "".
func (v *value) find(f func(string) bool) string {
	if v == nil {
		return ""
	}
	if v.form == text && f(v.scalar) {
		return v.scalar
	}
	for _, e := range v.elements {
		if found := e.find(f); found != "" {
			return found
		}
	}
	return ""
}

// asLabels returns the strings of a map.
func (v *value) asLabels() map[string]string {
	if v == nil || v.form != object || len(v.keys) == 0 {
		return nil
	}
	out := make(map[string]string, len(v.keys))
	for i, k := range v.keys {
		out[k.name] = v.elements[i].asText()
	}
	return out
}

// selectorOf returns the labels of the workloads that a policy selects.
func selectorOf(resource *value) map[string]string {
	for _, path := range [][]string{{"spec", "selector", "matchLabels"}, {"spec", "workloadSelector", "labels"}} {
		if labels := resource.at(path...).asLabels(); labels != nil {
			return labels
		}
	}
	return nil
}

// gateReason returns why an unread resource must not be skipped: it refuses
// requests. It returns "" if it may be skipped.
func gateReason(kind string, v *value) string {
	switch kind {
	case "EnvoyFilter":
		if name := gateOf(v); name != "" {
			return "it sets up " + name + ", and skipping it would allow requests that the filter refuses"
		}
	case "WasmPlugin":
		if phase := v.at("spec", "phase").asText(); slices.Contains([]string{"AUTHN", "AUTHZ"}, phase) {
			return "its phase is " + phase + ", and skipping it would allow requests that it refuses"
		}
	}
	return ""
}
