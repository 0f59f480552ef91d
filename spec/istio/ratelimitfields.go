package istio

import "strings"

const (
	noMetadata  = "requests have no metadata yet"
	noStages    = "all limits are of one stage"
	noFormats   = "a cost is a number"
	statistics  = "it only names statistics"
	noRuntime   = "percentages do not change at runtime"
	noStorePath = "--rate-limit-service or Builder.Limiter says where the service is"
)

// limitFields are the fields of rate limits: of RateLimitConfig, of the configuration of
// envoyproxy/ratelimit, and of Envoy's filters.
var limitFields = []fieldGroup{
	{"RateLimitConfig", executed, "", []string{"selector", "targetRefs", "limits", "rateLimits", "local", "global", "raw", "response", "mode", "inheritance"}},
	{"RateLimitConfig.TargetRef", executed, "", []string{"group", "kind", "name", "sectionName"}},
	{"RateLimitConfig.TargetRef", unexecuted, "a target is in the namespace of the policy", []string{"namespace"}},
	{"RateLimitConfig.Limit", executed, "", []string{
		"requestsPerUnit", "unit", "burst", "per", "when", "onMissingKey", "onStoreFailure", "algorithm", "response", "mode"}},
	{"RateLimitConfig.LimitKey", executed, "", []string{"remoteAddress", "header"}},
	{"RateLimitConfig.Response", executed, "", []string{"statusCode", "body", "contentType", "headers", "rateLimitHeaders", "rateLimitedAsResourceExhausted"}},
	{"RateLimitConfig.Response.Headers", executed, "", []string{"set", "add"}},

	{"RateLimitConfig.RateLimit", executed, "", []string{"actions", "hitsAddend"}},
	{"RateLimitConfig.RateLimit", unexecuted, noMetadata, []string{"limit"}},
	{"RateLimitConfig.RateLimit", unexecuted, noStages, []string{"stage"}},
	{"RateLimitConfig.RateLimit", unexecuted, "there is no runtime that could switch it off; use mode", []string{"disableKey"}},
	{"RateLimitConfig.RateLimit", unexecuted, "requests are counted before they are sent to the destination", []string{"applyOnStreamDone"}},
	{"RateLimitConfig.RateLimit", unexecuted, "the headers are the same for all limits of a policy; use response.rateLimitHeaders", []string{"xRatelimitOption"}},
	{"RateLimitConfig.HitsAddend", executed, "", []string{"number"}},
	{"RateLimitConfig.HitsAddend", unexecuted, noFormats, []string{"format"}},
	{"RateLimitConfig.Action", executed, "", []string{
		"genericKey", "requestHeaders", "queryParameters", "remoteAddress", "maskedRemoteAddress", "headerValueMatch",
		"queryParameterValueMatch", "destinationCluster"}},
	{"RateLimitConfig.Action", unexecuted, noMetadata, []string{"metadata", "dynamicMetadata"}},
	{"RateLimitConfig.Action", unexecuted, "the gateway's own cluster has no name here", []string{"sourceCluster"}},
	{"RateLimitConfig.Action", unexecuted, "Envoy's extensions are not part of Lateen", []string{"extension"}},
	{"RateLimitConfig.GenericKey", executed, "", []string{"descriptorKey", "descriptorValue"}},
	{"RateLimitConfig.GenericKey", idle, "descriptorValue is a fixed text, as in Envoy unless a flag at runtime changes it", []string{"defaultValue"}},
	{"RateLimitConfig.RequestHeaders", executed, "", []string{"headerName", "descriptorKey", "skipIfAbsent"}},
	{"RateLimitConfig.QueryParameters", executed, "", []string{"queryParameterName", "descriptorKey", "skipIfAbsent"}},
	{"RateLimitConfig.MaskedRemoteAddress", executed, "", []string{"v4PrefixMaskLen", "v6PrefixMaskLen"}},
	{"RateLimitConfig.HeaderValueMatch", executed, "", []string{"descriptorKey", "descriptorValue", "expectMatch", "headers"}},
	{"RateLimitConfig.HeaderValueMatch", idle, "descriptorValue is a fixed text, as in Envoy unless a flag at runtime changes it", []string{"defaultValue"}},
	{"RateLimitConfig.QueryParameterValueMatch", executed, "", []string{"descriptorKey", "descriptorValue", "expectMatch", "queryParameters"}},
	{"RateLimitConfig.QueryParameterValueMatch", idle, "descriptorValue is a fixed text, as in Envoy unless a flag at runtime changes it", []string{"defaultValue"}},
	{"RateLimitConfig.HeaderMatcher", executed, "", []string{
		"name", "exactMatch", "prefixMatch", "suffixMatch", "containsMatch", "safeRegexMatch", "presentMatch", "stringMatch",
		"invertMatch", "treatMissingHeaderAsEmpty"}},
	{"RateLimitConfig.HeaderMatcher", unexecuted, "a header is compared as text; use stringMatch.safeRegex", []string{"rangeMatch"}},
	{"RateLimitConfig.QueryParameterMatcher", executed, "", []string{"name", "stringMatch", "presentMatch"}},
	{"RateLimitConfig.StringMatcher", executed, "", []string{"exact", "prefix", "suffix", "contains", "safeRegex", "ignoreCase"}},
	{"RateLimitConfig.StringMatcher", unexecuted, "Envoy's extensions are not part of Lateen", []string{"custom"}},
	{"RateLimitConfig.RegexMatcher", executed, "", []string{"regex"}},
	{"RateLimitConfig.RegexMatcher", silent, "there is no other kind of regular expressions", []string{"googleRe2"}},

	{"RateLimitConfig.Local", executed, "", []string{"tokenBucket", "descriptors", "alwaysConsumeDefaultTokenBucket", "maxDynamicDescriptors", "perDownstreamConnection"}},
	{"RateLimitConfig.LocalDescriptor", executed, "", []string{"entries", "tokenBucket"}},
	{"RateLimitConfig.LocalDescriptor", unexecuted, "a mode is for all limits of a policy; use mode", []string{"shadowMode"}},
	{"RateLimitConfig.Entry", executed, "", []string{"key", "value"}},
	{"RateLimitConfig.TokenBucket", executed, "", []string{"maxTokens", "tokensPerFill", "fillInterval"}},

	{"RateLimitConfig.Global", executed, "", []string{
		"domain", "configFile", "descriptors", "failureModeDeny", "onStoreFailure", "statusOnError", "timeout", "provider", "algorithm"}},
	{"RateLimitConfig.Descriptor", executed, "", []string{"key", "value", "rateLimit", "shadowMode", "shareThreshold", "weight", "alwaysApply", "descriptors"}},
	{"RateLimitConfig.Descriptor", silent, statistics, []string{"detailedMetric", "valueToMetric"}},
	{"RateLimitConfig.Descriptor", unexecuted, noQuotas, []string{"quotaMode"}},
	{"RateLimitConfig.Descriptor", unexecuted, noAnswerMetadata, []string{"metadata"}},
	{"RateLimitConfig.DescriptorRate", executed, "", []string{"unit", "requestsPerUnit", "unlimited", "name", "replaces"}},
	{"RateLimitConfig.Replaces", executed, "", []string{"name"}},

	{"RateLimitConfig.Raw", executed, "", []string{"descriptors", "rateLimits"}},
	{"RateLimitConfig.Raw", unexecuted, noSets, []string{"setDescriptors"}},
	{"RateLimitConfig.RawRateLimit", executed, "", []string{"actions"}},
	{"RateLimitConfig.RawRateLimit", unexecuted, noSets, []string{"setActions"}},
	{"RateLimitConfig.RawRateLimit", unexecuted, noMetadata, []string{"limit"}},

	{"solo.RateLimitConfig", executed, "", []string{"raw"}},

	// The configuration of envoyproxy/ratelimit.
	{"ratelimit.Config", executed, "", []string{"domain", "descriptors"}},
	{"ratelimit.Descriptor", executed, "", []string{"key", "value", "rate_limit", "shadow_mode", "share_threshold", "descriptors"}},
	{"ratelimit.Descriptor", silent, statistics, []string{"detailed_metric", "value_to_metric"}},
	{"ratelimit.Descriptor", unexecuted, noQuotas, []string{"quota_mode"}},
	{"ratelimit.Descriptor", unexecuted, noAnswerMetadata, []string{"metadata"}},
	{"ratelimit.DescriptorRate", executed, "", []string{"unit", "requests_per_unit", "unlimited", "name", "replaces"}},
	{"ratelimit.Replaces", executed, "", []string{"name"}},

	// Envoy's filters, in an EnvoyFilter.
	{"envoy.LocalRateLimit", executed, "", []string{
		"status", "token_bucket", "filter_enabled", "filter_enforced", "response_headers_to_add", "descriptors",
		"local_rate_limit_per_downstream_connection", "enable_x_ratelimit_headers", "always_consume_default_token_bucket",
		"rate_limited_as_resource_exhausted", "rate_limits", "max_dynamic_descriptors"}},
	{"envoy.LocalRateLimit", silent, statistics, []string{"stat_prefix"}},
	{"envoy.LocalRateLimit", unexecuted, noStages, []string{"stage"}},
	{"envoy.LocalRateLimit", unexecuted, "a request over the limit is not marked if it passes", []string{"request_headers_to_add_when_not_enforced"}},
	{"envoy.LocalRateLimit", unexecuted, "a local limit is that of one process; use a global limit", []string{"local_cluster_rate_limit"}},
	{"envoy.LocalRateLimit", silent, "OVERRIDE is the default, and the other values are errors", []string{"vh_rate_limits"}},
	{"envoy.RateLimit", executed, "", []string{
		"domain", "timeout", "failure_mode_deny", "rate_limited_as_resource_exhausted", "enable_x_ratelimit_headers",
		"rate_limited_status", "response_headers_to_add", "status_on_error", "filter_enabled", "filter_enforced", "rate_limits"}},
	{"envoy.RateLimit", silent, statistics, []string{"stat_prefix"}},
	{"envoy.RateLimit", silent, noStorePath, []string{"rate_limit_service"}},
	{"envoy.RateLimit", unexecuted, noStages, []string{"stage"}},
	{"envoy.RateLimit", silent, "both is the default, and the other values are errors", []string{"request_type"}},
	{"envoy.RateLimit", unexecuted, "the header is always sent", []string{"disable_x_envoy_ratelimited_header"}},
	{"envoy.RateLimit", unexecuted, "all requests are handled alike; use failure_mode_deny", []string{"failure_mode_deny_percent"}},
	{"envoy.RuntimeFractionalPercent", executed, "", []string{"default_value"}},
	{"envoy.RuntimeFractionalPercent", silent, noRuntime, []string{"runtime_key"}},
	{"envoy.FractionalPercent", executed, "", []string{"numerator", "denominator"}},
	{"envoy.HttpStatus", executed, "", []string{"code"}},
	{"envoy.HeaderValueOption", executed, "", []string{"header", "append", "append_action"}},
	{"envoy.HeaderValueOption", unexecuted, "a header without a value is not sent", []string{"keep_empty_value"}},
	{"envoy.HeaderValue", executed, "", []string{"key", "value"}},
	{"envoy.HeaderValue", unexecuted, "a value is text; use value", []string{"raw_value"}},
}

const (
	noQuotas         = "a limit is not a quota that clients ask for in advance"
	noAnswerMetadata = "answers have no metadata"
	noSets           = "a set of descriptors has no order; use descriptors and actions, whose entries have the same order"
)

// isLimitMessage reports whether a message of the table is one of limitFields.
func isLimitMessage(message string) bool {
	root, _, _ := strings.Cut(message, ".")
	return root == "RateLimitConfig" || root == "solo" || root == "ratelimit" || root == "envoy"
}
