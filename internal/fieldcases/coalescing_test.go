package fieldcases

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/spec"
)

// A browser uses one HTTP/2 connection for all hosts of its certificate. Hosts of
// another server get 404 on it, and hosts of the same server their answer. Letter
// case and ports make no difference. (TestServersByName of package server tests the
// handshakes.)
func TestOneConnectionForSeveralHosts(t *testing.T) {
	says := func(name, host string) spec.VirtualService {
		return spec.VirtualService{Name: name, Hosts: []string{host}, Gateways: []string{name}, Routes: []spec.Route{
			{DirectResponse: &spec.DirectResponse{Status: 200, Body: []byte(name)}},
		}}
	}
	secure := func(name, host string) spec.Server {
		return spec.Server{Gateway: name, Port: 443, PortName: name, Protocol: "HTTPS", Hosts: []string{host},
			TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "wildcard"}}
	}
	gw := testgateway.Built(t, gateway.New().
		Server(secure("one", "one.test")).VirtualService(says("one", "one.test")).
		Server(secure("two", "two.test")).VirtualService(says("two", "two.test")).
		Server(secure("wild", "*.wild.test")).VirtualService(says("wild", "*.wild.test")))
	ca := testca.Root(t, "wildcard", 1, testca.Signs)
	s := listen(t, gw, 443, map[string]gateway.Credential{
		"wildcard": {Certificate: &tls.Certificate{Certificate: [][]byte{ca.Cert.Raw}, PrivateKey: ca.Key}},
	})
	for _, row := range []struct {
		server, host string
		status       int
		body         string
	}{
		{"one.test", "one.test", 200, "one"},
		{"one.test", "two.test", 404, ""},
		{"two.test", "one.test", 404, ""},
		{"ONE.test", "one.test", 200, "one"},
		{"one.test", "ONE.test", 200, "one"},
		{"one.test", "one.test:443", 200, "one"},
		{"a.wild.test", "b.wild.test", 200, "wild"},
		{"a.wild.test", "one.test", 404, ""},
	} {
		t.Run(row.host+" on the connection of "+row.server, func(t *testing.T) {
			client := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: row.server}, ForceAttemptHTTP2: true}
			defer client.CloseIdleConnections()
			r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+s.Addr(443).String(), nil)
			require.NoError(t, err)
			r.Host = row.host
			response, err := client.RoundTrip(r)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, 2, response.ProtoMajor)
			require.Equal(t, row.status, response.StatusCode)
			require.Equal(t, row.body, string(body))
		})
	}
}
