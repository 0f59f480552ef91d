package istio

import (
	"reflect"
	"slices"

	"github.com/lateengo/gateway/spec"
)

// writeEnvoyFilters writes the EnvoyFilters from which policies were made, as they were.
// It returns the other policies.
func (w *writer) writeEnvoyFilters(policies []spec.RateLimitPolicy) []spec.RateLimitPolicy {
	var filters []locator
	var origins []spec.Origin
	var made, others []spec.RateLimitPolicy
	for _, p := range policies {
		from, ok := p.Origin.Fields.(renamed)
		if !ok || len(from.filters) == 0 {
			others = append(others, p)
			continue
		}
		made = append(made, p)
		for _, o := range from.filters {
			if at, ok := o.Fields.(locator); ok && !slices.Contains(filters, at) {
				filters, origins = append(filters, at), append(origins, o)
			}
		}
	}
	if len(made) == 0 {
		return others
	}
	text := make([]byte, 0, 4096)
	var documents []*written
	for i, at := range filters {
		root := at.root()
		doc := w.document(origins[i], networkingGroup+"/v1alpha3", "EnvoyFilter", origins[i].Namespace, origins[i].Name, noTime)
		doc.origin.Path = ""
		if created := root.at("metadata", "creationTimestamp"); created.asText() != "" {
			doc.content.at("metadata").set("creationTimestamp", created)
		}
		doc.content.set("spec", root.at("spec"))
		documents = append(documents, doc)
		text = append(append(text, "---\n"...), doc.text()...)
	}
	if !sameLimits(text, made) {
		w.lost(documents[0], "", "the EnvoyFilters do not say any more what the policies do: they were changed, or come from several sources")
	}
	return others
}

// sameLimits reports whether EnvoyFilters make these policies.
func sameLimits(text []byte, policies []spec.RateLimitPolicy) bool {
	read, err := Bytes("", text).Declare()
	if err != nil || len(read.RateLimits) != len(policies) {
		return false
	}
	for i := range policies {
		a := policies[i]
		a.Origin = spec.Origin{}
		if !slices.ContainsFunc(read.RateLimits, func(b spec.RateLimitPolicy) bool {
			b.Origin = spec.Origin{}
			return reflect.DeepEqual(a, b)
		}) {
			return false
		}
	}
	return true
}
