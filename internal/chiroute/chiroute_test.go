package chiroute

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
)

func TestPathBelowAChiMount(t *testing.T) {
	for _, row := range []struct{ target, Path, mount string }{
		{"/api/x", "/x", "/api"},
		{"/api/x/", "/x/", "/api"},
		{"/api/", "/", "/api"},
		{"/api", "/", "/api"},
		{"/api/a%2Fb", "/a%2Fb", "/api"},
		{"/api/a%20b", "/a%20b", "/api"},
		{"/api/api/x", "/api/x", "/api"},
		{"/api/%C3%BC", "/%C3%BC", "/api"},
	} {
		var path, mount string
		seen := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path, mount = Path(r, Context(r.Context())) })
		router := chi.NewRouter()
		router.Mount("/api", seen)
		testhttp.Recorded(router, testhttp.Request(t, "GET", row.target))
		require.Equal(t, row, struct{ target, Path, mount string }{row.target, path, mount})
	}
	var path, mount string
	seen := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { path, mount = Path(r, Context(r.Context())) })
	router := chi.NewRouter()
	router.Route("/api", func(r chi.Router) {
		r.Use(middleware.StripSlashes)
		r.Handle("/*", seen)
	})
	testhttp.Recorded(router, testhttp.Request(t, "GET", "/api/x/"))
	require.Equal(t, "/x", path)
	require.Equal(t, "/api", mount)
}

// A path that code between the routers rewrote is used as it is.
func TestStaleChiPath(t *testing.T) {
	router := chi.NewRouter()
	var path, mount string
	router.Mount("/api", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = "/elsewhere", ""
		path, mount = Path(r, Context(r.Context()))
	}))
	testhttp.Recorded(router, testhttp.Request(t, "GET", "/api/x"))
	require.Equal(t, "/elsewhere", path)
	require.Empty(t, mount)
}
