package program_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// framings are operations that are accepted, and touch what frames a message.
var framings = func() map[string]spec.Headers {
	out := map[string]spec.Headers{
		"removed from the response": {Response: spec.HeaderOperations{Remove: []string{
			"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "proxy-connection",
		}}},
		"removed from the request": {Request: spec.HeaderOperations{Remove: []string{
			"content-length", "transfer-encoding", "connection", "te", "upgrade",
		}}},
		"te": {Request: spec.HeaderOperations{Set: map[string]string{"te": "trailers"}}},
	}
	for name, value := range map[string]string{
		"connection": "close, x-kept", "keep-alive": "timeout=1", "proxy-connection": "close", "upgrade": "websocket", "trailer": "x-kept",
	} {
		values := map[string]string{name: value}
		out["request set "+name] = spec.Headers{Request: spec.HeaderOperations{Set: values}}
		out["request add "+name] = spec.Headers{Request: spec.HeaderOperations{Add: values}}
		out["response set "+name] = spec.Headers{Response: spec.HeaderOperations{Set: values}}
		out["response add "+name] = spec.Headers{Response: spec.HeaderOperations{Add: values}}
	}
	out["response set transfer-encoding"] = spec.Headers{Response: spec.HeaderOperations{Set: map[string]string{"transfer-encoding": "gzip"}}}
	out["response add transfer-encoding"] = spec.Headers{Response: spec.HeaderOperations{Add: map[string]string{"transfer-encoding": "chunked"}}}
	out["request set te"] = spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"te": "gzip"}}}
	return out
}()

// framed are the handlers that carry out operations in front of a backend.
func framed(t *testing.T, h spec.Headers, backend http.Handler) map[string]http.Handler {
	behind := httptest.NewServer(backend)
	t.Cleanup(behind.Close)
	route := func(b *gateway.Builder, r spec.Route) http.Handler { return testgateway.Built(t, b.Route(r)) }
	one := spec.Route{Headers: h, Destinations: []spec.Destination{{Host: "app"}}}
	each := spec.Route{Destinations: []spec.Destination{{Host: "app", Weight: 1, Headers: h}, {Host: "app", Weight: 1, Headers: h}}}
	retried := one
	retried.Retry = &spec.Retry{Attempts: 1, On: []string{"5xx"}}
	alone, err := gateway.Headers(h)
	require.NoError(t, err)
	split, err := gateway.Split(each.Destinations, map[string]http.Handler{"app": backend})
	require.NoError(t, err)
	return map[string]http.Handler{
		"a handler":        route(gateway.New().Backend("app", backend), one),
		"its destinations": route(gateway.New().Backend("app", backend), each),
		"direct":           route(gateway.New().BackendURL("app", behind.URL), one),
		"direct, retried":  route(gateway.New().BackendURL("app", behind.URL), retried),
		"net/http":         route(gateway.New().Transport(gateway.TransportNetHTTP).BackendURL("app", behind.URL), one),
		"Envoy":            route(gateway.New().Semantics(gateway.Envoy).BackendURL("app", behind.URL), one),
		"a middleware":     alone(backend),
		"a split":          split(nil),
	}
}

// What goes over the wire stays well-formed, and says the same, whatever operations
// say about the framing.
func TestFramingHeadersStayWellFormed(t *testing.T) {
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(r.Header["Connection"])+len(r.Header["Upgrade"])+len(r.Header["Keep-Alive"]) > 0 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("X-Kept", "1")
		if r.URL.Path == "/known" {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)+len("hello ")))
		}
		_, _ = io.WriteString(w, "hello ")
		if r.URL.Path == "/flushed" {
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = w.Write(body)
	})
	for name, headers := range framings {
		for kind, handler := range framed(t, headers, backend) {
			name := name + ", " + kind
			s := httptest.NewServer(handler)
			conn, err := net.Dial("tcp", s.Listener.Addr().String())
			require.NoError(t, err)
			in := bufio.NewReader(conn)
			// One connection carries all, so a wrong length would spoil the next.
			for _, request := range []string{
				"POST /known HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld",
				"POST /unknown HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld",
				"POST /flushed HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld",
				"POST /known HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworld\r\n0\r\n\r\n",
			} {
				_, err = io.WriteString(conn, request)
				require.NoError(t, err)
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err, name)
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err, name)
				require.Equal(t, 200, response.StatusCode, name)
				require.Equal(t, "hello world", string(body), name)
				require.Equal(t, "1", response.Header.Get("X-Kept"), name)
				require.LessOrEqual(t, len(response.Header["Content-Length"]), 1, name)
				require.False(t, response.Close, name)
				for _, key := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade"} {
					require.NotContains(t, response.Header, key, name)
				}
			}
			conn.Close()
			s.Close()

			s = httptest.NewUnstartedServer(handler)
			s.EnableHTTP2 = true
			s.StartTLS()
			response, body := testhttp.Fetch(t, s.Client(), "GET", s.URL+"/known")
			require.Equal(t, 2, response.ProtoMajor)
			require.Equal(t, "hello ", body, name)
			s.Close()
		}
	}
}

// The end of a connection whose request was not read to its end is not removed.
func TestConnectionCloseIsNotRemoved(t *testing.T) {
	refusing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	behind := httptest.NewServer(refusing)
	defer behind.Close()
	gw := testgateway.Built(t, gateway.New().BackendURL("app", behind.URL).Route(spec.Route{
		Destinations: []spec.Destination{{Host: "app"}},
		Headers:      spec.Headers{Response: spec.HeaderOperations{Remove: []string{"connection"}}},
	}))
	s := httptest.NewServer(gw)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, 413, response.StatusCode)
	require.True(t, response.Close)
}

// Operations that would break a message are refused everywhere.
func TestFramingHeadersAreRefused(t *testing.T) {
	length, coded := map[string]string{"content-length": "5"}, map[string]string{"Transfer-Encoding": "chunked"}
	for name, headers := range map[string]spec.Headers{
		"response set length": {Response: spec.HeaderOperations{Set: length}},
		"response add length": {Response: spec.HeaderOperations{Add: length}},
		"request set length":  {Request: spec.HeaderOperations{Set: length}},
		"request add length":  {Request: spec.HeaderOperations{Add: length}},
		"request set coding":  {Request: spec.HeaderOperations{Set: coded}},
		"request add coding":  {Request: spec.HeaderOperations{Add: coded}},
	} {
		_, alone := gateway.Headers(headers)
		_, split := gateway.Split([]spec.Destination{{Host: "app", Weight: 1, Headers: headers}}, map[string]http.Handler{"app": testhttp.AnswerOK})
		_, built := gateway.New().Backend("app", testhttp.AnswerOK).
			Route(spec.Route{Headers: headers, Destinations: []spec.Destination{{Host: "app"}}}).Build()
		_, envoy := gateway.New().Semantics(gateway.Envoy).Backend("app", testhttp.AnswerOK).
			Route(spec.Route{Headers: headers, Destinations: []spec.Destination{{Host: "app"}}}).Build()
		for _, err := range []error{alone, split, built, envoy} {
			var problem *spec.Error
			require.True(t, errors.As(err, &problem), name)
			require.Equal(t, spec.CodeInvalid, problem.Code, name)
			require.Contains(t, problem.Error(), "would break the message", name)
		}
	}
}
