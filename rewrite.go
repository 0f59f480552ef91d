package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/spec"
)

// Rewrite returns a middleware that rewrites, on a copy, the requests whose
// path matched holds for; other requests pass unchanged. What a rewrite
// replaces is what matched says: see Rewrite.URI. The zero StringMatch is the
// prefix "/", the zero Rewrite changes nothing. The error joins an *Error for
// each problem.
//
// Behind it a chi router, a ServeMux and any other handler route by the
// rewritten path; within a mounted chi router both paths are relative to the
// mount. RawPath and escapes such as %2F stay as they came.
func Rewrite(rw spec.Rewrite, matched spec.StringMatch) (func(http.Handler) http.Handler, error) {
	m := spec.Match{URI: matched}
	r := spec.Route{Match: []spec.Match{m}, Rewrite: &rw, Origin: caller("Middleware", "", "")}
	if rw == (spec.Rewrite{}) {
		r.Rewrite = nil
	}
	if err := checkRoute(&r); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Rewrite(&rw, &m, next) }, nil
}
