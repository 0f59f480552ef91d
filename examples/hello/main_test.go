package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHello(t *testing.T) {
	gw, err := newGateway()
	require.NoError(t, err)
	defer gw.Close()

	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		gw.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	w := ask("/reviews/7")
	require.Equal(t, http.StatusOK, w.Code)
	require.Regexp(t, `^v[12] got /7\n$`, w.Body.String())
	w = ask("/")
	require.Equal(t, http.StatusFound, w.Code)
	require.Contains(t, w.Header().Get("Location"), "/reviews")
	require.Equal(t, http.StatusNotFound, ask("/other").Code)
}
