package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/spec"
)

// Rewrite returns a middleware that rewrites requests on a copy. Rewrite.URI replaces
// the prefix "/"; to replace another one, or to rewrite some requests only, use Route
// with a Match. The zero Rewrite changes nothing. The error joins a *spec.Error for
// each problem.
//
// A chi router, a ServeMux and any other handler behind it route by the rewritten
// path. Within a mounted chi router, both paths are relative to the mount. RawPath and
// escapes such as %2F stay as they came.
func Rewrite(rw spec.Rewrite) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Rewrite: &rw, Origin: caller("Middleware", "", "")}
	if rw == (spec.Rewrite{}) {
		r.Rewrite = nil
	}
	if err := checkRoute(&r); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Rewrite(&rw, new(spec.Match), next) }, nil
}
