package gatewaytest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// A Server is a gateway on real connections, with backends that record what arrives. The
// test closes it at its end. Its methods are safe for concurrent use.
type Server struct {
	// Gateway is the gateway.
	Gateway *gateway.Gateway

	tb      testing.TB
	servers map[int]*httptest.Server
	client  *http.Client

	mu       sync.Mutex
	received []Received
	answers  map[string]Answer
}

// A Received is a request that arrived at a backend.
type Received struct {
	// Destination is the destination for which it came, "host:port/subset", without
	// ".svc.cluster.local" and the namespace default.
	Destination string
	// Request is a copy of the request, with an empty body, and Body is its body.
	Request *http.Request
	Body    []byte

	cluster, host, subset string
	port                  int
}

// NewServer starts a gateway for a source. It is Suite.Server with a Suite that has only
// the source.
func NewServer(tb testing.TB, source spec.Source) *Server {
	tb.Helper()
	return Suite{Source: source}.Server(tb)
}

// Server starts a gateway with a listener on 127.0.0.1 for each port of the Gateways. It
// fails the test at once if the configuration does not build. Destinations without a
// backend get one that records, and answers 200 or what Server.Answer says, also those of
// ServiceEntries: nothing leaves the machine, unless Configure names a backend elsewhere.
func (s Suite) Server(tb testing.TB) *Server {
	tb.Helper()
	server := &Server{tb: tb, servers: map[int]*httptest.Server{}, answers: map[string]Answer{}}
	t := &Tester{suite: s}
	if s.Source != nil {
		t.declared, t.problems = s.Source.Declare()
	}
	t.declared.Services = answering(t.declared.Services)
	gw, _, err := t.build(&t.declared, t.problems, func(b *gateway.Builder) { b.RoutingContext() }, http.HandlerFunc(server.backend))
	if err != nil {
		tb.Fatalf("the configuration does not build:\n%v", err)
	}
	server.Gateway = gw
	for _, l := range gw.Listeners() {
		ts := httptest.NewUnstartedServer(l)
		if l.TLS() {
			ts.EnableHTTP2 = true
			ts.StartTLS()
		} else {
			ts.Start()
		}
		server.servers[l.Port()] = ts
	}
	server.client = &http.Client{
		Transport: &http.Transport{
			DialContext:       server.dial,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the certificate is httptest's
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	tb.Cleanup(server.close)
	return server
}

func (s *Server) close() {
	s.client.CloseIdleConnections()
	for _, ts := range s.servers {
		ts.Close()
	}
	if err := s.Gateway.Close(); err != nil {
		s.tb.Error(err)
	}
}

// Client returns a client that reaches the gateway under every host name: the port of a
// URL, 80 or 443 by default, is that of a Gateway. It accepts every certificate, and does
// not follow redirects.
func (s *Server) Client() *http.Client { return s.client }

// Address returns the address at which the gateway listens for a port, "127.0.0.1:port",
// or "" if there is no such listener.
func (s *Server) Address(port int) string {
	ts := s.servers[port]
	if ts == nil {
		return ""
	}
	return ts.Listener.Addr().String()
}

// dial connects to the listener of the port. A default port without a listener is the
// first listener that speaks the scheme.
func (s *Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, _ := strconv.Atoi(text)
	to := s.Address(port)
	if to == "" && (port == 80 || port == 443) {
		for _, l := range s.Gateway.Listeners() {
			if l.TLS() == (port == 443) {
				to = s.Address(l.Port())
				break
			}
		}
	}
	if to == "" {
		return nil, fmt.Errorf("the gateway has no listener on port %s", text)
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// Answer sets what a destination answers from now on. See Expect.Destinations for its
// name; "*" is every other destination. The most precise name wins.
func (s *Server) Answer(destination string, a Answer) {
	s.tb.Helper()
	if destination != "*" {
		if _, err := parseDestination(destination); err != nil {
			s.tb.Fatal(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[destination] = a
}

// Received returns the requests that have arrived at backends since the latest call, in
// order.
func (s *Server) Received() []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.received
	s.received = nil
	return out
}

// backend is the handler of all destinations without another backend.
func (s *Server) backend(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	routing, _ := observe.RoutingFrom(r.Context())
	to := routing.Destination
	got := Received{
		Destination: shortCluster(to.Host, to.Port, to.Subset), Request: r.Clone(context.Background()), Body: body,
		cluster: to.Cluster, host: to.Host, subset: to.Subset, port: to.Port,
	}
	got.Request.Body = io.NopCloser(bytes.NewReader(nil))
	s.mu.Lock()
	s.received = append(s.received, got)
	answer := s.answer(&got)
	s.mu.Unlock()
	answer.write(w)
}

// answer returns the answer to a request. s.mu must be locked.
func (s *Server) answer(r *Received) Answer {
	var names []string
	for name := range s.answers {
		names = append(names, name)
	}
	slices.Sort(names)
	p := part{r.cluster, r.host, r.subset, r.port, 0}
	if name, ok := coveringName(names, &p); ok {
		return s.answers[name]
	}
	return s.answers["*"]
}
