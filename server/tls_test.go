package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

// An authority issues the certificates of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	a.key = key
	a.cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	a.pool.AddCert(a.cert)
	return a
}

// issue returns a certificate for servers and clients with a name.
func (a *authority) issue(name string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write writes a certificate, its key and the authority to files.
func (a *authority) write(cert *tls.Certificate) (certFile, keyFile, caFile string) {
	dir := a.t.TempDir()
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(a.t, err)
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(a.t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	return file("cert.pem", "CERTIFICATE", cert.Certificate[0]), file("key.pem", "EC PRIVATE KEY", key), file("ca.pem", "CERTIFICATE", a.cert.Raw)
}

func secure(host string, t spec.ServerTLS) spec.Server {
	return spec.Server{Gateway: "g", PortName: host, Port: 443, Protocol: "HTTPS", Hosts: []string{host}, TLS: &t}
}

func simple(credential string) spec.ServerTLS {
	return spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: credential}
}

// shake opens a TLS connection, and reads a byte of the answer to a request:
// only that proves that the server accepts the client's certificate.
func shake(t *testing.T, s *Listeners, config *tls.Config) (tls.ConnectionState, string, error) {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Deadline: time.Now().Add(patience)}, "tcp", s.Addr(443).String(), config)
	if err != nil {
		return tls.ConnectionState{}, "", err
	}
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	state := conn.ConnectionState()
	if state.NegotiatedProtocol == "h2" {
		return state, "", nil
	}
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", config.ServerName); err != nil {
		return state, "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return state, "", err
	}
	body, err := io.ReadAll(response.Body)
	return state, string(body), err
}

func TestServersByName(t *testing.T) {
	ca := newAuthority(t)
	b := toApp(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto, " ", r.Host) }).
		Server(secure("a.test", simple("a"))).Server(secure("*.b.test", simple("kubernetes://b")))
	s, _ := start(t, b, local(Config{Credentials: map[string]gateway.Credential{
		"a": {Certificate: ca.issue("a.test")}, "b": {Certificate: ca.issue("*.b.test")},
	}}, 443))
	require.Empty(t, otherWarnings(s))
	for _, name := range []string{"a.test", "x.b.test"} {
		state, body, err := shake(t, s, &tls.Config{RootCAs: ca.pool, ServerName: name})
		require.NoError(t, err)
		require.NoError(t, state.PeerCertificates[0].VerifyHostname(name))
		require.Equal(t, "HTTP/1.1 "+name, body)
	}
	for _, name := range []string{"c.test", "b.test", ""} {
		_, _, err := shake(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: name})
		require.Error(t, err, "no server has the name %q", name)
	}

	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: ca.pool, ServerName: "a.test"}, ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	for host, want := range map[string]int{"a.test": 200, "x.b.test": 404} {
		r, err := http.NewRequest("GET", "https://"+s.Addr(443).String(), nil)
		require.NoError(t, err)
		r.Host = host
		response, err := transport.RoundTrip(r)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, 2, response.ProtoMajor)
		require.Equal(t, want, response.StatusCode, "%s over the connection of a.test", host)
	}
}

func TestPlainTextOnATLSPort(t *testing.T) {
	ca := newAuthority(t)
	s, _ := start(t, toApp(says("")).Server(secure("a.test", simple("a"))),
		local(Config{Credentials: map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}}, 443))
	conn, in := dial(t, s, 443)
	_, err := io.WriteString(conn, get)
	require.NoError(t, err)
	text, _ := io.ReadAll(in)
	require.Empty(t, text)
}

// A client that has agreed on HTTP/2 and speaks HTTP/1.1 gets no answer.
func TestOtherProtocolThanAgreed(t *testing.T) {
	ca := newAuthority(t)
	for _, timeout := range []time.Duration{0, spec.NoLimit} {
		s, _ := start(t, toApp(says("app")).Server(secure("a.test", simple("a"))),
			local(Config{ReadHeaderTimeout: timeout, Credentials: map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}}, 443))
		for _, text := range []string{get, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + get, "PRI * HTTP/1.1\r\nHost: a.test\r\n\r\n"} {
			conn, _ := dial(t, s, 443)
			client := tls.Client(conn, &tls.Config{RootCAs: ca.pool, ServerName: "a.test", NextProtos: []string{"h2"}})
			_, err := io.WriteString(client, text)
			require.NoError(t, err)
			answer, _ := io.ReadAll(client)
			require.NotContains(t, string(answer), "HTTP/1.1")
			require.NotContains(t, string(answer), "app")
		}
	}
}

func TestClientCertificates(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	cert, key, pool := ca.write(ca.issue("a.test"))
	restricted := spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "m", SubjectAltNames: []string{"friend.test"}}
	b := toApp(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header["X-Forwarded-Client-Cert"] != nil)
	}).
		Server(secure("mutual.test", spec.ServerTLS{Mode: spec.TLSMutual, ServerCertificate: cert, PrivateKey: key, CACertificates: pool})).
		Server(secure("optional.test", spec.ServerTLS{Mode: spec.TLSOptionalMutual, CredentialName: "m"})).
		Server(secure("mesh.test", spec.ServerTLS{Mode: spec.TLSIstioMutual})).
		Server(secure("restricted.test", restricted))
	s, _ := start(t, b, local(Config{Credentials: map[string]gateway.Credential{
		"m":                {CertificateFile: cert, KeyFile: key},
		"m-cacert":         {CAs: ca.pool},
		WorkloadCredential: {Certificate: ca.issue("mesh"), CAs: ca.pool},
	}}, 443))
	require.Empty(t, otherWarnings(s))
	friend, other, foreign := ca.issue("friend.test"), ca.issue("other.test"), stranger.issue("friend.test")
	tests := []struct {
		server string
		client *tls.Certificate
		want   string // empty: no connection
	}{
		{"mutual.test", nil, ""}, {"mutual.test", foreign, ""}, {"mutual.test", other, "true"},
		{"optional.test", nil, "false"}, {"optional.test", foreign, ""}, {"optional.test", friend, "true"},
		{"mesh.test", nil, ""}, {"mesh.test", friend, "true"},
		{"restricted.test", nil, ""}, {"restricted.test", other, ""}, {"restricted.test", friend, "true"},
	}
	for _, tt := range tests {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := &tls.Config{InsecureSkipVerify: true, ServerName: tt.server, MaxVersion: version}
			if tt.client != nil {
				// Certificates alone would not be sent to an authority that the
				// server does not name.
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return tt.client, nil }
			}
			_, body, err := shake(t, s, config)
			if tt.want == "" {
				require.Error(t, err, "%v", tt)
				continue
			}
			require.NoError(t, err, "%v", tt)
			require.Equal(t, tt.want, body)
		}
	}
}

// A ticket of one server must not give access to another.
func TestSessionsStayWithTheirServer(t *testing.T) {
	ca, another := newAuthority(t), newAuthority(t)
	mutual := func(credential string) spec.ServerTLS {
		return spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: credential}
	}
	s, _ := start(t, toApp(says("app")).Server(secure("a.test", mutual("a"))).Server(secure("b.test", mutual("b"))),
		local(Config{Credentials: map[string]gateway.Credential{
			"a": {Certificate: ca.issue("a.test"), CAs: ca.pool},
			"b": {Certificate: ca.issue("b.test"), CAs: another.pool},
		}}, 443))
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client := ca.issue("client")
		config := &tls.Config{
			InsecureSkipVerify: true, ServerName: "a.test", MaxVersion: version,
			ClientSessionCache:   oneSession{tls.NewLRUClientSessionCache(1)},
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client, nil },
		}
		for _, resumed := range []bool{false, true} {
			state, _, err := shake(t, s, config)
			require.NoError(t, err)
			require.Equal(t, resumed, state.DidResume)
		}
		config.ServerName = "b.test"
		_, _, err := shake(t, s, config)
		require.Error(t, err)
	}
}

// oneSession is a cache that keeps one session for all servers.
type oneSession struct{ tls.ClientSessionCache }

func (c oneSession) Get(string) (*tls.ClientSessionState, bool) { return c.ClientSessionCache.Get("") }
func (c oneSession) Put(_ string, s *tls.ClientSessionState)    { c.ClientSessionCache.Put("", s) }

// otherWarnings returns the warnings besides those about the names in certificates, which
// many tests leave aside.
func otherWarnings(s *Listeners) []spec.Warning {
	return slices.DeleteFunc(slices.Clone(s.Warnings()), func(w spec.Warning) bool {
		return strings.HasPrefix(w.Problem, "the certificate has no name for ")
	})
}

func TestServersWithoutCertificate(t *testing.T) {
	ca := newAuthority(t)
	cert, key, _ := ca.write(ca.issue("f"))
	at := func(s spec.Server, index int) spec.Server {
		s.Origin = spec.Origin{File: "g.yaml", Line: 1, Kind: "Gateway", Namespace: "default", Name: "g", Path: fmt.Sprintf("spec.servers[%d]", index)}
		return s
	}
	suites := simple("good")
	suites.CipherSuites = []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "PSK-AES128-CBC-SHA"}
	b := toApp(says("app")).
		Server(at(secure("good.test", suites), 1)).
		Server(at(secure("none.test", simple("none")), 2)).
		Server(at(secure("empty.test", simple("empty")), 3)).
		Server(at(secure("files.test", spec.ServerTLS{Mode: spec.TLSSimple, ServerCertificate: key, PrivateKey: cert}), 4)).
		Server(at(secure("mutual.test", spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "good"}), 5)).
		Server(at(secure("mesh.test", spec.ServerTLS{Mode: spec.TLSIstioMutual}), 6)).
		Server(at(secure("ca.test", spec.ServerTLS{Mode: spec.TLSMutual, CredentialName: "ca"}), 7))
	s, _ := start(t, b, local(Config{Credentials: map[string]gateway.Credential{
		"good": {Certificate: ca.issue("good")}, "empty": {},
		"ca": {Certificate: ca.issue("ca"), CAFile: key},
	}}, 443))
	var got []string
	for _, w := range otherWarnings(s) {
		got = append(got, w.String())
	}
	require.Equal(t, []string{
		`g.yaml:1: Gateway default/g: spec.servers[1].tls.cipherSuites[1]: "PSK-AES128-CBC-SHA" is not a cipher suite of Go's TLS: it is left out`,
		`g.yaml:1: Gateway default/g: spec.servers[2].tls.credentialName: there is no credential "none": no client can connect`,
		`g.yaml:1: Gateway default/g: spec.servers[3].tls.credentialName: credential "empty": it has no certificate: no client can connect`,
		`g.yaml:1: Gateway default/g: spec.servers[4].tls.serverCertificate: certificate ` + key + ` and key ` + cert + `: tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched: no client can connect`,
		`g.yaml:1: Gateway default/g: spec.servers[5].tls.credentialName: there is no authority for the certificates of clients: no client can connect`,
		`g.yaml:1: Gateway default/g: spec.servers[6].tls.mode: there is no credential "default": no client can connect`,
		`g.yaml:1: Gateway default/g: spec.servers[7].tls.credentialName: credential "ca": ` + key + `: there is no certificate in it: no client can connect`,
	}, got)
	_, body, err := shake(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: "good.test"})
	require.NoError(t, err)
	require.Equal(t, "app", body)
	for _, name := range []string{"none.test", "mutual.test"} {
		_, _, err := shake(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: name})
		require.Error(t, err)
	}
}

func TestVersionsAndSuites(t *testing.T) {
	ca := newAuthority(t)
	with := func(lowest, highest spec.TLSVersion, suites ...string) spec.ServerTLS {
		t := simple("c")
		t.MinVersion, t.MaxVersion, t.CipherSuites = lowest, highest, suites
		return t
	}
	s, _ := start(t, toApp(says("app")).
		Server(secure("default.test", with("", ""))).
		Server(secure("old.test", with("TLSV1_0", "TLSV1_1", "ECDHE-ECDSA-AES128-SHA"))).
		Server(secure("new.test", with("TLSV1_3", "TLS_AUTO"))).
		Server(secure("suite.test", with("", "TLSV1_2", "[ECDHE-ECDSA-CHACHA20-POLY1305|TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]"))),
		local(Config{Credentials: map[string]gateway.Credential{"c": {Certificate: ca.issue("c")}}}, 443))
	require.Empty(t, otherWarnings(s))
	chacha, old := tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
	tests := []struct {
		server         string
		version, suite uint16
		protocol       string // empty: no connection
	}{
		{"default.test", tls.VersionTLS11, old, ""},
		{"default.test", tls.VersionTLS12, chacha, "h2"},
		{"default.test", tls.VersionTLS13, 0, "h2"},
		{"old.test", tls.VersionTLS11, old, "http/1.1"},
		{"old.test", tls.VersionTLS12, chacha, ""},
		{"new.test", tls.VersionTLS12, chacha, ""},
		{"new.test", tls.VersionTLS13, 0, "h2"},
		{"suite.test", tls.VersionTLS12, chacha, "h2"},
		{"suite.test", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "h2"},
		{"suite.test", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ""},
		{"suite.test", tls.VersionTLS13, 0, ""},
	}
	for _, tt := range tests {
		config := &tls.Config{
			InsecureSkipVerify: true, ServerName: tt.server, MinVersion: tt.version, MaxVersion: tt.version,
			CipherSuites: []uint16{tt.suite}, NextProtos: []string{"h2", "http/1.1"},
		}
		state, _, err := shake(t, s, config)
		if tt.protocol == "" {
			require.Error(t, err, "%v", tt)
			continue
		}
		require.NoError(t, err, "%v", tt)
		require.Equal(t, tt.protocol, state.NegotiatedProtocol, "%v", tt)
	}
}
