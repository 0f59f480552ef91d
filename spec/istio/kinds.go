package istio

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	networking "istio.io/api/networking/v1alpha3"
	telemetry "istio.io/api/telemetry/v1alpha1"

	"github.com/lateengo/gateway/internal/suggest"
)

// A verdict is how Lateen handles the resources of a kind.
type verdict uint8

const (
	// skipped resources do not concern a gateway.
	skipped verdict = iota
	// missed resources may change what a gateway does. Skipping one is a warning.
	missed
	// read resources become declarations.
	read
	// policy resources are refused if they apply to the gateway's workload.
	policy
)

// A kindEntry describes a kind.
type kindEntry struct {
	group    string
	name     string
	versions []string
	verdict  verdict
	// reason completes "is not executed by Lateen: " of a policy.
	reason string
	// spec creates an empty spec of a read kind. It is nil for those that are read
	// without a message: RateLimitConfig and EnvoyFilter.
	spec func() proto.Message
}

const networkingGroup = "networking.istio.io"

var networkingVersions = []string{"v1", "v1beta1", "v1alpha3"}

var securityVersions = []string{"v1", "v1beta1"}

// kinds lists the kinds of Istio's API groups. Kinds of other groups are
// skipped.
var kinds = []kindEntry{
	{group: networkingGroup, name: "Gateway", versions: networkingVersions, verdict: read, spec: func() proto.Message { return new(networking.Gateway) }},
	{group: networkingGroup, name: "VirtualService", versions: networkingVersions, verdict: read, spec: func() proto.Message { return new(networking.VirtualService) }},
	{group: networkingGroup, name: "DestinationRule", versions: networkingVersions, verdict: read, spec: func() proto.Message { return new(networking.DestinationRule) }},
	{group: networkingGroup, name: "ServiceEntry", versions: networkingVersions, verdict: read, spec: func() proto.Message { return new(networking.ServiceEntry) }},
	{group: networkingGroup, name: "WorkloadEntry", versions: networkingVersions, verdict: read, spec: func() proto.Message { return new(networking.WorkloadEntry) }},
	{group: networkingGroup, name: "RateLimitConfig", versions: []string{"v1alpha3"}, verdict: read},
	{group: "telemetry.istio.io", name: "Telemetry", versions: []string{"v1", "v1alpha1"}, verdict: read, spec: func() proto.Message { return new(telemetry.Telemetry) }},

	{group: networkingGroup, name: "EnvoyFilter", versions: networkingVersions, verdict: missed},
	{group: networkingGroup, name: "ProxyConfig", versions: networkingVersions, verdict: missed},
	{group: networkingGroup, name: "Sidecar", versions: networkingVersions},
	{group: networkingGroup, name: "WorkloadGroup", versions: networkingVersions},
	{group: "extensions.istio.io", name: "WasmPlugin", versions: []string{"v1alpha1"}, verdict: missed},
	{group: "security.istio.io", name: "PeerAuthentication", versions: securityVersions},

	{group: "security.istio.io", name: "AuthorizationPolicy", versions: securityVersions, verdict: policy,
		reason: "requests are not authorized yet, and skipping the policy would allow requests that it denies"},
	{group: "security.istio.io", name: "RequestAuthentication", versions: securityVersions, verdict: policy,
		reason: "tokens are not verified yet, and skipping the policy would allow requests that it denies"},
	{group: soloGroup, name: "RateLimitConfig", versions: []string{"v1alpha1"}, verdict: read},
}

// identify finds the entry of a kind. problem describes what is wrong in the field
// apiVersion or kind, if anything. If there is neither entry nor problem, the kind
// is not Istio's.
func identify(apiVersion, kind string) (entry *kindEntry, field, problem, suggestion string) {
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	for i := range kinds {
		if e := &kinds[i]; e.group == group && e.name == kind {
			entry = e
		}
	}
	switch {
	case entry != nil && slices.Contains(entry.versions, version):
		return entry, "", "", ""
	case entry != nil:
		near := nearest(version, entry.versions)
		if near == "" {
			near = entry.versions[0]
		}
		return nil, "apiVersion", entry.name + " has no version " + quote(version) + " in " + group, group + "/" + near
	}
	var groups, neighbours []string
	for _, e := range kinds {
		if e.group == group {
			neighbours = append(neighbours, e.name)
		}
		if !slices.Contains(groups, e.group) {
			groups = append(groups, e.group)
		}
	}
	if near := nearest(kind, neighbours); neighbours != nil && near == "" && isIstios(group) {
		for _, e := range kinds {
			if e.name == kind {
				return nil, "apiVersion", kind + " is not a kind of " + group, e.group + "/" + e.versions[0]
			}
		}
	}
	if neighbours != nil && isIstios(group) {
		return nil, "kind", "unknown kind " + quote(kind) + " in " + group, nearest(kind, neighbours)
	}
	// In the core group, the name alone identifies the read kinds, because
	// Kubernetes has none of them there. This is not true of other kinds.
	for i := range kinds {
		if e := &kinds[i]; e.verdict == read && group == "" && e.name == kind {
			return nil, "apiVersion", kind + " is not a kind of " + quote(apiVersion), e.group + "/" + e.versions[0]
		}
	}
	if isIstios(group) && !slices.Contains(otherIstioGroups, group) {
		if near := nearest(group, groups); near != "" {
			suggestion = near + "/" + version
		}
		return nil, "apiVersion", "unknown API group " + quote(group), suggestion
	}
	return nil, "", "", ""
}

// otherIstioGroups are Istio's API groups without a kind that a gateway reads.
var otherIstioGroups = []string{"authentication.istio.io", "config.istio.io", "install.istio.io", "rbac.istio.io"}

// isIstios reports whether an API group is Istio's, or was meant to be.
func isIstios(group string) bool {
	const domain = "istio.io"
	labels := strings.Split(strings.ToLower(group), ".")
	if len(labels) < 2 {
		return false
	}
	last := strings.Join(labels[len(labels)-2:], ".")
	return last == domain || suggest.Closest(last, []string{domain}) != ""
}
