package observe

// Envoy's response flags that an Outcome can have.
const (
	FlagNoHealthyUpstream  = "UH"   // no endpoint to send to
	FlagOverflow           = "UO"   // a limit of the destination, or of requests in flight of the route, was reached
	FlagOverload           = "OM"   // the gateway had too many requests in flight
	FlagConnectFailure     = "UF"   // no connection could be made
	FlagTermination        = "UC"   // the destination closed the connection
	FlagReset              = "UR"   // the destination reset the stream
	FlagProtocolError      = "UPE"  // the destination does not speak HTTP
	FlagTimeout            = "UT"   // the request ran out of time
	FlagRetryLimitExceeded = "URX"  // the last of several tries failed
	FlagNoRoute            = "NR"   // no route matched
	FlagNoCluster          = "NC"   // the destination does not exist
	FlagRateLimited        = "RL"   // a rate limit refused the request
	FlagRateLimitError     = "RLSE" // the store of a rate limit failed
	FlagFault              = "FI"   // a fault aborted the request
	FlagDelay              = "DI"   // a fault delayed the request
	FlagDownstream         = "DC"   // the client disconnected
	FlagDNSFailure         = "DF"   // the requested name has no address
	FlagLocalReset         = "LR"   // the gateway ended the response
	FlagBadRequest         = "DPE"  // the request violates HTTP
	FlagStreamIdle         = "SI"   // nothing of the request moved for too long
)

// Envoy's response code details that an Outcome can have.
const (
	DetailsUpstream         = "via_upstream"
	DetailsNoRoute          = "route_not_found"
	DetailsDirect           = "direct_response"
	DetailsRateLimited      = "request_rate_limited"
	DetailsLocalRateLimited = "local_rate_limited"
	DetailsRateLimitError   = "rate_limiter_error"
	DetailsFault            = "fault_filter_abort"
	DetailsPreflight        = "cors_response"
	DetailsNoCluster        = "cluster_not_found"
	DetailsNoHealthy        = "no_healthy_upstream"
	DetailsTimeout          = "response_timeout"
	DetailsOverflow         = "upstream_reset_before_response_started{overflow}"
	DetailsUpstreamReset    = "upstream_reset_before_response_started"
	DetailsClientGone       = "downstream_remote_disconnect"
	DetailsCut              = "upstream_reset_after_response_started"
	DetailsPath             = "path_normalization_failed"
	DetailsHost             = "invalid_authority"
	DetailsVersion          = "low_version"
	DetailsScheme           = "invalid_scheme"
	DetailsUpgrade          = "upgrade_failed"
	DetailsConnection       = "invalid_connection_header"
	DetailsRedirect         = "https_redirect"
	DetailsPanic            = "handler_panic"
	DetailsOverload         = "overload"
	DetailsPayloadTooLarge  = "request_payload_too_large"
	DetailsCodec            = "http1.codec_error"
	DetailsHeadTooLarge     = "http1.headers_too_large"
	DetailsCoding           = "http1.invalid_transfer_encoding"
	DetailsSlowHead         = "request_header_timeout"
	DetailsHTTP2            = "http2.violation.of.messaging.rule"
	DetailsHTTP2Fields      = "http2.too_many_headers"
	DetailsStreamIdle       = "stream_idle_timeout"
	// DetailsSlowBody is that of Envoy's limit for a whole request, which is the nearest.
	DetailsSlowBody = "request_overall_timeout"
)
