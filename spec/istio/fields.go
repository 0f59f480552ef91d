package istio

import (
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A treatment is how Lateen handles a field.
type treatment uint8

const (
	// executed fields become part of a declaration.
	executed treatment = iota + 1
	// idle fields are accepted with a warning: in Istio too, they have no effect at
	// a gateway, or no visible effect; or they only observe requests, and there is
	// another way to do so.
	idle
	// unexecuted fields are errors.
	unexecuted
	// unserved fields are accepted with a warning: their traffic is not served, and
	// nothing else changes.
	unserved
	// silent fields are accepted without a warning: what they say is of no use here,
	// and all configurations of their kind have them.
	silent
)

// A fieldEntry describes a field.
type fieldEntry struct {
	treatment treatment
	// reason completes "is not executed by Lateen: ", "has no effect: " or "is not
	// served: ". For silent fields it is only in the documentation.
	reason string
}

// A fieldGroup is one line of the table of fields: fields of a message with the
// same treatment, under their JSON names.
type fieldGroup struct {
	message   string
	treatment treatment
	reason    string
	fields    []string
}

const (
	noTCP     = "Lateen executes only HTTP routes"
	noZones   = "it compares the gateways with the endpoints in each zone, but Lateen knows only its own process; use localityLbSetting"
	tcpTunnel = "only TCP routes are tunneled, not a gateway's HTTP routes"

	countsElsewhere = "package metrics and lateen serve --admin count requests"
	logsElsewhere   = "package accesslog and lateen serve --access-log write access logs"
	noFormatter     = "a tag is a literal, a variable of the environment or a header of the request"
)

// fieldTable lists the treatment of each field of each message in a document. It is
// the only source: decoding uses it, docs/semantics.md is written from it, and a
// test compares it with the messages.
var fieldTable = slices.Concat(istioFields, limitFields)

// istioFields are the fields of Istio's messages.
var istioFields = []fieldGroup{
	{"Gateway", executed, "", []string{"servers", "selector"}},
	{"Server", executed, "", []string{"port", "bind", "hosts", "tls", "name"}},
	{"Server", idle, "Istio does not use it either", []string{"defaultEndpoint"}},
	{"Port", executed, "", []string{"number", "protocol", "name"}},
	{"Port", unexecuted, "Istio refuses it in a Gateway, where number is the port of the listener", []string{"targetPort"}},
	{"ServerTLSSettings", executed, "", []string{
		"httpsRedirect", "mode", "serverCertificate", "privateKey", "caCertificates", "caCrl", "credentialName", "credentialNames",
		"caCertCredentialName", "tlsCertificates", "subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash",
		"minProtocolVersion", "maxProtocolVersion", "cipherSuites"}},
	{"ServerTLSSettings", idle, "it concerns clients only", []string{"insecureSkipVerify"}},
	{"ServerTLSSettings.TLSCertificate", executed, "", []string{"serverCertificate", "privateKey"}},
	{"ServerTLSSettings.TLSCertificate", idle, "Istio does not use it either; clients are verified with the server's own caCertificates", []string{"caCertificates"}},

	{"VirtualService", executed, "", []string{"hosts", "gateways", "http", "exportTo"}},
	{"VirtualService", unserved, noTCP, []string{"tls", "tcp"}},
	{"HTTPRoute", executed, "", []string{
		"name", "match", "route", "redirect", "directResponse", "delegate", "rewrite", "timeout", "retries", "fault",
		"mirror", "mirrors", "mirrorPercent", "mirrorPercentage", "corsPolicy", "headers"}},
	{"HTTPMatchRequest", executed, "", []string{
		"name", "uri", "scheme", "method", "authority", "headers", "port", "sourceLabels", "gateways", "queryParams",
		"ignoreUriCase", "withoutHeaders", "sourceNamespace", "statPrefix"}},
	{"StringMatch", executed, "", []string{"exact", "prefix", "regex"}},
	{"HTTPRouteDestination", executed, "", []string{"destination", "weight", "headers"}},
	{"Destination", executed, "", []string{"host", "subset", "port"}},
	{"PortSelector", executed, "", []string{"number"}},
	{"Headers", executed, "", []string{"request", "response"}},
	{"Headers.HeaderOperations", executed, "", []string{"set", "add", "remove"}},
	{"HTTPRedirect", executed, "", []string{"uri", "authority", "port", "derivePort", "scheme", "redirectCode", "prefixRewrite"}},
	{"HTTPDirectResponse", executed, "", []string{"status", "body"}},
	{"HTTPBody", executed, "", []string{"string", "bytes"}},
	{"Delegate", executed, "", []string{"name", "namespace"}},
	{"HTTPRewrite", executed, "", []string{"uri", "authority", "uriRegexRewrite"}},
	{"RegexRewrite", executed, "", []string{"match", "rewrite"}},
	{"HTTPRetry", executed, "", []string{"attempts", "perTryTimeout", "retryOn", "retryRemoteLocalities", "retryIgnorePreviousHosts", "backoff"}},
	{"HTTPFaultInjection", executed, "", []string{"delay", "abort"}},
	{"HTTPFaultInjection.Delay", executed, "", []string{"percent", "fixedDelay", "percentage"}},
	{"HTTPFaultInjection.Delay", unexecuted, "Istio does not implement it either; use fixedDelay", []string{"exponentialDelay"}},
	{"HTTPFaultInjection.Abort", executed, "", []string{"httpStatus", "grpcStatus", "percentage"}},
	{"HTTPFaultInjection.Abort", unexecuted, "Istio does not implement it either; use httpStatus or grpcStatus", []string{"http2Error"}},
	{"HTTPMirrorPolicy", executed, "", []string{"destination", "percentage"}},
	{"Percent", executed, "", []string{"value"}},
	{"CorsPolicy", executed, "", []string{
		"allowOrigin", "allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials", "unmatchedPreflights"}},
	{"TLSRoute", unserved, noTCP, []string{"match", "route"}},
	{"TCPRoute", unserved, noTCP, []string{"match", "route"}},
	{"RouteDestination", unserved, noTCP, []string{"destination", "weight"}},
	{"TLSMatchAttributes", unserved, noTCP, []string{"sniHosts", "destinationSubnets", "port", "sourceLabels", "gateways", "sourceNamespace"}},
	{"L4MatchAttributes", unserved, noTCP, []string{"destinationSubnets", "port", "sourceSubnet", "sourceLabels", "gateways", "sourceNamespace"}},

	{"ServiceEntry", executed, "", []string{"hosts", "addresses", "ports", "location", "resolution", "endpoints", "workloadSelector", "exportTo", "subjectAltNames"}},
	{"ServicePort", executed, "", []string{"number", "protocol", "name", "targetPort"}},
	{"WorkloadEntry", executed, "", []string{"address", "ports", "labels", "locality", "weight", "network"}},
	{"WorkloadEntry", idle, "endpoints are not identified by their workload certificates", []string{"serviceAccount"}},
	{"WorkloadSelector", executed, "", []string{"labels"}},

	{"DestinationRule", executed, "", []string{"host", "trafficPolicy", "subsets", "exportTo", "workloadSelector"}},
	{"Subset", executed, "", []string{"name", "labels", "trafficPolicy"}},
	{"TrafficPolicy", executed, "", []string{"loadBalancer", "connectionPool", "outlierDetection", "tls", "portLevelSettings", "retryBudget", "proxyProtocol"}},
	{"TrafficPolicy", idle, tcpTunnel, []string{"tunnel"}},
	{"TrafficPolicy.PortTrafficPolicy", executed, "", []string{"port", "loadBalancer", "connectionPool", "outlierDetection", "tls"}},
	{"TrafficPolicy.TunnelSettings", idle, tcpTunnel, []string{"protocol", "targetHost", "targetPort"}},
	{"TrafficPolicy.ProxyProtocol", executed, "", []string{"version"}},
	{"TrafficPolicy.RetryBudget", executed, "", []string{"percent", "minRetryConcurrency", "budgetInterval"}},
	{"LoadBalancerSettings", executed, "", []string{"simple", "consistentHash", "localityLbSetting", "warmupDurationSecs", "warmup"}},
	{"LoadBalancerSettings", unexecuted, noZones, []string{"zoneAwareLbSetting"}},
	{"LoadBalancerSettings.ConsistentHashLB", executed, "", []string{
		"httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName", "ringHash", "maglev", "minimumRingSize"}},
	{"LoadBalancerSettings.ConsistentHashLB.RingHash", executed, "", []string{"minimumRingSize"}},
	{"LoadBalancerSettings.ConsistentHashLB.MagLev", executed, "", []string{"tableSize"}},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie", executed, "", []string{"name", "path", "ttl", "attributes"}},
	{"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute", executed, "", []string{"name", "value"}},
	{"WarmupConfiguration", executed, "", []string{"duration", "minimumPercent", "aggression"}},
	{"ConnectionPoolSettings", executed, "", []string{"tcp", "http"}},
	{"ConnectionPoolSettings.TCPSettings", executed, "", []string{
		"maxConnections", "connectTimeout", "tcpKeepalive", "maxConnectionDuration", "idleTimeout"}},
	{"ConnectionPoolSettings.TCPSettings.TcpKeepalive", executed, "", []string{"probes", "time", "interval"}},
	{"ConnectionPoolSettings.HTTPSettings", executed, "", []string{
		"http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection", "maxRetries", "idleTimeout",
		"h2UpgradePolicy", "useClientProtocol", "maxConcurrentStreams", "http2KeepAlive"}},
	{"ConnectionPoolSettings.HTTPSettings.ConnectionKeepalive", executed, "", []string{"interval", "timeout"}},
	{"OutlierDetection", executed, "", []string{
		"splitExternalLocalOriginErrors", "consecutiveLocalOriginFailures", "consecutiveGatewayErrors", "consecutive5xxErrors",
		"interval", "baseEjectionTime", "maxEjectionPercent", "minHealthPercent"}},
	{"OutlierDetection", idle, "Istio ignores it too; use consecutiveGatewayErrors or consecutive5xxErrors", []string{"consecutiveErrors"}},
	{"OutlierDetection", idle, "Istio does not use it either", []string{"outlierDetectionHttpErrorCodes"}},
	{"ClientTLSSettings", executed, "", []string{
		"mode", "clientCertificate", "privateKey", "caCertificates", "caCrl", "credentialName", "subjectAltNames", "sni", "insecureSkipVerify"}},
	{"LocalityLoadBalancerSetting", executed, "", []string{"distribute", "failover", "failoverPriority", "enabled"}},
	{"LocalityLoadBalancerSetting.Distribute", executed, "", []string{"from", "to"}},
	{"LocalityLoadBalancerSetting.Failover", executed, "", []string{"from", "to"}},
	{"ZoneAwareLoadBalancerSetting", unexecuted, noZones, []string{"enabled", "failover", "failoverPriority", "minClusterSize"}},
	{"ZoneAwareLoadBalancerSetting.Failover", unexecuted, noZones, []string{"from", "to"}},
	// istio.type.v1beta1
	{"type.WorkloadSelector", executed, "", []string{"matchLabels"}},
	{"type.PolicyTargetReference", executed, "", []string{"group", "kind", "name"}},
	{"type.PolicyTargetReference", unexecuted, "Istio refuses it: a target is in the namespace of the policy", []string{"namespace"}},

	// istio.telemetry.v1alpha1
	{"Telemetry", executed, "", []string{"selector", "targetRef", "targetRefs", "tracing"}},
	{"Telemetry", idle, countsElsewhere, []string{"metrics"}},
	{"Telemetry", idle, logsElsewhere, []string{"accessLogging"}},
	{"Tracing", executed, "", []string{
		"match", "providers", "randomSamplingPercentage", "disableSpanReporting", "customTags", "useRequestIdForTraceSampling",
		"enableIstioTags", "disableContextPropagation"}},
	{"Tracing.TracingSelector", executed, "", []string{"mode"}},
	{"Tracing.CustomTag", executed, "", []string{"literal", "environment", "header"}},
	{"Tracing.CustomTag", idle, noFormatter, []string{"formatter"}},
	{"Tracing.Literal", executed, "", []string{"value"}},
	{"Tracing.Environment", executed, "", []string{"name", "defaultValue"}},
	{"Tracing.RequestHeader", executed, "", []string{"name", "defaultValue"}},
	{"Tracing.Formatter", idle, noFormatter, []string{"value"}},
	{"ProviderRef", executed, "", []string{"name"}},
	{"Metrics", idle, countsElsewhere, []string{"providers", "overrides", "reportingInterval"}},
	{"MetricsOverrides", idle, countsElsewhere, []string{"match", "disabled", "tagOverrides"}},
	{"MetricsOverrides.TagOverride", idle, countsElsewhere, []string{"operation", "value"}},
	{"MetricSelector", idle, countsElsewhere, []string{"metric", "customMetric", "mode"}},
	{"AccessLogging", idle, logsElsewhere, []string{"match", "providers", "disabled", "filter"}},
	{"AccessLogging.LogSelector", idle, logsElsewhere, []string{"mode"}},
	{"AccessLogging.Filter", idle, logsElsewhere, []string{"expression"}},
}

// A fieldSet describes the fields of one message.
type fieldSet struct {
	entries map[string]fieldEntry
	// names are the names of all fields, in the order of the table.
	names []string
	// own means that the message is not Istio's.
	own     bool
	message string
}

// fieldSets is fieldTable by message.
var fieldSets = sync.OnceValue(func() map[string]*fieldSet {
	sets := make(map[string]*fieldSet)
	for _, g := range fieldTable {
		s := sets[g.message]
		if s == nil {
			s = &fieldSet{entries: make(map[string]fieldEntry), own: isLimitMessage(g.message), message: g.message}
			sets[g.message] = s
		}
		for _, name := range g.fields {
			s.entries[name] = fieldEntry{g.treatment, g.reason}
			s.names = append(s.names, name)
		}
	}
	return sets
})

// messagePackages are the packages of Istio's messages, and what stands for them in the
// table of fields.
var messagePackages = []struct{ prefix, short string }{
	{"istio.networking.v1alpha3.", ""},
	{"istio.telemetry.v1alpha1.", ""},
	{"istio.type.v1beta1.", "type."},
}

// messageName returns the name of a message in the table of fields.
func messageName(m protoreflect.MessageDescriptor) string {
	name := string(m.FullName())
	for _, p := range messagePackages {
		if own, ok := strings.CutPrefix(name, p.prefix); ok {
			return p.short + own
		}
	}
	return name
}
