package gateway

import (
	"net/http"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/spec"
)

// Match returns a middleware that sends matching requests to matched, and all
// others to the wrapped handler. It compares the path as sent, without
// normalization. In a mounted chi router, it compares the path below the mount.
// Headers are the client's own. The zero Match sends all requests to matched.
//
// The error joins a *spec.Error for each problem. Conditions on a server or a
// workload (Port, Gateways, SourceLabels, SourceNamespace) are problems: they need
// a Gateway.
func Match(m spec.Match, matched http.Handler) (func(http.Handler) http.Handler, error) {
	var f findings.List
	o := caller("Middleware", "", "")
	at := f.At(o).Field("match")
	if matched == nil {
		at.Errorf(spec.CodeMissing, "the handler for matching requests is nil")
	}
	onlyRequests(at, &m)
	f.Add(checkRoute(&spec.Route{Match: []spec.Match{m}, Origin: o}))
	if err := f.Err(); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Match(&m, matched, next) }, nil
}
