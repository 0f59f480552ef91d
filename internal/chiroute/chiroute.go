package chiroute

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/lateengo/gateway/internal/rawpath"
)

// Key is the context key under which chi keeps its routing state.
var Key = chi.RouteCtxKey

// Context returns chi's routing state, or nil outside of a chi router.
func Context(ctx context.Context) *chi.Context {
	rctx, _ := ctx.Value(Key).(*chi.Context)
	return rctx
}

// Anew returns a context in which a chi router routes by the request's URL
// rather than by what routers in front have left of it. Parameters of those stay
// readable. Each call of a handler needs a context of its own: routers write to
// their state, and a mirror or a second try must not find what the first wrote.
func Anew(ctx context.Context) context.Context {
	rctx := Context(ctx)
	if rctx == nil {
		return ctx
	}
	own := rctx.Clone()
	own.RoutePath = ""
	return context.WithValue(ctx, Key, own)
}

// Path returns the path that routes look at, as it was sent, and what of
// the URL's path stands before it. Inside a router mounted in a chi router that
// is the path below the mount, as for chi's own middlewares; otherwise it is the
// URL's path.
func Path(r *http.Request, rctx *chi.Context) (path, mount string) {
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
	// chi calls the mount point itself "/", and chi's StripSlashes takes the
	// last slash off what it routes by.
	if below == "/" {
		return below, path
	}
	if m, ok := strings.CutSuffix(path, below+"/"); ok {
		return below, m
	}
	// Something between the routers has rewritten the URL.
	return path, ""
}

// PathOf returns raw, without a query, in the form in which chi routes by it.
func PathOf(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	var u url.URL
	rawpath.Set(&u, raw)
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.Path
}
