package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// Redirect returns a middleware that answers every request with the redirect.
// A PrefixRewrite replaces the prefix "/", and DerivePort takes the server for
// one on port 80. The error joins an *Error for each problem.
//
// Within a mounted chi router a path that is kept is the whole path, and
// PrefixRewrite replaces what follows the mount.
func Redirect(d spec.Redirect) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Redirect: &d}
	return feature(&r)
}
