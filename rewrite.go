package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/spec"
)

// Rewrite returns a middleware that rewrites a copy of each request. Rewrite.URI
// replaces the prefix "/". To replace another prefix, or to rewrite only some
// requests, use Route with a Match. The zero Rewrite changes nothing. The error
// joins a *spec.Error for each problem.
//
// A wrapped chi router, ServeMux or other handler routes by the rewritten path. In
// a mounted chi router, both paths are relative to the mount. RawPath and escapes
// such as %2F are not changed.
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
