package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// CORS returns a middleware that answers preflights, and adds CORS (cross-origin
// resource sharing) headers to the responses of the wrapped handler. The error
// joins a *spec.Error for each problem.
func CORS(c spec.CORS) (func(http.Handler) http.Handler, error) {
	r := spec.Route{CORS: &c}
	return feature(&r)
}
