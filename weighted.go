package gateway

import (
	"maps"
	"net/http"
	"slices"

	"github.com/lateengo/gateway/internal/compile"
	"github.com/lateengo/gateway/internal/findings"
	"github.com/lateengo/gateway/internal/resource"
	"github.com/lateengo/gateway/spec"
)

// Split returns a middleware that divides requests among backends by weight. A
// destination without Host means the wrapped handler. The others are looked up in
// backends, as in Builder.Backend: under "host", "host:port", "host/subset" or
// "host:port/subset", the most specific name first, or "*". A destination's Headers
// apply to its requests and its responses. The error joins a *spec.Error for each
// problem.
func Split(s []spec.Destination, backends map[string]http.Handler) (func(http.Handler) http.Handler, error) {
	o := caller("Middleware", "", "")
	var f findings.List
	at := f.At(o)
	var registered []compile.Backend
	for _, name := range slices.Sorted(maps.Keys(backends)) {
		n, err := compile.ParseBackendName(name)
		switch {
		case err != nil:
			at.Errorf(spec.CodeInvalid, "%v", err)
		case backends[name] == nil:
			at.Errorf(spec.CodeMissing, "backend %q: the handler is nil", name)
		default:
			registered = append(registered, compile.Backend{Name: n, Handler: backends[name]})
		}
	}
	known := compile.NewBackendIndex(registered, resource.DefaultNamespace)
	named := slices.Clone(s)
	found := make([]http.Handler, len(s))
	for i := range named {
		d := &named[i]
		if d.Host == "" {
			d.Host = compile.WrappedHost
			continue
		}
		to := known.Find(d.Host, d.Host, d.Port, d.Subset)
		if to == nil {
			to = known.ByName[compile.BackendName{Host: "*"}]
		}
		if to == nil {
			at.Field("route").Index(i).Field("host").Errorf(spec.CodeNotFound, "no backend is registered for %q", d.Host)
			continue
		}
		found[i] = to.Handler
	}
	f.Add(checkRoute((&spec.Route{Destinations: named, Origin: o})))
	if len(s) == 0 {
		at.Field("route").Errorf(spec.CodeMissing, "there is no destination")
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler { return compile.Split(s, found, next) }, nil
}
