package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// echo answers with the request that it got.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %s", r.Host, r.URL.RequestURI(), r.Header.Get("X-Tag"))
})

func TestRouteAlone(t *testing.T) {
	mw, err := Route(spec.Route{
		Match:   []spec.Match{{URI: spec.Prefix("/v1")}, {URI: spec.Exact("/two"), Method: spec.Exact("POST")}},
		Rewrite: &spec.Rewrite{URI: "/api", Authority: "b.com"},
		Headers: spec.Headers{
			Request:  spec.HeaderOperations{Set: map[string]string{"X-Tag": "%REQ(:PATH)%"}},
			Response: spec.HeaderOperations{Set: map[string]string{"X-Answer": "yes"}},
		},
	})
	require.NoError(t, err)
	handler := mw(echo)
	for _, row := range []struct{ method, target, body, answer string }{
		{"GET", "/v1/a?x=1", "b.com /api/a?x=1 /v1/a?x=1", "yes"},
		{"POST", "/two", "b.com /api /two", "yes"},
		{"GET", "/two", "a.com /two ", ""},
		{"GET", "/v2", "a.com /v2 ", ""},
	} {
		w := serve(handler, testhttp.Request(t, row.method, row.target))
		require.Equal(t, row.body, w.Body.String(), row.target)
		require.Equal(t, row.answer, w.Header().Get("X-Answer"), row.target)
	}
}

func TestRouteAloneLimitsWhatMatches(t *testing.T) {
	mw, err := Route(spec.Route{
		Match:      []spec.Match{{URI: spec.Prefix("/limited")}},
		RateLimits: []spec.RateLimit{{Requests: 1, Unit: time.Hour}},
	})
	require.NoError(t, err)
	handler := mw(echo)
	for i, want := range []int{200, 429, 429} {
		require.Equal(t, want, serve(handler, testhttp.Request(t, "GET", "/limited")).Code, "%d", i)
		require.Equal(t, 200, serve(handler, testhttp.Request(t, "GET", "/free")).Code, "%d", i)
	}
}

func TestZeroRouteAloneChangesNothing(t *testing.T) {
	mw, err := Route(spec.Route{})
	require.NoError(t, err)
	require.Equal(t, "a.com //x/../y?z ", serve(mw(echo), testhttp.Request(t, "GET", "//x/../y?z")).Body.String())
}

func TestRouteAloneNeedsAGatewayForSomeFeatures(t *testing.T) {
	_, err := Route(spec.Route{
		Match:        []spec.Match{{Port: 80}},
		Destinations: []spec.Destination{{Host: "a"}},
		Delegate:     &spec.Delegate{Name: "x"},
		Retry:        &spec.Retry{Attempts: 1},
		Mirrors:      []spec.Mirror{{Destination: spec.Destination{Host: "a"}}},
	})
	var fields []string
	for e := range spec.Errors(err) {
		fields = append(fields, e.Field)
		require.Equal(t, "route_test.go", e.File)
	}
	require.ElementsMatch(t, []string{"Destinations", "Delegate", "Retry", "Mirrors", "Match[0].Port"}, fields)
}
