package spec

// An UnexecutedPolicy is a policy that Lateen cannot execute, such as an
// AuthorizationPolicy. Without it the gateway would allow more than the
// configuration does. Build therefore fails if the policy applies to the
// gateway's workload (Builder.Workload). Otherwise the policy is a warning.
type UnexecutedPolicy struct {
	// Namespace is the namespace whose workloads the policy applies to. In
	// Istio's root namespace, istio-system, it applies to all workloads.
	Namespace string
	// Selector limits the policy to workloads with these labels. Empty means
	// all workloads.
	Selector map[string]string
	// Reason is why Lateen does not execute it.
	Reason string

	// Origin is where the policy was declared.
	Origin Origin
}
