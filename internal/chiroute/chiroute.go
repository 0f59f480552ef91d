// Package chiroute reads and resets the routing state of a chi router around the
// gateway. It finds the path below a mount, and gives each call of a handler its
// own state. It has functions only.
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

// Anew returns a context in which a chi router routes by the URL of the request,
// instead of the part that earlier routers left. Parameters of these routers stay
// readable. Each call of a handler needs its own context: routers write to their
// state, and a mirror or a second try must not see what the first call wrote.
func Anew(ctx context.Context) context.Context {
	rctx := Context(ctx)
	if rctx == nil {
		return ctx
	}
	own := rctx.Clone()
	own.RoutePath = ""
	return context.WithValue(ctx, Key, own)
}

// Path returns the path that routes match, as it was sent, and the part of the
// URL's path before it. In a router mounted in a chi router, it is the path below
// the mount, as for chi's own middlewares. Otherwise it is the path of the URL.
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
	// chi calls the mount point itself "/", and chi's StripSlashes removes the
	// last slash from the path that it routes by.
	if below == "/" {
		return below, path
	}
	if m, ok := strings.CutSuffix(path, below+"/"); ok {
		return below, m
	}
	// Code between the routers has rewritten the URL.
	return path, ""
}

// PathOf returns raw, without a query, in the form that chi uses to route.
func PathOf(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	var u url.URL
	rawpath.Set(&u, raw)
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.Path
}
