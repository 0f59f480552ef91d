package spec

import (
	"time"
)

// A DestinationRule declares the subsets of a service and how to send requests
// to it (Istio's DestinationRule). Only one rule applies to a host. Rules in
// the namespace of the gateway workload come first, then those in the namespace
// of the service, then those in the root namespace. Within a namespace the
// exact host wins, then the longest wildcard. Rules of one namespace for the
// same host are merged: all their subsets are used, with the policy of the
// oldest rule that has one.
type DestinationRule struct {
	Name, Namespace string
	// Host is the host of the service. A name without a dot is completed with
	// the namespace of the rule. "*.example.com" applies to all hosts below
	// example.com.
	Host string
	// TrafficPolicy configures how to send requests to the service. Nil means
	// the default.
	TrafficPolicy *TrafficPolicy
	// Subsets are the parts of the service that destinations can name.
	Subsets []Subset
	// ExportTo lists the namespaces whose gateway workloads see the rule: "*",
	// "." or a name. Empty means "*".
	ExportTo []string
	// WorkloadSelector limits the rule to gateway workloads in its namespace with
	// these labels. Nil means all workloads that see the rule.
	WorkloadSelector map[string]string
	// Created orders rules for the same host.
	Created time.Time

	Origin Origin
}

// A Subset is a named part of the endpoints of a service.
type Subset struct {
	Name string
	// Labels selects the endpoints that have all of these labels. Empty selects
	// all endpoints.
	Labels map[string]string
	// TrafficPolicy overrides the policy of the rule, block by block.
	TrafficPolicy *TrafficPolicy
}
