package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// Headers returns a middleware that changes the headers of responses and, on a
// copy, of requests. The zero Headers change nothing. The error joins a *spec.Error
// for each problem.
//
// Response operations run once, when the handler sends the header. Informational
// responses are not changed. Operators about a route or a destination are empty.
// Operations on headers that frame a message or are about one connection are an
// error or have no effect: see spec.HeaderOperations.
func Headers(h spec.Headers) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Headers: h}
	return feature(&r)
}
