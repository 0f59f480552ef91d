package spec

import (
	"time"
)

// A DestinationRule declares the subsets of a service, and how requests get to it
// (Istio's DestinationRule). Of all rules for a host one applies: of those in
// the gateway workload's namespace, else in the service's, else in the root
// namespace, the one with the exact host, else with the longest wildcard. Rules
// of one namespace for one host are joined: all subsets, and the policy of the
// oldest that has one.
type DestinationRule struct {
	Name, Namespace string
	// Host is the service's host; a name without a dot is completed with the
	// rule's namespace. "*.example.com" is for all hosts below.
	Host string
	// TrafficPolicy is how requests get to the service. Nil is the default.
	TrafficPolicy *TrafficPolicy
	// Subsets are the parts of the service that destinations may name.
	Subsets []Subset
	// ExportTo lists the namespaces whose gateway workloads see it: "*", "."
	// or a name. Empty means "*".
	ExportTo []string
	// WorkloadSelector restricts the rule to gateway workloads of its namespace
	// with these labels. Nil is all that see it.
	WorkloadSelector map[string]string
	// Created orders rules of the same host.
	Created time.Time

	Origin Origin
}

// A Subset is a named part of a service's endpoints.
type Subset struct {
	Name string
	// Labels must be a subset of an endpoint's. Empty takes all endpoints.
	Labels map[string]string
	// TrafficPolicy overrides the rule's, block by block.
	TrafficPolicy *TrafficPolicy
}
