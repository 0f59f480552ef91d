package fieldcases

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// fleet is a service with four endpoints, which send their numbers with a status.
// The first two have version v0, the others v1.
func fleet(t *testing.T, status int) spec.Service {
	var urls []string
	for i := range 4 {
		urls = append(urls, testhttp.NumberedBackend(t, i, status))
	}
	s := testhttp.ServiceOf(t, urls...)
	for i := range s.Endpoints {
		s.Endpoints[i].Labels = map[string]string{"version": fmt.Sprint("v", i/2)}
	}
	return s
}

// byCookie hashes a cookie.
func byCookie(c spec.HashCookie) *spec.TrafficPolicy {
	return &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{ConsistentHash: &spec.ConsistentHash{HTTPCookie: &c}}}
}

// asking returns a function that sends a request, with a cookie or without one, on
// its own connection: all requests of one connection get the same cookie.
func asking(t *testing.T, gw *gateway.Gateway) func(cookie string) (*http.Response, string) {
	address := serve(t, gw)
	client := speaking(t, http1)
	client.DisableKeepAlives = true
	return func(cookie string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address, nil)
		require.NoError(t, err)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		response, err := client.RoundTrip(r)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response, string(body)
	}
}

// A client without the cookie gets one, with the configured attributes. With it,
// the client stays at its endpoint and gets no other cookie.
func TestCookieKeepsAClientAtItsEndpoint(t *testing.T) {
	ask := asking(t, testgateway.ShopBehind(t, fleet(t, 200), byCookie(spec.HashCookie{Name: "user", TTL: new(5 * time.Minute), Path: "/p"}), nil))
	response, first := ask("")
	require.Len(t, response.Cookies(), 1)
	cookie := response.Cookies()[0]
	require.Equal(t, "user", cookie.Name)
	require.Equal(t, 300, cookie.MaxAge)
	require.Equal(t, "/p", cookie.Path)
	require.True(t, cookie.HttpOnly)
	for range 20 {
		response, body := ask("user=" + cookie.Value)
		require.Equal(t, first, body)
		require.Empty(t, response.Cookies())
	}
	elsewhere := map[string]bool{}
	for i := range 40 {
		_, body := ask(fmt.Sprint("user=", i))
		elsewhere[body] = true
	}
	require.Greater(t, len(elsewhere), 2)
}

// Without a ttl no cookie is created. With ttl 0 it is a session cookie.
func TestCookieWithoutLifetime(t *testing.T) {
	s := fleet(t, 200)
	response, _ := asking(t, testgateway.ShopBehind(t, s, byCookie(spec.HashCookie{Name: "user"}), nil))("")
	require.Empty(t, response.Cookies())
	response, _ = asking(t, testgateway.ShopBehind(t, s, byCookie(spec.HashCookie{Name: "user", TTL: new(time.Duration)}), nil))("")
	require.Len(t, response.Cookies(), 1)
	require.NotContains(t, response.Header.Get("Set-Cookie"), "Max-Age")
}

// A split is random for each request, whatever its cookies are. Istio puts the
// cookies of all its subsets on the route: any answer creates each of them once. A
// client with all of them gets no more, and always gets the same endpoint of each
// subset.
func TestCookiesOfSubsets(t *testing.T) {
	subset := func(version, cookie string) spec.Subset {
		return spec.Subset{Name: version, Labels: map[string]string{"version": version}, TrafficPolicy: byCookie(spec.HashCookie{Name: cookie, TTL: new(time.Minute)})}
	}
	ask := asking(t, testgateway.Built(t, gateway.New().Service(fleet(t, 200)).DestinationRule(spec.DestinationRule{
		Name: "shop", Host: "shop.internal", Subsets: []spec.Subset{subset("v0", "zero"), subset("v1", "one")},
	}).Route(spec.Route{Destinations: []spec.Destination{
		{Host: "shop.internal", Subset: "v0", Weight: 50}, {Host: "shop.internal", Subset: "v1", Weight: 50},
	}})))
	response, _ := ask("")
	var names, pairs []string
	for _, c := range response.Cookies() {
		names, pairs = append(names, c.Name), append(pairs, c.Name+"="+c.Value)
	}
	require.Equal(t, []string{"zero", "one"}, names)
	met := map[string]bool{}
	for range 60 {
		response, body := ask(strings.Join(pairs, "; "))
		require.Empty(t, response.Cookies())
		met[body] = true
	}
	require.Len(t, met, 2)
	require.True(t, met["0"] != met["1"] && met["2"] != met["3"], "%v", met)
}

// No more endpoints are ejected than maxEjectionPercent allows. When all are, the
// answer is 503, unless fewer than minHealthPercent are healthy.
func TestHowManyEndpointsAreEjected(t *testing.T) {
	for name, row := range map[string]struct {
		outliers spec.OutlierDetection
		left     int
	}{
		"three quarters":          {spec.OutlierDetection{ConsecutiveGatewayErrors: new(1), MaxEjectionPercent: 75}, 1},
		"half, by 5xx":            {spec.OutlierDetection{Consecutive5xxErrors: new(1), MaxEjectionPercent: 50}, 2},
		"the default":             {spec.OutlierDetection{ConsecutiveGatewayErrors: new(1)}, 4},
		"all":                     {spec.OutlierDetection{ConsecutiveGatewayErrors: new(1), MaxEjectionPercent: 100}, 0},
		"all, and so none at all": {spec.OutlierDetection{ConsecutiveGatewayErrors: new(1), MaxEjectionPercent: 100, MinHealthPercent: 50}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			row.outliers.Interval, row.outliers.BaseEjectionTime = time.Millisecond, time.Hour
			ask := asking(t, testgateway.ShopBehind(t, fleet(t, 502), &spec.TrafficPolicy{OutlierDetection: &row.outliers}, &spec.Retry{}))
			for range 60 {
				ask("")
			}
			left := map[string]bool{}
			for range 60 {
				response, body := ask("")
				if row.left == 0 {
					require.Equal(t, 503, response.StatusCode)
					require.Equal(t, "no healthy upstream", body)
					continue
				}
				require.Equal(t, 502, response.StatusCode)
				left[body] = true
			}
			require.Len(t, left, row.left)
		})
	}
}
