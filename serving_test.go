package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// built returns the gateway of a builder, which the test closes.
func built(t *testing.T, b *Builder) *Gateway {
	t.Helper()
	gw, err := b.Build()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close()) })
	return gw
}

// A backendSpy is a backend that remembers what it got.
type backendSpy struct {
	got *http.Request
	// answer are the headers of its responses.
	answer http.Header
	// then is called last, if it is not nil.
	then http.HandlerFunc
}

func (s *backendSpy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.got = r
	for name, lines := range s.answer {
		w.Header()[name] = lines
	}
	if s.then != nil {
		s.then(w, r)
	}
}

// routed returns a gateway with one route to a spy.
func routed(t *testing.T, s Semantics, r spec.Route) (*Gateway, *backendSpy) {
	t.Helper()
	spy := new(backendSpy)
	if r.Destinations == nil && r.Redirect == nil && r.DirectResponse == nil {
		r.Destinations = []spec.Destination{{Host: "spy"}}
	}
	return built(t, New().Semantics(s).Route(r).Backend("*", spy)), spy
}

// request returns a request as net/http's server reads it.
func request(t *testing.T, method, target string, headers ...string) *http.Request {
	t.Helper()
	raw := method + " " + target + " HTTP/1.1\r\nHost: a.com\r\n"
	for _, h := range headers {
		raw += h + "\r\n"
	}
	client, server := net.Pipe()
	defer server.Close()
	go func() {
		defer client.Close()
		_, _ = io.WriteString(client, raw+"\r\n")
	}()
	r, err := http.ReadRequest(bufio.NewReader(server))
	require.NoError(t, err)
	r.RemoteAddr = "192.0.2.1:1234"
	return r
}

// owning makes serve give its requests away: see TestNothingDiffersWhenOwned.
var owning bool

// serve returns the recorded answer of a handler.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	if gw, ok := h.(*Gateway); ok && owning {
		h = gw.Owning()
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A protocol is a way to reach a handler.
type protocol struct {
	name string
	// serve starts a server and returns its address.
	client func(t *testing.T, h http.Handler) (client *http.Client, url string)
}

// protocols are HTTP/1.1 and HTTP/2 without TLS.
var protocols = []protocol{
	{"HTTP/1.1", func(t *testing.T, h http.Handler) (*http.Client, string) {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.Client(), server.URL
	}},
	{"h2c", func(t *testing.T, h http.Handler) (*http.Client, string) {
		server := httptest.NewUnstartedServer(h)
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
		t.Cleanup(server.Close)
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport}, server.URL
	}},
}

// fetch sends a request and returns the response with its whole body, and so
// with its trailers.
func fetch(t *testing.T, client *http.Client, method, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, nil)
	require.NoError(t, err)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// overTLS makes a request one that came over TLS.
func overTLS(r *http.Request) *http.Request {
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	return r
}
