// Package retryon has the retry conditions of spec.Retry.On: their names, Istio's
// default, and the conditions on a gRPC status. Validation and package forward
// use it.
package retryon

// Conditions are the words that Retry.On accepts besides status codes.
var Conditions = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream", "retriable-4xx",
	"retriable-status-codes", "retriable-headers", "envoy-ratelimited", "cancelled", "deadline-exceeded", "internal",
	"resource-exhausted", "unavailable", "http3-post-connect-failure",
}

// Default are Istio's conditions for a route that has none.
var Default = []string{"connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes"}

// GRPCStatuses are the conditions on the gRPC status in the header of a response.
var GRPCStatuses = map[string]string{
	"cancelled": "1", "deadline-exceeded": "4", "resource-exhausted": "8", "internal": "13", "unavailable": "14",
}
