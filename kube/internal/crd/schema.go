// Package crd has the schema of RateLimitConfig for the API server of a cluster. Its test
// writes deploy/crds/ratelimitconfig.yaml:
//
//	go test ./internal/crd -update
//
// The schema accepts what package spec/istio reads, as far as a schema can tell. What it
// cannot tell, the gateway does, in the condition Accepted.
package crd

import (
	"maps"
	"strings"
)

// A schema is an OpenAPI v3 schema.
type schema map[string]any

// depth is how deep descriptors can be inside of each other: a schema cannot contain
// itself.
const depth = 8

// with returns the schema with more fields.
func (s schema) with(name string, value any) schema {
	out := maps.Clone(s)
	out[name] = value
	return out
}

func (s schema) about(text string) schema { return s.with("description", text) }

// fields is an object with fields.
func fields(f map[string]schema, required ...string) schema {
	properties := map[string]any{}
	for name, s := range f {
		properties[name] = map[string]any(s)
	}
	out := schema{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func list(of schema) schema { return schema{"type": "array", "items": map[string]any(of)} }

func table(of schema) schema {
	return schema{"type": "object", "additionalProperties": map[string]any(of)}
}

// one demands exactly one field, and any number at least one.
func (s schema) one() schema { return s.with("minProperties", 1).with("maxProperties", 1) }

// without forbids that several fields are set.
func (s schema) without(names ...[]string) schema {
	var all []any
	for _, n := range names {
		all = append(all, map[string]any{"not": map[string]any{"required": n}})
	}
	return s.with("allOf", all)
}

// anything is a value of several types.
func anything() schema { return schema{"x-kubernetes-preserve-unknown-fields": true} }

var (
	text     = schema{"type": "string"}
	name     = text.with("minLength", 1)
	truth    = schema{"type": "boolean"}
	empty    = fields(nil)
	duration = text.with("pattern", `^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$`)
)

// number is an integer of 32 bits.
func number(least int) schema {
	return schema{"type": "integer", "format": "int64", "minimum": least, "maximum": int64(1<<32 - 1)}
}

// words are words in capitals, or in small letters.
func words(known ...string) schema {
	var all []any
	for _, w := range known {
		all = append(all, w)
	}
	for _, w := range known {
		all = append(all, strings.ToLower(w))
	}
	return text.with("enum", all)
}

var units = []string{"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"}

func mode() schema {
	return words("ENFORCE", "SHADOW", "DISABLED").about("Whether requests over the limit are refused. SHADOW only counts them.")
}

func storeFailure() schema {
	return words("ALLOW", "DENY", "LOCAL").about("What happens to requests while the limiter that replicas share does not answer.")
}

func algorithm() schema { return words("GCRA", "FIXED_WINDOW") }

func response() schema {
	return fields(map[string]schema{
		"statusCode": number(0), "body": text, "contentType": text,
		"headers": fields(map[string]schema{"set": table(text), "add": table(text)}),
		// In YAML, OFF without quotes is a boolean.
		"rateLimitHeaders":               anything().with("enum", []any{"OFF", "DRAFT_VERSION_03", "IETF", "off", "draft_version_03", "ietf", false}),
		"rateLimitedAsResourceExhausted": truth,
	}).about("The answer to refused requests.")
}

// match is a StringMatch of Istio.
func match() schema {
	return fields(map[string]schema{"exact": text, "prefix": text, "regex": text}).with("maxProperties", 1)
}

func limit() schema {
	return fields(map[string]schema{
		"requestsPerUnit": number(0), "unit": words(units...), "burst": number(0),
		"per": list(anything().with("pattern", "^remoteAddress$").with("minProperties", 1)).
			about("The key of the buckets: remoteAddress, or {header: NAME}. Without it, all requests share one bucket."),
		"when": fields(map[string]schema{
			"uri": match(), "scheme": match(), "method": match(), "authority": match(), "ignoreUriCase": truth,
			"headers": table(match()), "withoutHeaders": table(match()), "queryParams": table(match()),
		}).about("The requests that the limit is for, as in a match of a VirtualService. The default is all."),
		"onMissingKey":   words("ALLOW", "SHARE", "DENY"),
		"onStoreFailure": storeFailure(), "algorithm": algorithm(), "response": response(), "mode": mode(),
	})
}

func regex() schema { return fields(map[string]schema{"regex": name, "googleRe2": empty}) }

func stringMatcher() schema {
	s := fields(map[string]schema{
		"exact": text, "prefix": name, "suffix": name, "contains": name, "safeRegex": regex(), "ignoreCase": truth,
	})
	return s.exactlyOne("exact", "prefix", "suffix", "contains", "safeRegex")
}

// exactlyOne demands one of several fields.
func (s schema) exactlyOne(names ...string) schema {
	var all []any
	for _, n := range names {
		all = append(all, map[string]any{"required": []string{n}})
	}
	return s.with("oneOf", all)
}

func headerMatcher() schema {
	return fields(map[string]schema{
		"name": name, "exactMatch": text, "prefixMatch": name, "suffixMatch": name, "containsMatch": name, "safeRegexMatch": regex(),
		"presentMatch": truth, "stringMatch": stringMatcher(), "invertMatch": truth, "treatMissingHeaderAsEmpty": truth,
	}, "name")
}

func queryMatcher() schema {
	return fields(map[string]schema{"name": name, "stringMatch": stringMatcher(), "presentMatch": truth}, "name")
}

func action() schema {
	fixed := map[string]schema{"descriptorKey": text, "descriptorValue": name, "defaultValue": text}
	conditional := func(field string, matcher schema) schema {
		f := maps.Clone(fixed)
		f["expectMatch"], f[field] = truth, list(matcher)
		return fields(f, "descriptorValue")
	}
	return fields(map[string]schema{
		"genericKey":               fields(fixed, "descriptorValue"),
		"requestHeaders":           fields(map[string]schema{"headerName": name, "descriptorKey": text, "skipIfAbsent": truth}, "headerName"),
		"queryParameters":          fields(map[string]schema{"queryParameterName": name, "descriptorKey": text, "skipIfAbsent": truth}, "queryParameterName"),
		"remoteAddress":            empty,
		"maskedRemoteAddress":      fields(map[string]schema{"v4PrefixMaskLen": number(1).with("maximum", 32), "v6PrefixMaskLen": number(1).with("maximum", 128)}),
		"headerValueMatch":         conditional("headers", headerMatcher()),
		"queryParameterValueMatch": conditional("queryParameters", queryMatcher()),
		"destinationCluster":       empty,
	}).one()
}

func rateLimit() schema {
	return fields(map[string]schema{
		"actions":    list(action()),
		"hitsAddend": anything().with("minimum", 1).with("minProperties", 1).about("What a request costs: a number from 1, or {number: N}."),
	})
}

// descriptors are trees of limits.
func descriptors(more int) schema {
	f := map[string]schema{
		"key": name, "value": text,
		"rateLimit": fields(map[string]schema{
			"unit":            text.with("pattern", "^(?i)("+strings.Join(units, "|")+")$"),
			"requestsPerUnit": number(0), "unlimited": truth, "name": text,
			"replaces": list(fields(map[string]schema{"name": name}, "name")),
		}),
		"shadowMode": truth, "shareThreshold": truth, "weight": number(0), "alwaysApply": truth,
		"detailedMetric": truth, "valueToMetric": truth, "quotaMode": truth.with("enum", []any{false}),
	}
	if more > 1 {
		f["descriptors"] = descriptors(more - 1)
	} else {
		f["descriptors"] = list(schema{"type": "object", "x-kubernetes-preserve-unknown-fields": true})
	}
	return list(fields(f, "key"))
}

func tokenBucket() schema {
	return fields(map[string]schema{"maxTokens": number(1), "tokensPerFill": number(1), "fillInterval": duration}, "maxTokens")
}

func specification() schema {
	return fields(map[string]schema{
		"selector": fields(map[string]schema{"matchLabels": table(text)}).
			about("The gateways that the limits are for, by their labels. The default is all gateways of the namespace, or of the mesh in istio-system."),
		"targetRefs": list(fields(map[string]schema{
			"group": text.with("enum", []any{"networking.istio.io"}), "kind": text.with("enum", []any{"VirtualService", "Gateway"}),
			"name": name, "sectionName": text,
		}, "kind", "name")).about("The Gateways, their servers, the VirtualServices or their routes that the limits are for."),
		"limits":     list(limit()).about("The short form of limits: how many requests in which time."),
		"rateLimits": list(rateLimit()).about("The full form of limits, as in Envoy: what is counted."),
		"local": fields(map[string]schema{
			"tokenBucket": tokenBucket(),
			"descriptors": list(fields(map[string]schema{
				"entries": list(fields(map[string]schema{"key": name, "value": text}, "key")), "tokenBucket": tokenBucket(),
			}, "entries", "tokenBucket")),
			"alwaysConsumeDefaultTokenBucket": truth, "maxDynamicDescriptors": number(1), "perDownstreamConnection": truth,
		}).about("How much is allowed, counted in each gateway."),
		"global": fields(map[string]schema{
			"domain": text, "descriptors": descriptors(depth), "failureModeDeny": truth, "onStoreFailure": storeFailure(),
			"statusOnError": number(1), "timeout": duration, "provider": text, "algorithm": algorithm(),
		}).without([]string{"failureModeDeny", "onStoreFailure"}).about("How much is allowed, counted for all gateways together."),
		"raw": fields(map[string]schema{
			"descriptors": descriptors(depth), "rateLimits": list(fields(map[string]schema{"actions": list(action())})),
		}).about("The layout of solo.io."),
		"response": response(), "mode": mode(),
		"inheritance": words("OVERRIDE", "INCLUDE", "IGNORE").about("Whether the limits replace those of a wider target, or are added to them."),
	}).without([]string{"selector", "targetRefs"}, []string{"raw", "global"}, []string{"raw", "rateLimits"})
}

func condition() schema {
	return fields(map[string]schema{
		"type": name, "status": text.with("enum", []any{"True", "False", "Unknown"}), "reason": text, "message": text,
		"observedGeneration": schema{"type": "integer", "format": "int64"}, "lastTransitionTime": text.with("format", "date-time"),
	}, "type", "status", "lastTransitionTime", "reason", "message")
}

// Definition returns the CustomResourceDefinition.
func Definition() map[string]any {
	resource := fields(map[string]schema{
		"apiVersion": text, "kind": text, "metadata": {"type": "object"},
		"spec": specification(),
		"status": fields(map[string]schema{
			"conditions": list(condition()).with("x-kubernetes-list-type", "map").with("x-kubernetes-list-map-keys", []string{"type"}),
		}),
	}, "spec").about("A RateLimitConfig limits the requests that a gateway forwards.")
	column := func(name, kind string) map[string]any {
		return map[string]any{"name": name, "type": "string", "jsonPath": `.status.conditions[?(@.type=="` + kind + `")].status`}
	}
	return map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "ratelimitconfigs.networking.istio.io", "labels": map[string]any{"app.kubernetes.io/name": "lateen"}},
		"spec": map[string]any{
			"group": "networking.istio.io", "scope": "Namespaced",
			"names": map[string]any{
				"kind": "RateLimitConfig", "listKind": "RateLimitConfigList", "plural": "ratelimitconfigs", "singular": "ratelimitconfig",
				"shortNames": []string{"rlc"}, "categories": []string{"istio-io", "networking-istio-io"},
			},
			"versions": []any{map[string]any{
				"name": "v1alpha3", "served": true, "storage": true,
				"subresources": map[string]any{"status": map[string]any{}},
				"additionalPrinterColumns": []any{
					column("Accepted", "Accepted"), column("Programmed", "Programmed"),
					map[string]any{"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
				},
				"schema": map[string]any{"openAPIV3Schema": map[string]any(resource)},
			}},
		},
	}
}
