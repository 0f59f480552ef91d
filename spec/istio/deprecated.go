package istio

//lint:file-ignore SA1019 Istio still honors these fields.

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	networking "istio.io/api/networking/v1alpha3"
)

// deprecated is the code of Istio's analyzer for deprecated fields.
const deprecated = "IST0002"

func mirrorPercent(m *networking.HTTPRoute) *wrapperspb.UInt32Value { return m.MirrorPercent }

func delayPercent(m *networking.HTTPFaultInjection_Delay) int32 { return m.Percent }

func allowOrigin(m *networking.CorsPolicy) []string { return m.AllowOrigin }

const leastConnections = networking.LoadBalancerSettings_LEAST_CONN

func warmupDurationSecs(m *networking.LoadBalancerSettings) *durationpb.Duration {
	return m.WarmupDurationSecs
}

func minimumRingSize(m *networking.LoadBalancerSettings_ConsistentHashLB) uint64 {
	return m.MinimumRingSize
}
