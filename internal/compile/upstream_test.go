package compile_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

func TestHashSticksToAnEndpoint(t *testing.T) {
	s := testhttp.ServiceOf(t, testhttp.NumberedBackend(t, 1, 200), testhttp.NumberedBackend(t, 2, 200))
	gw := testgateway.ShopBehind(t, s, &spec.TrafficPolicy{LoadBalancer: &spec.LoadBalancer{ConsistentHash: &spec.ConsistentHash{HTTPHeaderName: "x-user"}}}, nil)
	used := map[string]bool{}
	for user := range 30 {
		seen := map[string]bool{}
		for range 6 {
			r := testhttp.Request(t, "GET", "/")
			r.Header.Set("X-User", strconv.Itoa(user))
			body := testgateway.Serve(gw, r).Body.String()
			seen[body], used[body] = true, true
		}
		require.Len(t, seen, 1, "user %d", user)
	}
	require.Len(t, used, 2)
}

func TestFailingEndpointIsEjected(t *testing.T) {
	s := testhttp.ServiceOf(t, testhttp.NumberedBackend(t, 1, 200), testhttp.NumberedBackend(t, 2, 500))
	gw := testgateway.ShopBehind(t, s, &spec.TrafficPolicy{OutlierDetection: &spec.OutlierDetection{Consecutive5xxErrors: new(1), MaxEjectionPercent: 100}}, nil)
	failed := 0
	for range 50 {
		if testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code == 500 {
			failed++
		}
	}
	require.Equal(t, 1, failed)
}

// With a random choice, a retry would often return to the failed endpoint.
func TestRetriesAvoidTriedEndpoints(t *testing.T) {
	s := testhttp.ServiceOf(t, testhttp.RefusingURL, testhttp.NumberedBackend(t, 1, 200))
	for name, on := range map[string][]string{"failures alone": nil, "responses too": {"5xx"}} {
		t.Run(name, func(t *testing.T) {
			gw := testgateway.ShopBehind(t, s, nil, &spec.Retry{Attempts: 1, On: on, Backoff: time.Millisecond})
			for range 60 {
				require.Equal(t, 200, testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code)
			}
		})
	}
	failed := 0
	gw := testgateway.ShopBehind(t, s, nil, &spec.Retry{Attempts: 1, SameHosts: new(true), Backoff: time.Millisecond})
	for range 60 {
		if testgateway.Serve(gw, testhttp.Request(t, "GET", "/")).Code != 200 {
			failed++
		}
	}
	require.NotZero(t, failed, "where a policy lets retries go to the same host")
}

// A destination gets the addresses of the connection to the gateway, even if the
// client sends others.
func TestProxyProtocolToDestinations(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	headers := make(chan string, 9)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			header, _ := in.ReadString('\n')
			headers <- header
			_, _ = http.ReadRequest(in)
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			conn.Close()
		}
	}()
	gw := testgateway.ShopBehind(t, testhttp.ServiceOf(t, "http://"+listener.Addr().String()), &spec.TrafficPolicy{ProxyProtocol: &spec.ProxyProtocol{}}, nil)
	front := httptest.NewServer(gw)
	defer front.Close()
	client, err := net.Dial("tcp", front.Listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	for range 2 {
		_, err = io.WriteString(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		require.Equal(t, 204, response.StatusCode)
		require.NoError(t, response.Body.Close())
		source, destination := client.LocalAddr().(*net.TCPAddr), client.RemoteAddr().(*net.TCPAddr)
		require.Equal(t, fmt.Sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n", source.Port, destination.Port), <-headers)
	}
}
