// Package testhttp holds requests, backends and recorders that the tests of several
// packages share.
package testhttp

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
)

// A Spy is a backend that remembers what it got.
type Spy struct {
	Got *http.Request
	// answer are the headers of its responses.
	Answer http.Header
	// then is called last, if it is not nil.
	Then http.HandlerFunc
}

func (s *Spy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Got = r
	for name, lines := range s.Answer {
		w.Header()[name] = lines
	}
	if s.Then != nil {
		s.Then(w, r)
	}
}

// Request returns a request as net/http's server reads it.
func Request(t *testing.T, method, target string, headers ...string) *http.Request {
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

// A protocol is a way to reach a handler.
type protocol struct {
	Name string
	// serve starts a server and returns its address.
	Client func(t *testing.T, h http.Handler) (client *http.Client, url string)
}

// Protocols are HTTP/1.1 and HTTP/2 without TLS.
var Protocols = []protocol{
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

// Fetch sends a request and returns the response with its whole body, and so
// with its trailers.
func Fetch(t *testing.T, client *http.Client, method, url string) (*http.Response, string) {
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

// OverTLS makes a request one that came over TLS.
func OverTLS(r *http.Request) *http.Request {
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	return r
}

// Recorded returns the recorded answer of a handler.
func Recorded(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
