package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

// TestNoRequestIsLost stops and changes listeners under clients that send one request after
// another. A client whose connection was accepted gets an answer to each request, and knows
// from the last one that it is the last.
func TestNoRequestIsLost(t *testing.T) {
	ca := newAuthority(t)
	credentials := map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}, "b": {Certificate: ca.issue("b.test")}}
	secured := func() *gateway.Builder { return toApp(says("app")).Server(secure("a.test", simple("a"))) }
	client := &tls.Config{RootCAs: ca.pool, ServerName: "a.test"}
	for _, row := range []struct {
		name    string
		builder func() *gateway.Builder
		port    int
		tls     *tls.Config
		end     func(*testing.T, *Listeners)
	}{
		{"shutdown", func() *gateway.Builder { return toApp(says("app")).Server(plain(80)) }, 80, nil, func(t *testing.T, s *Listeners) {
			require.NoError(t, s.Shutdown(t.Context()))
		}},
		{"shutdown of TLS", secured, 443, client, func(t *testing.T, s *Listeners) {
			require.NoError(t, s.Shutdown(t.Context()))
		}},
		{"a TLS server comes and goes", secured, 443, client, func(t *testing.T, s *Listeners) {
			for range 5 {
				require.NoError(t, s.Replace(secured().Server(secure("b.test", simple("b")))))
				require.NoError(t, s.Replace(secured()))
			}
			require.NoError(t, s.Shutdown(t.Context()))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, _ := start(t, row.builder(), local(Config{Credentials: credentials, GracePeriod: DefaultGracePeriod}, row.port))
			const clients = 16
			var answered atomic.Int64
			begun := make(chan struct{})
			var running sync.WaitGroup
			var mu sync.Mutex
			var lost []error
			address := s.Addr(row.port).String()
			for range clients {
				running.Go(func() {
					err := untilRefused(address, row.tls, func() {
						if answered.Add(1) == 20*clients {
							close(begun)
						}
					})
					if err != nil {
						mu.Lock()
						lost = append(lost, err)
						mu.Unlock()
					}
				})
			}
			<-begun
			row.end(t, s)
			running.Wait()
			require.Empty(t, lost)
		})
	}
}

// untilRefused sends requests until the port accepts no connection. The error is that of a
// request which got no answer.
func untilRefused(address string, config *tls.Config, answered func()) error {
	for {
		conn, err := net.Dial("tcp", address)
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		if config != nil {
			conn = tls.Client(conn, config)
		}
		err = untilLast(conn, answered)
		_ = conn.Close()
		if err != nil {
			return err
		}
	}
}

// untilLast sends requests over a connection until an answer says that it is the last.
func untilLast(conn net.Conn, answered func()) error {
	in := bufio.NewReader(conn)
	for n := 0; ; n++ {
		last, err := askOnce(conn, in)
		if err != nil {
			return fmt.Errorf("request %d: %w", n, err)
		}
		answered()
		if last {
			return nil
		}
	}
}

// askOnce sends a request, and reports whether the answer says that it is the last one.
func askOnce(conn net.Conn, in *bufio.Reader) (last bool, err error) {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		return false, err
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	return response.Close, err
}

// TestIdleConnectionsEndAfterTheGracePeriod closes a connection without a request at once if
// there is no grace period.
func TestIdleConnectionsEndAfterTheGracePeriod(t *testing.T) {
	s, _ := start(t, toApp(says("app")).Server(plain(80)), local(Config{GracePeriod: spec.NoLimit}, 80))
	conn, in := dial(t, s, 80)
	_, err := io.WriteString(conn, get)
	require.NoError(t, err)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, s.Shutdown(t.Context()))
	_, err = in.ReadByte()
	require.Error(t, err)
}

// TestHTTP2EndsWithGoAway answers the requests of a connection during the grace period, and
// tells the client to use another one.
func TestHTTP2EndsWithGoAway(t *testing.T) {
	ca := newAuthority(t)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	b := toApp(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			close(arrived)
			<-goOn
		}
		_, _ = io.WriteString(w, r.Proto)
	}).Server(secure("a.test", simple("a")))
	s, _ := start(t, b, local(Config{GracePeriod: DefaultGracePeriod, Credentials: map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}}, 443))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool, ServerName: "a.test"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	address := s.Addr(443).String()
	ask := func(path string) (string, error) {
		r, err := http.NewRequest("GET", "https://"+address+path, nil)
		if err != nil {
			return "", err
		}
		r.Host = "a.test"
		response, err := transport.RoundTrip(r)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := ask("/wait")
		waiting <- err
	}()
	<-arrived
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(t.Context()) }()
	// The connection that the client has takes another request while the listener is closed.
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	body, err := ask("/now")
	require.NoError(t, err)
	require.Equal(t, "HTTP/2.0", body)
	close(goOn)
	require.NoError(t, <-waiting)
	require.NoError(t, <-ended)
}
