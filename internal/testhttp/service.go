package testhttp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// ServiceOf returns a service that runs at the servers' addresses.
func ServiceOf(t *testing.T, urls ...string) spec.Service {
	s := spec.Service{Name: "shop", Hosts: []string{"shop.internal"}, Resolution: spec.ResolveStatic, Ports: []spec.ServicePort{{Number: 80, Name: "http", Protocol: "HTTP"}}}
	for _, text := range urls {
		u, err := url.Parse(text)
		require.NoError(t, err)
		port, err := strconv.Atoi(u.Port())
		require.NoError(t, err)
		s.Endpoints = append(s.Endpoints, spec.Endpoint{Address: u.Hostname(), Ports: map[string]int{"http": port}})
	}
	return s
}

func NumberedBackend(t *testing.T, n, status int) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, n)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// RefusingURL is where nobody listens, and no test's own server can come to: its
// port is none of those that the system gives out.
const RefusingURL = "http://127.0.0.1:1"
