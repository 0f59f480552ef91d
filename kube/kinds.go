package kube

import "slices"

// A kind is a kind of objects that is read.
type kind struct {
	// group is the API group; "" is the one of Kubernetes itself.
	group, name string
	// resource is the name of the kind in paths and in rights.
	resource string
	// versions are those that can be read, the preferred one first. All versions that
	// an API server serves have the same objects.
	versions []string
	// cluster means that the objects are in no namespace.
	cluster bool
	// installed means that every API server has the kind.
	installed bool
}

// The kinds that are read only for others.
var (
	services       = &kind{name: "Service", resource: "services", versions: []string{"v1"}, installed: true}
	endpointSlices = &kind{group: "discovery.k8s.io", name: "EndpointSlice", resource: "endpointslices", versions: []string{"v1", "v1beta1"}}
	pods           = &kind{name: "Pod", resource: "pods", versions: []string{"v1"}, installed: true}
	nodes          = &kind{name: "Node", resource: "nodes", versions: []string{"v1"}, cluster: true, installed: true}
	secrets        = &kind{name: "Secret", resource: "secrets", versions: []string{"v1"}, installed: true}

	rateLimitConfigs = &kind{group: networking, name: "RateLimitConfig", resource: "ratelimitconfigs", versions: []string{"v1alpha3"}}
)

const (
	networking = "networking.istio.io"
	telemetry  = "telemetry.istio.io"
	security   = "security.istio.io"
)

// rootNamespace is the namespace whose policies are for the whole mesh.
const rootNamespace = "istio-system"

var networkingVersions = []string{"v1", "v1beta1", "v1alpha3"}

// kinds are all kinds, in the order of their declarations.
var kinds = []*kind{
	{group: networking, name: "Gateway", resource: "gateways", versions: networkingVersions},
	{group: networking, name: "VirtualService", resource: "virtualservices", versions: networkingVersions},
	{group: networking, name: "DestinationRule", resource: "destinationrules", versions: networkingVersions},
	{group: networking, name: "ServiceEntry", resource: "serviceentries", versions: networkingVersions},
	{group: networking, name: "WorkloadEntry", resource: "workloadentries", versions: networkingVersions},
	rateLimitConfigs,
	{group: telemetry, name: "Telemetry", resource: "telemetries", versions: []string{"v1", "v1alpha1"}},
	// These are not executed. They are read so that nothing is served without them.
	{group: security, name: "AuthorizationPolicy", resource: "authorizationpolicies", versions: []string{"v1", "v1beta1"}},
	{group: security, name: "RequestAuthentication", resource: "requestauthentications", versions: []string{"v1", "v1beta1"}},
	services, endpointSlices, pods, nodes, secrets,
}

// isConfiguration reports whether people write the objects of a kind for a gateway. Other
// objects only tell where something runs, or are read only if they are named.
func (k *kind) isConfiguration() bool {
	return k.group == networking || k.group == telemetry || k.group == security
}

// title is the kind with its group, as in messages about rights.
func (k *kind) title() string {
	if k.group == "" {
		return k.resource
	}
	return k.resource + "." + k.group
}

// position is the place of a kind among all.
func (k *kind) position() int { return slices.Index(kinds, k) }
