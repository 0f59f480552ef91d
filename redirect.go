package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/spec"
)

// Redirect returns a middleware that answers every request with the redirect. A
// PrefixRewrite replaces the prefix "/", and DerivePort assumes that the server is
// on port 80. The error joins a *spec.Error for each problem.
//
// In a mounted chi router, and behind http.StripPrefix, an unchanged path is the
// client's whole path, and PrefixRewrite replaces the path below the mount.
func Redirect(d spec.Redirect) (func(http.Handler) http.Handler, error) {
	r := spec.Route{Redirect: &d}
	return feature(&r)
}
