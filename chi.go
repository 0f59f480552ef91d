package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/lateengo/gateway/internal/rawpath"
)

// chiKey is the context key under which chi keeps its routing state.
var chiKey = chi.RouteCtxKey

// chiContext returns chi's routing state, or nil outside of a chi router.
func chiContext(r *http.Request) *chi.Context {
	rctx, _ := r.Context().Value(chiKey).(*chi.Context)
	return rctx
}

// chiContextAt returns a copy of chi's routing state at another path. An empty
// path leaves it to the request's URL.
func chiContextAt(rctx *chi.Context, path string) *chi.Context {
	c := *rctx
	c.RoutePath = path
	c.URLParams.Keys = slices.Clip(c.URLParams.Keys)
	c.URLParams.Values = slices.Clip(c.URLParams.Values)
	c.RoutePatterns = slices.Clip(c.RoutePatterns)
	return &c
}

// requestPath returns the path that routes look at, as it was sent, and what of
// the URL's path stands before it. Inside a router mounted in a chi router that
// is the path below the mount, as for chi's own middlewares; otherwise it is the
// URL's path.
func requestPath(r *http.Request, rctx *chi.Context) (path, mount string) {
	path = rawpath.Of(r.URL)
	if rctx == nil || rctx.RoutePath == "" {
		return path, ""
	}
	below := rctx.RoutePath
	if r.URL.RawPath == "" {
		below = rawpath.Of(&url.URL{Path: below})
	}
	if m, ok := strings.CutSuffix(path, below); ok {
		return below, m
	}
	return path, ""
}
