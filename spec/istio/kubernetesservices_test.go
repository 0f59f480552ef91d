package istio

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/spec"
)

// The protocol of a port is that of Istio's protocol selection.
func TestSelectedProtocol(t *testing.T) {
	for _, row := range []struct {
		number                       int
		name, transport, application string
		want                         spec.Protocol
	}{
		{80, "http", "TCP", "", "HTTP"},
		{80, "http-web", "", "", "HTTP"},
		{80, "HTTP-web", "", "", "HTTP"},
		{80, "httpweb", "", "", ""},
		{80, "web-http", "", "", ""},
		{80, "", "", "", ""},
		{80, "http2", "", "", "HTTP2"},
		{80, "http2-web", "", "", "HTTP2"},
		{80, "grpc", "", "", "GRPC"},
		{80, "grpc-api", "", "", "GRPC"},
		{80, "grpc-web", "", "", "GRPC-WEB"},
		{80, "grpc-web-api", "", "", "GRPC-WEB"},
		{80, "grpc-webby", "", "", "GRPC-WEB"},
		{443, "https-web", "", "", "HTTPS"},
		{443, "tls", "", "", "TLS"},
		{80, "tcp-web", "", "", "TCP"},
		{80, "http", "", "grpc", "GRPC"},
		{80, "grpc", "", "http", "HTTP"},
		{80, "grpc", "", "example.com/own", ""},
		{80, "http", "", "kubernetes.io/h2c", "HTTP2"},
		{80, "", "", "kubernetes.io/ws", "HTTP"},
		{80, "", "", "kubernetes.io/wss", "HTTPS"},
		{80, "", "", "kubernetes.io/other", ""},
		{3306, "", "", "", "TCP"},
		{3306, "http-db", "", "", "HTTP"},
		{3307, "", "", "", ""},
		{53, "http", "UDP", "", "UDP"},
		{53, "http", "SCTP", "", "UDP"},
	} {
		require.Equal(t, row.want, selectedProtocol(row.number, row.name, row.transport, row.application), "%+v", row)
	}
}

const slicesOfShop = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: NAME, namespace: NS, labels: {kubernetes.io/service-name: SERVICE}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [ADDRESS]}]
`

// What is not the Service's own is not among its endpoints.
func TestEndpointsOfServices(t *testing.T) {
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {selector: {app: shop}, ports: [{name: http, port: 80}]}\n---\n"
	slice := func(name, namespace, service, address string) string {
		return "---" + replaced(slicesOfShop, "NAME", name, "NS", namespace, "SERVICE", service, "ADDRESS", address)
	}
	pod := func(name, app, ip string) string {
		return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", labels: {app: " + app + "}}\nstatus: {podIP: " + ip + "}\n"
	}
	for _, row := range []struct {
		name, text string
		// want is nil if nothing is known.
		want     []string
		warnings []string
	}{
		{"nothing", "", nil, nil},
		{"two slices", slice("b", "default", "shop", "10.0.0.2") + slice("a", "default", "shop", "10.0.0.1"), []string{"10.0.0.2", "10.0.0.1"}, nil},
		{"another namespace", slice("a", "other", "shop", "10.0.0.1"), nil, nil},
		{"another service", slice("a", "default", "shop2", "10.0.0.1"), nil, nil},
		{"the same slice twice", slice("a", "default", "shop", "10.0.0.1") + slice("a", "default", "shop", "10.0.0.1"), []string{"10.0.0.1"}, nil},
		{"a newer slice", slice("a", "default", "shop", "10.0.0.1") + slice("a", "default", "shop", "10.0.0.2"), []string{"10.0.0.2"},
			[]string{"spec:16:18: EndpointSlice default/a: metadata.name: replaces the EndpointSlice of the same name at spec:7, which has different contents"}},
		{"names", replaced(slice("a", "default", "shop", "a.example.com"), "IPv4", "FQDN"), nil,
			[]string{"spec:10:14: EndpointSlice default/a: addressType: FQDN is not used, as in Istio: the endpoints are left out"}},
		{"none ready", replaced(slice("a", "default", "shop", "10.0.0.1"), "[{addresses", "[{conditions: {ready: false}, addresses"), []string{}, nil},
		{"not said whether ready", replaced(slice("a", "default", "shop", "10.0.0.1"), "[{addresses", "[{conditions: {ready: null}, addresses"), []string{"10.0.0.1"}, nil},
		{"no endpoints", replaced(slice("a", "default", "shop", ""), "[{addresses: []}]", "null"), []string{}, nil},
		{"pods", pod("a", "shop", "10.0.0.1") + pod("b", "other", "10.0.0.2"), []string{"10.0.0.1"}, nil},
		{"slices before pods", pod("a", "shop", "10.0.0.1") + slice("a", "default", "shop", "10.0.0.3"), []string{"10.0.0.3"}, nil},
		{"pods of a file that creates them", pod("a", "shop", "null"), nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			declared, err := Text(service + row.text).Declare()
			require.NoError(t, err)
			require.Len(t, declared.Services, 1)
			var addresses []string
			if list := declared.Services[0].Endpoints; list != nil {
				addresses = []string{}
				for i := range list {
					addresses = append(addresses, list[i].Address)
				}
			}
			require.Equal(t, row.want, addresses)
			var warnings []string
			for _, w := range declared.Warnings {
				warnings = append(warnings, w.String())
			}
			require.Equal(t, row.warnings, warnings)
		})
	}
}

// A Service whose name Kubernetes does not accept is left out, because the placeholders
// of other tools are no mistakes of the routes.
func TestServiceNames(t *testing.T) {
	for name, accepted := range map[string]bool{"shop": true, "shop-2": true, "2shop": true, "shop-": false, "Shop": false, "shop.v1": false, "${NAME}": false} {
		declared, err := Text("apiVersion: v1\nkind: Service\nmetadata: {name: \"" + name + "\"}\nspec: {ports: [{port: 80}]}\n").Declare()
		require.NoError(t, err)
		require.Equal(t, accepted, len(declared.Services) == 1, name)
		require.Equal(t, accepted, len(declared.Warnings) == 0, name)
	}
}

// Secrets with the keys of Istio are credentials. Nothing else is read of any Secret.
func TestSecretKeys(t *testing.T) {
	for _, row := range []struct {
		name, data             string
		certificate, key, ca   string
		skipped, undecodedText bool
	}{
		{"tls", "data: {tls.crt: YQ==, tls.key: Yg==, ca.crt: Yw==}", "a", "b", "c", false, false},
		{"generic", "data: {cert: YQ==, key: Yg==, cacert: Yw==}", "a", "b", "c", false, false},
		{"both", "data: {cert: YQ==, key: Yg==, tls.crt: eA==, tls.key: eA==, ca.crt: eA==, cacert: Yw==}", "a", "b", "c", false, false},
		{"half a generic one", "data: {key: eA==, tls.crt: YQ==, tls.key: Yg==}", "a", "b", "", false, false},
		{"strings", "stringData: {tls.crt: a, tls.key: b}", "a", "b", "", false, false},
		{"strings before data", "stringData: {tls.crt: a}\ndata: {tls.crt: eA==, tls.key: Yg==}", "a", "b", "", false, false},
		{"authorities only", "data: {ca.crt: Yw==}", "", "", "c", false, false},
		{"others", "data: {password: eA==, tls.crt: '', .dockerconfigjson: eA==}", "", "", "", true, false},
		{"nothing", "type: Opaque", "", "", "", true, false},
		{"not maps", "data: [a]\nstringData: b", "", "", "", true, false},
		{"not base64", "data: {tls.crt: '!', tls.key: 5}", "", "", "", false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			declared, err := Text("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n" + row.data + "\n").Declare()
			require.NoError(t, err)
			require.Empty(t, declared.Warnings)
			require.Equal(t, row.skipped, len(declared.Skipped) == 1)
			if row.skipped {
				require.Empty(t, declared.Credentials)
				return
			}
			c := declared.Credentials[0]
			for want, p := range map[*string]spec.PEM{&row.certificate: c.Certificate, &row.key: c.Key, &row.ca: c.CACertificates} {
				text, err := p.Bytes()
				require.Equal(t, row.undecodedText && !p.IsZero(), err != nil)
				require.Equal(t, *want, string(text))
			}
		})
	}
}

// replaced replaces words of a text.
func replaced(text string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(text)
}
