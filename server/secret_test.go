package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
	"github.com/stretchr/testify/require"
)

// pemsOf returns a certificate and its key as text.
func pemsOf(t *testing.T, c *tls.Certificate) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	return pemOf("CERTIFICATE", c.Certificate[0]), pemOf("PRIVATE KEY", der)
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// secretOf is a Secret with values by their keys, in base64.
func secretOf(name, namespace string, values ...string) string {
	data := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		data[values[i]] = base64.StdEncoding.EncodeToString([]byte(values[i+1]))
	}
	return secretWith(name, namespace, "data", data)
}

func secretWith(name, namespace, field string, data map[string]string) string {
	text, _ := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]string{"name": name, "namespace": namespace}, field: data,
	})
	return string(text) + "\n"
}

const secretGateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec:
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ["a.test"]
    tls: {mode: SIMPLE, credentialName: front}
  - port: {number: 443, name: mutual, protocol: HTTPS}
    hosts: ["mutual.test"]
    tls: {mode: MUTUAL, credentialName: "kubernetes://mutual"}
  - port: {number: 443, name: both, protocol: HTTPS}
    hosts: ["both.test"]
    tls: {mode: OPTIONAL_MUTUAL, credentialNames: [istio-system/generic, front], caCertCredentialName: authorities}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: ["*"]
  gateways: [front]
  http:
  - route: [{destination: {host: orders}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: orders, namespace: shop}
spec:
  host: orders
  trafficPolicy:
    tls: {mode: MUTUAL, credentialName: to-orders, sni: orders.test, subjectAltNames: [orders.test]}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{name: https, port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: orders-1, namespace: shop, labels: {kubernetes.io/service-name: orders}}
addressType: IPv4
ports: [{name: https, port: PORT}]
endpoints: [{addresses: [127.0.0.1]}]
`

// A mutualBackend asks for a certificate of its authority.
func mutualBackend(t *testing.T, ca *authority) (port string) {
	t.Helper()
	b := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	b.TLS = &tls.Config{Certificates: []tls.Certificate{*ca.issue("orders.test")}, ClientCAs: ca.pool, ClientAuth: tls.RequireAndVerifyClientCert}
	b.StartTLS()
	t.Cleanup(b.Close)
	_, port, err := net.SplitHostPort(b.Listener.Addr().String())
	require.NoError(t, err)
	return port
}

// Secrets are the certificates of servers and of TLS to destinations. None of them ever
// shows in what the gateway prints.
func TestSecrets(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	resources := strings.Replace(secretGateway, "PORT", mutualBackend(t, ca), 1)
	authorities := pemOf("CERTIFICATE", ca.cert.Raw)
	var keys []string
	issue := func(name string) (certificate, key string) {
		certificate, key = pemsOf(t, ca.issue(name))
		keys = append(keys, key)
		return certificate, key
	}
	secrets := func(name string) string {
		front, frontKey := issue(name)
		mutual, mutualKey := issue("mutual.test")
		generic, genericKey := issue("both.test")
		client, clientKey := issue("the gateway")
		return strings.Join([]string{
			resources,
			secretOf("front", "istio-system", "tls.crt", front, "tls.key", frontKey),
			secretWith("mutual", "istio-system", "stringData", map[string]string{"tls.crt": mutual, "tls.key": mutualKey}),
			secretOf("mutual-cacert", "istio-system", "cacert", authorities),
			secretOf("generic", "istio-system", "cert", generic, "key", genericKey),
			secretOf("authorities", "istio-system", "ca.crt", authorities),
			secretOf("to-orders", "istio-system", "tls.crt", client, "tls.key", clientKey, "ca.crt", authorities),
			"apiVersion: v1\nkind: Secret\nmetadata: {name: password, namespace: istio-system}\ndata: {password: \"not base64\", tls.key: \"neither is this\"}\n",
		}, "---\n")
	}
	var log lockedBuffer
	build := func(text string) *gateway.Builder {
		return gateway.New().Logger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))).Load(istio.Text(text))
	}
	s, gw := start(t, build(secrets("a.test")), local(Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, 443))
	require.Empty(t, s.Warnings())
	require.Empty(t, gw.Warnings())

	friend, foreign := ca.issue("friend"), stranger.issue("foreign")
	names := func(server string, shown *tls.Certificate) (string, string, error) {
		config := &tls.Config{RootCAs: ca.pool, ServerName: server}
		if shown != nil {
			config.Certificates = []tls.Certificate{*shown}
		}
		state, body, err := shake(t, s, config)
		if err != nil {
			return "", "", err
		}
		return state.PeerCertificates[0].Subject.CommonName, body, nil
	}
	for _, tt := range []struct {
		server string
		shown  *tls.Certificate
		in     bool
	}{
		{"a.test", nil, true}, {"mutual.test", nil, false}, {"mutual.test", foreign, false}, {"mutual.test", friend, true},
		{"both.test", nil, true}, {"both.test", friend, true}, {"both.test", foreign, false},
	} {
		name, body, err := names(tt.server, tt.shown)
		require.Equal(t, tt.in, err == nil, "%s %v", tt.server, err)
		if tt.in {
			require.Equal(t, tt.server, name)
			require.Equal(t, "the gateway", body, "the backend sees the certificate of the DestinationRule")
		}
	}

	// A new certificate comes with the configuration, and connections go on.
	config := &tls.Config{RootCAs: ca.pool, ServerName: "a.test"}
	before, _, err := shake(t, s, config)
	require.NoError(t, err)
	require.NoError(t, s.Replace(build(secrets("a.test"))))
	after, _, err := shake(t, s, config)
	require.NoError(t, err)
	require.NotEqual(t, before.PeerCertificates[0].Raw, after.PeerCertificates[0].Raw)
	require.NoError(t, s.Replace(build(secrets("b.test"))))
	_, _, err = names("a.test", nil)
	require.ErrorContains(t, err, "b.test")
	require.Len(t, gw.Warnings(), 1)
	require.Contains(t, gw.Warnings()[0].String(), "tls.credentialName: the certificate has no name for a.test: it has the names b.test")

	status, err := json.Marshal(gw.Status())
	require.NoError(t, err)
	declared, err := istio.Text(secrets("a.test")).Declare()
	require.NoError(t, err)
	declaredJSON, err := json.Marshal(declared.Credentials)
	require.NoError(t, err)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("declared", "credentials", declared.Credentials, "first", declared.Credentials[0], "key", declared.Credentials[0].Key)
	type hidden struct{ c []spec.Credential }
	printed := strings.Join([]string{
		log.String(), gw.String(), string(status), string(declaredJSON), fmt.Sprint(gw.Warnings(), s.Warnings(), gw.Clusters(), gw.Credentials()),
		fmt.Sprintf("%v %+v %#v", declared.Credentials, declared.Credentials, declared.Credentials), fmt.Sprintf("%s %q %x", declared.Credentials[0].Key, declared.Credentials[0].Key, declared.Credentials[0].Key),
		fmt.Sprintf("%v %+v %#v", hidden{declared.Credentials}, &hidden{declared.Credentials}, hidden{declared.Credentials}),
		fmt.Sprintf("%+v", gw),
	}, "\n")
	for _, key := range keys {
		requireHidden(t, printed, key)
	}
}

// requireHidden requires that nothing of a key is in a text, in any form.
func requireHidden(t *testing.T, text, key string) {
	t.Helper()
	block, _ := pem.Decode([]byte(key))
	inner := base64.StdEncoding.EncodeToString(block.Bytes)[60:100]
	outer := base64.StdEncoding.EncodeToString([]byte(key))[80:120]
	for _, part := range []string{"PRIVATE KEY", inner, outer, fmt.Sprintf("%x", block.Bytes[40:60]), fmt.Sprintf("%x", key[60:80])} {
		require.NotContains(t, strings.ToLower(text), strings.ToLower(part))
	}
}

// A registered credential is used instead of a Secret of its name.
func TestRegisteredBeforeSecrets(t *testing.T) {
	ca := newAuthority(t)
	certificate, key := pemsOf(t, ca.issue("secret.test"))
	b := toApp(says("app")).Server(secure("a.test", simple("c"))).Server(secure("b.test", simple("kubernetes://c"))).
		Load(spec.Declarations{Credentials: []spec.Credential{{
			Name: "c", Namespace: "istio-system", Certificate: spec.NewPEM([]byte(certificate)), Key: spec.NewPEM([]byte(key)),
		}}})
	s, _ := start(t, b, local(Config{Credentials: map[string]gateway.Credential{"c": {Certificate: ca.issue("registered.test")}}}, 443))
	for _, name := range []string{"a.test", "b.test"} {
		state, _, err := shake(t, s, &tls.Config{InsecureSkipVerify: true, ServerName: name})
		require.NoError(t, err)
		require.Equal(t, "registered.test", state.PeerCertificates[0].Subject.CommonName)
	}
}

// A lockedBuffer is the output of several loggers.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
