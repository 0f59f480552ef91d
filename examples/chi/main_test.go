package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/examples/internal/program"
)

func TestHandler(t *testing.T) {
	handler, err := newHandler()
	require.NoError(t, err)
	for target, body := range map[string]string{
		"/":                       "home\n",
		"/products/7":             "product 7\n",
		"/products/7?catalog=old": "product 7\n",
		"/products/7?catalog=new": "product 7, out of the catalog\n",
		"/nowhere":                "404 page not found\n",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		require.Equal(t, body, w.Body.String(), target)
	}
}

func TestProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("the program is not built, nor run")
	}
	p := program.Start(t, "-addr", "127.0.0.1:0")
	status, body := p.Get("/products/7?catalog=new")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "product 7, out of the catalog\n", body)
}
