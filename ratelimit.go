package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// RateLimit returns a middleware that lets requests through to a handler as
// the limit allows, and answers the others with 429. Its buckets are its own.
// The error joins an *Error for each problem; a limit with a Provider is one.
func RateLimit(l spec.RateLimit) (func(http.Handler) http.Handler, error) {
	r := spec.Route{RateLimits: []spec.RateLimit{l}}
	return feature(&r)
}
