package program_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestDirectResponse(t *testing.T) {
	for _, row := range []struct {
		name    string
		direct  spec.DirectResponse
		headers spec.HeaderOperations
		method  string
		came    []string
		status  int
		body    string
		want    http.Header
	}{
		{"a body", spec.DirectResponse{Status: 200, Body: []byte("hi")}, testhttp.Ops{}, "GET", nil, 200, "hi", http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}},
		{"no body", spec.DirectResponse{Status: 503, Body: nil}, testhttp.Ops{}, "GET", nil, 503, "", http.Header{"Content-Length": {"0"}}},
		{"HEAD", spec.DirectResponse{Status: 200, Body: []byte("hi")}, testhttp.Ops{}, "HEAD", nil, 200, "", http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}},
		{"another type", spec.DirectResponse{Status: 200, Body: []byte("{}")}, testhttp.Ops{Set: testhttp.Lines{"content-type": "application/json"}}, "GET", nil, 200, "{}",
			http.Header{"Content-Type": {"application/json"}, "Content-Length": {"2"}}},
		{"a type without a body", spec.DirectResponse{Status: 200, Body: nil}, testhttp.Ops{Set: testhttp.Lines{"content-type": "application/json"}}, "GET", nil, 200, "",
			http.Header{"Content-Length": {"0"}}},
		{"a type that is removed", spec.DirectResponse{Status: 200, Body: []byte("hi")}, testhttp.Ops{Remove: []string{"content-type"}}, "GET", nil, 200, "hi",
			http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}},
		{"no content", spec.DirectResponse{Status: 204, Body: nil}, testhttp.Ops{}, "GET", nil, 204, "", http.Header{}},
		{"no content, with a body", spec.DirectResponse{Status: 204, Body: []byte("hi")}, testhttp.Ops{}, "GET", nil, 204, "", http.Header{"Content-Type": {"text/plain"}}},
		{"not modified", spec.DirectResponse{Status: 304, Body: nil}, testhttp.Ops{}, "GET", nil, 304, "", http.Header{"Location": {"http://a.com/x?q=1"}}},
		{"created", spec.DirectResponse{Status: 201, Body: nil}, testhttp.Ops{}, "POST", nil, 201, "", http.Header{"Content-Length": {"0"}, "Location": {"http://a.com/x?q=1"}}},
		{"a redirect", spec.DirectResponse{Status: 302, Body: nil}, testhttp.Ops{}, "GET", nil, 302, "", http.Header{"Content-Length": {"0"}, "Location": {"http://a.com/x?q=1"}}},
		{"accepted", spec.DirectResponse{Status: 202, Body: nil}, testhttp.Ops{}, "GET", nil, 202, "", http.Header{"Content-Length": {"0"}}},
		{"a location of its own", spec.DirectResponse{Status: 302, Body: nil}, testhttp.Ops{Set: testhttp.Lines{"location": "/y"}}, "GET", nil, 302, "",
			http.Header{"Content-Length": {"0"}, "Location": {"/y"}}},
		{"operators", spec.DirectResponse{Status: 418, Body: []byte("hi")}, testhttp.Ops{Set: testhttp.Lines{"x-a": "%RESPONSE_CODE% %REQ(:PATH)%"}}, "GET", nil, 418, "hi",
			http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}, "X-A": {"418 /x?q=1"}}},
		{"gRPC", spec.DirectResponse{Status: 503, Body: []byte("busy 100%\n")}, testhttp.Ops{Set: testhttp.Lines{"x-a": "1"}}, "POST", []string{"Content-Type: application/grpc"}, 200, "",
			http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"14"}, "Grpc-Message": {"busy 100%25%0A"}, "X-A": {"1"}}},
		{"gRPC without a body", spec.DirectResponse{Status: 404, Body: nil}, testhttp.Ops{}, "POST", []string{"Content-Type: application/grpc+proto"}, 200, "",
			http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"12"}}},
		{"gRPC, well", spec.DirectResponse{Status: 200, Body: []byte("hi")}, testhttp.Ops{}, "POST", []string{"Content-Type: application/grpc"}, 200, "",
			http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"2"}, "Grpc-Message": {"hi"}}},
		{"gRPC-Web is not gRPC", spec.DirectResponse{Status: 503, Body: []byte("hi")}, testhttp.Ops{}, "POST", []string{"Content-Type: application/grpc-web"}, 503, "hi",
			http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, s := range []gateway.Semantics{gateway.Native, gateway.Envoy} {
				gw, _ := testgateway.Routed(t, s, spec.Route{DirectResponse: &row.direct, Headers: spec.Headers{Response: row.headers}})
				w := testgateway.Serve(gw, testhttp.Request(t, row.method, "/x?q=1", row.came...))
				require.Equal(t, row.status, w.Code)
				require.Equal(t, row.body, w.Body.String())
				want := row.want.Clone()
				if s == gateway.Envoy {
					want["Server"] = []string{"istio-envoy"}
				}
				require.Equal(t, want, w.Header())
			}
		})
	}
}

// Headers that an outer handler has set do not describe this body.
func TestDirectResponseHasATypeOfItsOwn(t *testing.T) {
	gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{DirectResponse: &spec.DirectResponse{Status: 200, Body: []byte("hi")}})
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "99")
	gw.ServeHTTP(w, testhttp.Request(t, "GET", "/"))
	require.Equal(t, http.Header{"Content-Type": {"text/plain"}, "Content-Length": {"2"}}, w.Header())
}

func TestDirectResponseOnTheWire(t *testing.T) {
	for _, status := range []int{200, 204, 304, 404} {
		gw, _ := testgateway.Routed(t, gateway.Native, spec.Route{DirectResponse: &spec.DirectResponse{Status: status, Body: []byte("hi")}})
		for _, p := range testhttp.Protocols {
			client, url := p.Client(t, gw)
			for _, method := range []string{"GET", "HEAD"} {
				response, body := testhttp.Fetch(t, client, method, url)
				require.Equal(t, status, response.StatusCode)
				if method == "HEAD" || status == 204 || status == 304 {
					require.Empty(t, body)
				} else {
					require.Equal(t, "hi", body)
				}
			}
		}
	}
}
