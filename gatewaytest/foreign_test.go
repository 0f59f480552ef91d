package gatewaytest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// TestForeignCases compares the results of files of other tools with golden ones. A case
// fails if its name begins with "wrong", and no other one does.
func TestForeignCases(t *testing.T) {
	for _, file := range []string{"validator.yaml", "routercheck.yaml", "oldroutercheck.json"} {
		t.Run(file, func(t *testing.T) {
			x := opened(t, Suite{Source: istio.Files("testdata/shop.yaml", "testdata/foreign/inside.yaml"), Semantics: gateway.Envoy})
			var b strings.Builder
			for _, c := range casesOf(t, "testdata/foreign/"+file) {
				r := x.Check(c)
				require.Empty(t, r.Problems)
				require.Equal(t, strings.HasPrefix(r.Name(), "wrong"), r.Failed(), "%s: %s", r.Name(), r.String())
				verdict := "ok  "
				switch {
				case r.Failed():
					verdict = "FAIL"
				case r.Skipped != "":
					verdict = "skip"
				}
				b.WriteString(verdict + " " + r.Name() + "\n")
				if verdict != "ok  " {
					b.WriteString(r.String())
				}
			}
			golden(t, "testdata/foreign/"+file+".txt", b.String())
		})
	}
}

// A test that asks whether a request comes with TLS asks the server with TLS.
func TestRouterCheckWithTLS(t *testing.T) {
	source := spec.Declarations{
		Servers: []spec.Server{
			{Gateway: "g", Name: "http", Port: 80, Hosts: []string{"*"}},
			{Gateway: "g", Name: "https", Port: 443, Protocol: "HTTPS", Hosts: []string{"*"}, TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "shop"}},
		},
		VirtualServices: []spec.VirtualService{{Hosts: []string{"*"}, Gateways: []string{"*"}, Routes: []spec.Route{
			{Match: []spec.Match{{Scheme: spec.Exact("https")}}, Destinations: []spec.Destination{{Host: "secure"}}},
			{Destinations: []spec.Destination{{Host: "plain"}}},
		}}},
	}
	x := opened(t, Suite{Source: source})
	cases, err := Parse("a.yaml", []byte(`
tests:
- {test_name: a, input: {authority: a.com, path: /, method: GET, ssl: true}, validate: {cluster_name: outbound|443||secure.default.svc.cluster.local}}
- {test_name: b, input: {authority: a.com, path: /, method: GET}, validate: {cluster_name: outbound|80||plain.default.svc.cluster.local}}
`))
	require.NoError(t, err)
	for _, c := range cases {
		r := x.Check(c)
		require.False(t, r.Failed(), r.String())
	}
}
