package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// CORS returns a middleware that answers preflights and adds the headers
// of cross-origin resource sharing in front of a handler. The error joins a
// *spec.Error for each problem.
func CORS(c spec.CORS) (func(http.Handler) http.Handler, error) {
	r := spec.Route{CORS: &c}
	return feature(&r)
}
