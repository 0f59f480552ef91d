package gatewaytest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// got is the status and the body of an answer.
func got(t *testing.T, r *http.Response, err error) (int, string) {
	t.Helper()
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r.StatusCode, string(body)
}

func TestServer(t *testing.T) {
	s := NewServer(t, istio.Files("testdata/shop.yaml"))
	s.Answer("reviews", Answer{Status: 201, Header: http.Header{"X-From": {"reviews"}}, Body: "all"})
	s.Answer("reviews/v2", Answer{Body: "v2"})
	s.Answer("*", Answer{Status: 404})

	r, err := http.NewRequest(http.MethodPost, "http://shop.example.com/reviews/7?x=1", strings.NewReader("seven"))
	require.NoError(t, err)
	r.Header.Set("End-User", "jason")
	response, err := s.Client().Do(r)
	status, body := got(t, response, err)
	require.Equal(t, 200, status)
	require.Equal(t, "v2", body)
	require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	received := s.Received()
	require.Len(t, received, 1)
	require.Equal(t, "reviews:9080/v2", received[0].Destination)
	require.Equal(t, "seven", string(received[0].Body))
	require.Equal(t, "/7?x=1", received[0].Request.URL.RequestURI())
	require.Equal(t, "reviews.internal", received[0].Request.Host)
	require.Equal(t, "v2", received[0].Request.Header.Get("X-Version"))
	require.Empty(t, s.Received())

	for _, row := range []struct {
		url    string
		status int
		body   string
	}{
		{"http://shop.example.com/old", 302, ""}, // not followed
		{"http://shop.example.com/health", 200, "fine"},
		{"http://shop.example.com/stock/1", 404, ""},
		{"http://shop.example.com/nothing", 404, ""},
		{"http://shop.example.com:8080/health", 301, ""},
	} {
		response, err := s.Client().Get(row.url)
		status, body := got(t, response, err)
		require.Equal(t, row.status, status, row.url)
		require.Equal(t, row.body, body, row.url)
	}
	_, err = s.Client().Get("http://shop.example.com:9090/health")
	require.ErrorContains(t, err, "the gateway has no listener on port 9090")
	require.Contains(t, s.Address(8080), "127.0.0.1:")
	require.Empty(t, s.Address(9090))
}

// Limits are those of the configuration, in real time.
func TestServerLimits(t *testing.T) {
	s := NewServer(t, spec.Declarations{VirtualServices: []spec.VirtualService{{Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{{
		RateLimits:   []spec.RateLimit{{Requests: 2, Unit: 1 << 55}},
		Destinations: []spec.Destination{{Host: "a"}},
	}}}}})
	var statuses []int
	for range 3 {
		response, err := s.Client().Get("http://a.com/")
		status, _ := got(t, response, err)
		statuses = append(statuses, status)
	}
	require.Equal(t, []int{200, 200, 429}, statuses)
}

func TestServerWithTLS(t *testing.T) {
	s := Suite{
		Source: spec.Declarations{
			Servers: []spec.Server{{Gateway: "g", Port: 8443, Protocol: "HTTPS", Hosts: []string{"*"}, TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "shop"}}},
			VirtualServices: []spec.VirtualService{{Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{{
				Match: []spec.Match{{Scheme: spec.Exact("https")}}, Destinations: []spec.Destination{{Host: "a"}},
			}}}},
		},
		Semantics: gateway.Envoy,
		Configure: func(b *gateway.Builder) { b.Backend("b", http.NotFoundHandler()) },
	}.Server(t)
	response, err := s.Client().Get("https://a.com/")
	status, _ := got(t, response, err)
	require.Equal(t, 200, status)
	require.Equal(t, 2, response.ProtoMajor)
	require.Equal(t, "a:8443", s.Received()[0].Destination)
}
