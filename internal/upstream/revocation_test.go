package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/internal/testwire"
)

// Connections to an endpoint with a revoked certificate are not made, however
// its name is verified.
func TestRevokedEndpoint(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	leaf := root.Certify(t, "leaf", 2, x509.KeyUsageDigitalSignature)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Cert.Raw}, PrivateKey: leaf.Key}}}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	good, bad := root.Revokes(t, nil, 3), root.Revokes(t, nil, 2)
	for _, row := range []struct {
		name     string
		list     *x509.RevocationList
		names    []string
		any      bool
		insecure bool
		fails    bool
	}{
		{name: "by its host", list: good},
		{name: "by its host, revoked", list: bad, fails: true},
		{name: "by a name", list: good, names: []string{"a.test"}},
		{name: "by a name, revoked", list: bad, names: []string{"a.test"}, fails: true},
		{name: "by another name", list: good, names: []string{"b.test"}, fails: true},
		{name: "by any name, revoked", list: bad, any: true, fails: true},
		{name: "not at all, revoked", list: bad, insecure: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, c Config) {
				c.Endpoints = []Endpoint{{Address: server.Listener.Addr().String()}}
				c.TLS = &tls.Config{RootCAs: roots, ServerName: "a.test", InsecureSkipVerify: row.insecure}
				c.SubjectAltNames, c.AnyName, c.CRLs = row.names, row.any, []*x509.RevocationList{row.list}
				w := testwire.Within(t, begin(newUpstream(t, c), get("/")))
				if !row.fails {
					require.Equal(t, 200, w.Code)
					return
				}
				require.Equal(t, FlagConnectFailure, w.failed.Flag)
				require.Contains(t, w.failed.Body, "TLS_error:|CERTIFICATE_VERIFY_FAILED")
			})
		})
	}
}
