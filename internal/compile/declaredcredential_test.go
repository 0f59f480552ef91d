package compile_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testca"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec/istio"
)

// pemsOf returns a certificate and its key as text.
func pemsOf(t *testing.T, i *testca.Issuer) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.Key)
	require.NoError(t, err)
	return pemOf("CERTIFICATE", i.Cert.Raw), pemOf("PRIVATE KEY", der)
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// secret is a Secret in istio-system, on one line, with values by their keys.
func secret(name string, values ...string) string {
	data := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		data[values[i]] = base64.StdEncoding.EncodeToString([]byte(values[i+1]))
	}
	return secretWith(name, data)
}

func secretWith(name string, data map[string]string) string {
	text, _ := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]string{"name": name, "namespace": "istio-system"}, "data": data,
	})
	return "---\n" + string(text) + "\n"
}

const secretUsers = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: ["a.test"]
    tls: {mode: MODE, credentialName: NAME}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  gateways: [front]
  http: [{route: [{destination: {host: shop}}]}]
`

// A Secret that a server names and cannot use is a warning with its place, and never
// with its contents.
func TestUnusableSecrets(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	certificate, key := pemsOf(t, root.Certify(t, "leaf", 2, 0))
	_, otherKey := pemsOf(t, root.Certify(t, "other", 3, 0))
	authorities, _ := pemsOf(t, root)
	damaged := func(text string) string { return strings.Replace(text, text[100:104], "AAAA", 1) }
	encrypted := pemOf("ENCRYPTED PRIVATE KEY", []byte("secret"))
	const atKey, atCertificate = `data[tls.key]: `, `data[tls.crt]: `
	for _, row := range []struct {
		name, mode, credential, secrets string
		want                            []string
	}{
		{"all is well", "SIMPLE", "front", secret("front", "tls.crt", certificate, "tls.key", key), nil},
		{"no Secret at all", "SIMPLE", "front", "", nil},
		{"another name", "SIMPLE", "front", secret("back", "tls.crt", certificate, "tls.key", otherKey), nil},
		{"the key of another certificate", "SIMPLE", "front", secret("front", "tls.crt", certificate, "tls.key", otherKey), []string{atKey + "the key is not the one of the certificate, or it is damaged"}},
		{"a damaged key", "SIMPLE", "front", secret("front", "tls.crt", certificate, "tls.key", damaged(key)), []string{atKey + "the key is not the one of the certificate, or it is damaged"}},
		{"a damaged certificate", "SIMPLE", "front", secret("front", "tls.crt", pemOf("CERTIFICATE", []byte("a")), "tls.key", key), []string{atCertificate + "the certificate cannot be read: it is damaged"}},
		{"an encrypted key", "SIMPLE", "front", secret("front", "tls.crt", certificate, "tls.key", encrypted), []string{atKey + "the key cannot be read: it is encrypted with a password"}},
		{"switched", "SIMPLE", "front", secret("front", "tls.crt", key, "tls.key", certificate), []string{atCertificate + "the certificate cannot be read: it contains no certificate in PEM form"}},
		{"no key in the key", "SIMPLE", "front", secret("front", "tls.crt", certificate, "tls.key", "hunter2"), []string{atKey + "the key cannot be read: it contains no private key in PEM form"}},
		{"not base64", "SIMPLE", "front", secretWith("front", map[string]string{"tls.crt": "<your certificate>", "tls.key": "hunter2!"}), []string{atCertificate + "the certificate cannot be read: it is not base64"}},
		{"a key that is not base64", "SIMPLE", "front", secretWith("front", map[string]string{"tls.crt": base64.StdEncoding.EncodeToString([]byte(certificate)), "tls.key": "hunter2!"}), []string{atKey + "the key cannot be read: it is not base64"}},
		{"no key", "SIMPLE", "front", secret("front", "tls.crt", certificate), []string{atCertificate + "the certificate has no key: tls.key is expected beside tls.crt, or key beside cert"}},
		{"no certificate", "SIMPLE", "front", secret("front", "tls.key", key), []string{atKey + "the key has no certificate: tls.crt is expected beside tls.key, or cert beside key"}},
		{"authorities only", "SIMPLE", "front", secret("front", "ca.crt", authorities), []string{"spec.servers[0].tls.credentialName: the Secret front at spec:18 has no certificate: tls.crt and tls.key, or cert and key, are expected"}},
		{"a password", "SIMPLE", "front", secret("front", "password", "hunter2"), []string{"spec.servers[0].tls.credentialName: the Secret istio-system/front at spec:18 has none of the keys that Istio reads: tls.crt and tls.key, or cert and key, are expected"}},
		{"another namespace", "SIMPLE", "front", strings.Replace(secret("front", "tls.crt", certificate, "tls.key", key), `"namespace":"istio-system"`, `"namespace":"default"`, 1),
			[]string{"spec.servers[0].tls.credentialName: the Secret front at spec:18 is in the namespace default and is not used: the gateway runs in istio-system, and uses only Secrets of its own namespace"}},
		{"another namespace, by its name", "SIMPLE", "default/front", strings.Replace(secret("front", "tls.crt", certificate, "tls.key", key), `"namespace":"istio-system"`, `"namespace":"default"`, 1),
			[]string{"spec.servers[0].tls.credentialName: the Secret front at spec:18 is in the namespace default and is not used: the gateway runs in istio-system, and uses only Secrets of its own namespace"}},
		{"its namespace", "SIMPLE", "istio-system/front", secret("front", "tls.crt", certificate, "tls.key", key), nil},
		{"its scheme", "SIMPLE", "kubernetes://front", secret("front", "tls.crt", certificate, "tls.key", key), nil},
		{"another scheme", "SIMPLE", "file://front", secret("front", "tls.crt", certificate, "tls.key", otherKey), nil},
		{"mutual", "MUTUAL", "front", secret("front", "tls.crt", certificate, "tls.key", key, "ca.crt", authorities), nil},
		{"mutual, with two Secrets", "MUTUAL", "front", secret("front", "tls.crt", certificate, "tls.key", key) + secret("front-cacert", "cacert", authorities), nil},
		{"mutual, without authorities", "MUTUAL", "front", secret("front", "tls.crt", certificate, "tls.key", key),
			[]string{"spec.servers[0].tls.credentialName: no Secret has the authorities for the certificates of clients: ca.crt or cacert is expected in front-cacert or in front"}},
		{"mutual, with damaged authorities", "MUTUAL", "front", secret("front", "tls.crt", certificate, "tls.key", key, "ca.crt", "hunter2"),
			[]string{"data[ca.crt]: the authorities cannot be read: it contains no certificate in PEM form"}},
		{"mutual, with damaged lists", "MUTUAL", "front", secret("front", "tls.crt", certificate, "tls.key", key, "ca.crt", authorities, "ca.crl", "hunter2"),
			[]string{"data[ca.crl]: the lists of revoked certificates cannot be read: it holds no list of revoked certificates in PEM form"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := strings.NewReplacer("MODE", row.mode, "NAME", `"`+row.credential+`"`).Replace(secretUsers) + row.secrets
			b := gateway.New().Backend("shop", testhttp.AnswerOK).Load(istio.Text(text))
			gw, err := b.Build()
			require.NoError(t, err)
			defer gw.Close()
			var got []string
			for _, w := range gw.Warnings() {
				require.Positive(t, w.Column)
				got = append(got, w.Field+": "+w.Problem)
				require.NotContains(t, w.String(), "hunter2")
			}
			require.Equal(t, row.want, got)
		})
	}
}

// A Secret is used for TLS to destinations, and its changes alone replace the
// connections.
func TestSecretsOfDestinations(t *testing.T) {
	root := testca.Root(t, "root", 1, testca.Signs)
	authorities, _ := pemsOf(t, root)
	certificate, key := pemsOf(t, root.Certify(t, "leaf", 2, 0))
	other, otherKey := pemsOf(t, root.Certify(t, "other", 3, 0))
	text := func(secrets string) *gateway.Builder {
		return gateway.New().Load(istio.Text(strings.NewReplacer("MODE", "PASSTHROUGH", ", credentialName: NAME", "").Replace(secretUsers) + `---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: plain}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: plain}
spec:
  hosts: ["*"]
  gateways: [plain]
  http: [{route: [{destination: {host: shop}}]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop, trafficPolicy: {tls: {mode: MUTUAL, credentialName: client}}}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{name: https, port: 443}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: shop}
subsets: [{ports: [{name: https, port: 443}], addresses: [{ip: 10.0.0.1}]}]
` + secrets))
	}
	tlsWarnings := func(gw *gateway.Gateway) (out []string) {
		for _, w := range gw.Warnings() {
			if strings.Contains(w.String(), "credential") || strings.Contains(w.String(), "Secret") {
				out = append(out, w.Kind+" "+w.Problem)
			}
		}
		return out
	}
	good := secret("client", "tls.crt", certificate, "tls.key", key) + secret("client-cacert", "ca.crt", authorities)
	gw, err := text(good).Build()
	require.NoError(t, err)
	defer gw.Close()
	require.Empty(t, tlsWarnings(gw))

	for _, row := range []struct {
		name, secrets string
		warnings      []string
	}{
		{"the same", good, nil},
		{"another certificate", secret("client", "tls.crt", other, "tls.key", otherKey) + secret("client-cacert", "ca.crt", authorities), nil},
		{"none", "", []string{`DestinationRule the credential cannot be read, so that connections to the destination fail: no credential "client" is registered`}},
		{"only authorities", secret("client", "ca.crt", authorities),
			[]string{`DestinationRule the credential's certificate cannot be read, so that connections to the destination fail: credential "client" has none`}},
		{"another name", secret("clients", "tls.crt", other, "tls.key", otherKey),
			[]string{`DestinationRule the credential cannot be read, so that connections to the destination fail: no credential "client" is registered, and the namespace istio-system has no such Secret`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			require.NoError(t, gw.Replace(text(row.secrets)))
			require.Equal(t, row.warnings, tlsWarnings(gw))
		})
	}
}
