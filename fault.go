package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// Fault returns a middleware that injects the fault before the wrapped handler. The
// error joins a *spec.Error for each problem.
func Fault(f spec.Fault) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Fault: &f}
	return feature(&r)
}
