package kube

import (
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// selected returns the objects that concern the gateway, in order. A cluster has many
// Services, endpoints and pods; only those that a route can lead to are selected. So the
// changes of others change nothing. s.mu must be locked.
func (s *Source) selected() []*object {
	out := make([]*object, 0, len(s.objects))
	bySlice := map[key][]*object{}
	wanted := map[string]bool{}
	var pending []string
	add := func(hosts []string) {
		for _, h := range hosts {
			if !wanted[h] {
				wanted[h] = true
				pending = append(pending, h)
			}
		}
	}
	byName := map[string][]*object{}
	for _, o := range s.objects {
		switch {
		case o.kind.isConfiguration():
			out = append(out, o)
			add(o.hosts)
		case o.kind == secrets:
			out = append(out, o)
		case o.kind == services:
			byName[o.name] = append(byName[o.name], o)
		case o.kind == endpointSlices && o.service != "":
			k := key{services, o.namespace, o.service}
			bySlice[k] = append(bySlice[k], o)
		}
	}
	sliced := s.isComplete(endpointSlices)
	places := map[key]bool{}
	for len(pending) > 0 {
		name := pending[0]
		pending = pending[1:]
		for _, service := range byName[name] {
			out = append(out, service)
			add(service.hosts)
			list := bySlice[service.key]
			for _, o := range list {
				out = append(out, o)
				for _, k := range slices.Concat(o.pods, o.nodes) {
					places[k] = true
				}
			}
			if len(list) == 0 && len(service.hosts) == 0 && sliced {
				// The Service runs nowhere, which is known.
				out = append(out, noEndpoints(service))
			}
		}
	}
	withPods := s.needsPods()
	for k := range places {
		if o := s.objects[k]; o != nil && (k.kind != pods || withPods) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, (*object).compare)
	return out
}

// noEndpoints returns an EndpointSlice without endpoints for a Service that has none.
func noEndpoints(service *object) *object {
	text, _ := textOf(map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": []any{},
		"metadata": map[string]any{
			"name": service.name, "namespace": service.namespace,
			"labels": map[string]any{serviceNameLabel: service.name},
		},
	})
	return &object{key: key{endpointSlices, service.namespace, service.name}, created: service.created, text: text}
}

// needsPods reports whether a DestinationRule chooses endpoints by the labels of pods.
// s.mu must be locked.
func (s *Source) needsPods() bool {
	for _, o := range s.objects {
		if o.subsets {
			return true
		}
	}
	return false
}

// namedSecrets returns the names of all Secrets that credentialName means, in order. s.mu
// must be locked.
func (s *Source) namedSecrets() []string {
	var names []string
	for _, o := range s.objects {
		for _, c := range o.credentials {
			names = append(names, secretNames(c, s.options.WorkloadNamespace)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A sum identifies the contents of a list of objects.
type sum [16]byte

// sumOf returns the sum of all objects, or of those that people write.
func sumOf(list []*object, written bool) (out sum) {
	h := fnv.New128a()
	for _, o := range list {
		if !written || o.kind.isConfiguration() || o.kind == services || o.kind == secrets {
			fmt.Fprintf(h, "%d ", len(o.text))
			_, _ = io.WriteString(h, o.text)
		}
	}
	h.Sum(out[:0])
	return out
}
