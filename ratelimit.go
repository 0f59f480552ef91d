package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// RateLimit returns a middleware that passes requests within the limit to the
// wrapped handler, and answers all others with 429. It has its own buckets. The
// error joins a *spec.Error for each problem. A limit with a Provider is a problem.
func RateLimit(l spec.RateLimit) (func(http.Handler) http.Handler, error) {
	r := spec.Route{RateLimits: []spec.RateLimit{l}}
	return feature(&r)
}
