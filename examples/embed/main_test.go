package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/examples/internal/program"
)

func TestGateway(t *testing.T) {
	gw, err := newGateway()
	require.NoError(t, err)
	defer gw.Close()

	serve := func(r *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		gw.ServeHTTP(w, r)
		return w
	}
	t.Run("testers get the new version", func(t *testing.T) {
		for range 50 {
			r := httptest.NewRequest(http.MethodGet, "/reviews/7?stars=5", nil)
			r.Header.Set("X-Tester", "yes")
			require.Equal(t, "reviews v2: GET /7?stars=5\n", serve(r).Body.String())
		}
	})
	t.Run("one request in ten gets the new version", func(t *testing.T) {
		count := map[string]int{}
		for range 10_000 {
			w := serve(httptest.NewRequest(http.MethodGet, "/reviews/7", nil))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			count[w.Body.String()]++
		}
		require.InDelta(t, 9000, count["reviews v1: GET /7\n"], 200)
		require.InDelta(t, 1000, count["reviews v2: GET /7\n"], 200)
	})
	t.Run("five attempts to log in", func(t *testing.T) {
		for range 5 {
			w := serve(httptest.NewRequest(http.MethodPost, "/login", nil))
			require.Equal(t, "accounts: POST /login\n", w.Body.String())
		}
		w := serve(httptest.NewRequest(http.MethodPost, "/login", nil))
		require.Equal(t, http.StatusTooManyRequests, w.Code)
		require.NotEmpty(t, w.Header().Get("Retry-After"))
	})
	t.Run("nothing else is there", func(t *testing.T) {
		require.Equal(t, http.StatusNotFound, serve(httptest.NewRequest(http.MethodGet, "/login", nil)).Code)
	})
}

func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("the program is not built, nor run")
	}
	p := program.Start(t, "-addr", "127.0.0.1:0")
	status, body := p.Get("/reviews/7")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, ": GET /7\n")
}
