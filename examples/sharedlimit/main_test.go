package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/redislimit"
)

// Three gateways together allow what one would.
func TestSharedLimit(t *testing.T) {
	server := miniredis.RunT(t)
	client, err := redislimit.NewClient(server.Addr())
	require.NoError(t, err)
	defer client.Close()
	var gateways []http.Handler
	for _, name := range []string{"a", "b", "c"} {
		gw, err := newGateway(name, redislimit.New(client, redislimit.Options{}))
		require.NoError(t, err)
		defer gw.Close()
		require.Empty(t, gw.Warnings())
		gateways = append(gateways, gw)
	}
	allowed := 0
	for i := range 30 {
		w := httptest.NewRecorder()
		gateways[i%3].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://shop.example.com/", nil))
		require.NotEmpty(t, w.Header().Get("X-Ratelimit-Remaining"))
		if w.Code == http.StatusOK {
			allowed++
		} else {
			require.Equal(t, http.StatusTooManyRequests, w.Code)
		}
	}
	// While the test runs, some more may become allowed.
	require.GreaterOrEqual(t, allowed, 10)
	require.Less(t, allowed, 30)

	for range 30 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://shop.example.com/", nil)
		r.RemoteAddr = "192.0.2.77:1000"
		gateways[0].ServeHTTP(w, r)
		if w.Code == http.StatusTooManyRequests {
			return
		}
		require.Equal(t, http.StatusOK, w.Code, "another client has a limit of its own")
	}
	t.Fatal("nothing was limited")
}
