package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/examples/internal/program"
)

func TestGateway(t *testing.T) {
	gw, err := newGateway()
	require.NoError(t, err)
	defer gw.Close()

	get := func(target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		gw.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w
	}
	for target, arrives := range map[string]string{
		"/products":       ": GET /, X-Forwarded-Proto: https\n",
		"/products/1?x=1": ": GET /1?x=1, X-Forwarded-Proto: https\n",
	} {
		w := get(target)
		require.Equal(t, http.StatusOK, w.Code, target)
		require.True(t, strings.HasPrefix(w.Body.String(), "product v"), w.Body)
		require.True(t, strings.HasSuffix(w.Body.String(), arrives), w.Body)
	}
	require.Equal(t, http.StatusNotFound, get("/other").Code)

	// More than a client may send in a minute.
	limited := 0
	for range 1000 {
		if w := get("/products"); w.Code == http.StatusTooManyRequests {
			require.NotEmpty(t, w.Header().Get("Retry-After"))
			limited++
		}
	}
	require.Positive(t, limited)
}

func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("the program is not built, nor run")
	}
	p := program.Start(t, "-addr", "127.0.0.1:0")
	status, body := p.Get("/products/1")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, ": GET /1, X-Forwarded-Proto: https")
	status, _ = p.Get("/other")
	require.Equal(t, http.StatusNotFound, status)
	p.Stop(syscall.SIGTERM)
}
