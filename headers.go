package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// Headers returns a middleware that changes the headers of requests, on a
// copy, and of responses. The zero Headers change nothing. The error joins an
// *Error for each problem.
//
// Operations on a response are applied once, when its header is sent, however
// the handler does that; informational responses pass unchanged. Operators that
// speak of a route or a destination are empty.
func Headers(h spec.Headers) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Headers: h}
	return feature(&r)
}
