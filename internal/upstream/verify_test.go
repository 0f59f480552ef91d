package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certified serves over TLS with a certificate of the given names, and returns
// its address and a pool with its authority.
func certified(t *testing.T, template x509.Certificate, handler http.HandlerFunc) (string, *x509.CertPool) {
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	require.NoError(t, err)
	authority, err = x509.ParseCertificate(der)
	require.NoError(t, err)

	template.SerialNumber, template.NotBefore = big.NewInt(2), authority.NotBefore
	if template.NotAfter.IsZero() {
		template.NotAfter = authority.NotAfter
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err = x509.CreateCertificate(rand.Reader, &template, authority, key.Public(), authorityKey)
	require.NoError(t, err)

	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	return server.Listener.Addr().String(), roots
}

// The configuration decides which names a certificate needs.
func TestCertificateNames(t *testing.T) {
	uri, err := url.Parse("spiffe://cluster.local/ns/shop/sa/web")
	require.NoError(t, err)
	names := x509.Certificate{
		DNSNames: []string{"a.test", "*.wild.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		URIs: []*url.URL{uri}, EmailAddresses: []string{"web@a.test"},
	}
	sni := func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.TLS.ServerName)) }
	address, roots := certified(t, names, sni)
	expired := names
	expired.NotAfter = time.Now().Add(-time.Minute)
	oldAddress, oldRoots := certified(t, expired, sni)
	for _, row := range []struct {
		name     string
		sni      string
		names    []string
		anyName  bool
		insecure bool
		// stranger means that the authority is not trusted.
		stranger bool
		expired  bool
		host     string
		want     string // the SNI
		fails    bool
	}{
		{name: "host of the request", host: "a.test:8080", want: "a.test"},
		{name: "host in a wildcard", host: "x.wild.test", want: "x.wild.test"},
		{name: "host that is an address", host: "127.0.0.1", want: ""},
		{name: "other host", host: "b.test", fails: true},
		{name: "other address", host: "127.0.0.2", fails: true},
		{name: "other host, name given", host: "b.test", names: []string{"a.test"}, want: "b.test"},
		{name: "one of the names", host: "b.test", names: []string{"c.test", "a.test"}, want: "b.test"},
		{name: "none of the names", host: "a.test", names: []string{"c.test"}, fails: true},
		{name: "name in a wildcard", host: "b.test", names: []string{"x.wild.test"}, want: "b.test"},
		{name: "wildcards are names of certificates", host: "b.test", names: []string{"*.test"}, fails: true},
		{name: "URI", host: "b.test", names: []string{uri.String()}, want: "b.test"},
		{name: "other URI", host: "b.test", names: []string{uri.String() + "2"}, fails: true},
		{name: "mail address", host: "b.test", names: []string{"web@a.test"}, want: "b.test"},
		{name: "address", host: "b.test", names: []string{"127.0.0.1"}, want: "b.test"},
		{name: "SNI", sni: "a.test", host: "b.test", want: "a.test"},
		{name: "other SNI", sni: "c.test", host: "a.test", fails: true},
		{name: "other SNI, any name", sni: "c.test", anyName: true, host: "b.test", want: "c.test"},
		{name: "other SNI, name given", sni: "c.test", names: []string{"a.test"}, host: "b.test", want: "c.test"},
		{name: "any name beside a name", sni: "c.test", anyName: true, names: []string{"d.test"}, host: "b.test", fails: true},
		{name: "stranger", host: "a.test", stranger: true, fails: true},
		{name: "stranger, name given", host: "a.test", names: []string{"a.test"}, stranger: true, fails: true},
		{name: "stranger, any name", sni: "a.test", anyName: true, host: "a.test", stranger: true, fails: true},
		{name: "expired, any name", sni: "a.test", anyName: true, host: "a.test", expired: true, fails: true},
		{name: "anything", host: "b.test", insecure: true, stranger: true, want: "b.test"},
		{name: "anything, name given", host: "b.test", names: []string{"c.test"}, insecure: true, stranger: true, want: "b.test"},
		{name: "anything expired", host: "b.test", anyName: true, insecure: true, expired: true, want: "b.test"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, c Config) {
				c.TLS = &tls.Config{RootCAs: roots, ServerName: row.sni, InsecureSkipVerify: row.insecure}
				c.Endpoints = []Endpoint{{Address: address}}
				if row.expired {
					c.Endpoints[0].Address, c.TLS.RootCAs = oldAddress, oldRoots
				}
				if row.stranger {
					c.TLS.RootCAs = x509.NewCertPool()
				}
				c.SubjectAltNames, c.AnyName = row.names, row.anyName
				u := newUpstream(t, c)
				r := get("/")
				r.Host = row.host
				w := &hostRecorder{ResponseRecorder: httptest.NewRecorder()}
				u.ServeHTTP(w, r)
				if row.fails {
					require.NotNil(t, w.failed)
					require.Equal(t, 503, w.failed.Status)
					require.Equal(t, FlagConnectFailure, w.failed.Flag)
					require.Contains(t, w.failed.Body, "TLS_error:|CERTIFICATE_VERIFY_FAILED")
					return
				}
				require.Nil(t, w.failed)
				require.Equal(t, row.want, w.Body.String())
			})
		})
	}
}
