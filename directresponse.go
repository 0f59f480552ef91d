package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// DirectResponse returns a middleware that answers every request with the response.
// The error joins a *spec.Error for each problem.
func DirectResponse(d spec.DirectResponse) (func(http.Handler) http.Handler, error) {
	r := spec.Route{DirectResponse: &d}
	return feature(&r)
}
