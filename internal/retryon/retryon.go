package retryon

// Conditions are the words of Retry.On, besides status codes.
var Conditions = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream", "retriable-4xx",
	"retriable-status-codes", "retriable-headers", "envoy-ratelimited", "cancelled", "deadline-exceeded", "internal",
	"resource-exhausted", "unavailable", "http3-post-connect-failure",
}

// Default is what Istio retries on where a route does not say.
var Default = []string{"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"}

// GRPCStatuses are the conditions on the gRPC status of a response's header.
var GRPCStatuses = map[string]string{
	"cancelled": "1", "deadline-exceeded": "4", "resource-exhausted": "8", "internal": "13", "unavailable": "14",
}
