package istio

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/lateengo/gateway/spec"
	"github.com/stretchr/testify/require"
)

const located = `# A comment.
apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: a, labels: {a.b/c: d, "x[0]": e}}
  spec:
    hosts: ["*"]
    http:
    - match:
      - uri:
          regex: "("
        headers:
          x-a:
            regex: a
          "a[b].c": {exact: b}
      route:
      - destination: {host: a}
        weight: 1
      mirror:
        host: b
        port: {number: 80}
      mirrorPercentage: {value: 5}
      corsPolicy: {allowOrigin: [a, b]}
      fault: {delay: {percent: 5}}
    - mirror: {host: c}
      mirrorPercent: 7
`

func TestLocate(t *testing.T) {
	declared, err := Bytes("a.yaml", []byte(located)).Declare()
	require.NoError(t, err)
	fields := declared.VirtualServices[0].Origin.Fields
	for path, want := range map[string]string{
		"":                                   "5:3",
		"kind":                               "6:9",
		"kind@key":                           "6:3",
		"metadata.name":                      "7:20",
		"metadata.labels[a.b/c]":             "7:39",
		"metadata.labels[x[0]]":              "7:50",
		"metadata.labels[x[0]]@key":          "7:42",
		"spec":                               "9:5",
		"spec@key":                           "8:3",
		"spec.hosts[0]":                      "9:13",
		"spec.http":                          "11:5",
		"spec.http@key":                      "10:5",
		"spec.http[0]":                       "11:7",
		"spec.http[0].match[0].uri.regex":    "13:18",
		"spec.http[0].match[0].uri.exact":    "13:11",
		"spec.http[0].match[0].headers[x-a]": "16:13",
		"spec.http[0].match[0].headers[x-a].regex":        "16:20",
		"spec.http[0].match[0].headers[x-a]@key":          "15:11",
		"spec.http[0].match[0].headers[a[b].c].exact":     "17:29",
		"spec.http[0].match[0].headers[x-b]":              "15:11",
		"spec.http[0].match[1]":                           "12:7",
		"spec.http[0].match[0].method.exact":              "12:9",
		"spec.http[0].route[0].destination.host":          "19:29",
		"spec.http[0].route[0].weight@key":                "20:9",
		"spec.http[0].route[5].destination.host":          "19:7",
		"spec.http[0].mirrors[0]":                         "22:9",
		"spec.http[0].mirrors[0].destination":             "22:9",
		"spec.http[0].mirrors[0].destination.host":        "22:15",
		"spec.http[0].mirrors[0].destination.port.number": "23:24",
		"spec.http[0].mirrors[0].percentage.value":        "24:33",
		"spec.http[1].mirrors[0].percentage.value":        "28:22",
		"spec.http[1].mirrors[0].percentage.value@key":    "28:7",
		"spec.http[0].corsPolicy.allowOrigins[1].exact":   "25:37",
		"spec.http[0].fault.delay.percentage.value":       "26:32",
		"spec.http[2].match":                              "11:5",
		"spec.nothing.at.all":                             "9:5",
		"spec.http[x]":                                    "11:5",
		"spec.http[":                                      "11:5",
		"spec..":                                          "9:5",
		"spec.hosts[0].deeper[0]":                         "9:13",
		"spec.http[99999999999999999999999].match[0].uri": "11:5",
		"spec.http[-1]":                                   "11:5",
	} {
		line, column, ok := fields.Locate(path)
		require.True(t, ok, path)
		require.Equal(t, want, fmt.Sprintf("%d:%d", line, column), path)
	}
	_, _, ok := locator{&document{}, -1}.Locate("spec")
	require.False(t, ok)
	_, _, ok = locator{declared.VirtualServices[0].Origin.Fields.(locator).document, 5}.Locate("spec")
	require.False(t, ok)
}

// Declarations keep the text, not the tree. The tree is parsed again when needed.
func TestLocateAfterTheTreeIsGone(t *testing.T) {
	declared, err := Bytes("a.yaml", []byte(located)).Declare()
	require.NoError(t, err)
	origin := declared.VirtualServices[0].Routes[0].Origin
	d := origin.Fields.(locator).document
	for range 10 {
		runtime.GC()
	}
	require.Nil(t, d.tree.Value())
	require.Equal(t, spec.Finding{
		File: "a.yaml", Line: 13, Column: 18, Kind: "VirtualService", Namespace: "default", Name: "a",
		Field: "spec.http[0].match[0].uri.regex", Problem: "bad",
	}, origin.At("match[0].uri.regex", "bad"))
}

func TestManyFindingsOfALongDocument(t *testing.T) {
	routes := 2000
	if testing.Short() {
		routes = 600
	}
	declared, err := Bytes("many.yaml", manyRoutes(routes)).Declare()
	require.NoError(t, err)
	for i, route := range declared.VirtualServices[0].Routes {
		f := route.Origin.At("match[0].uri.prefix", "")
		require.Equal(t, 14+9*i, f.Line)
		if i%500 == 0 {
			runtime.GC()
		}
	}
}
