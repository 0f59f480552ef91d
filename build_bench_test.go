package gateway_test

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// manyRoutes returns n routes in VirtualServices of 100. Each has a rewrite, a
// header operation and a split.
func manyRoutes(n int) spec.Declarations {
	var d spec.Declarations
	for i := 0; i < n; i += 100 {
		vs := spec.VirtualService{
			Name: fmt.Sprintf("part-%d", i/100), Hosts: []string{"*"}, Gateways: []string{"*"},
		}
		for j := i; j < min(i+100, n); j++ {
			vs.Routes = append(vs.Routes, spec.Route{
				Name:    fmt.Sprintf("route-%d", j),
				Match:   []spec.Match{{URI: spec.Prefix(fmt.Sprintf("/api/v%d/products%d/", j%3, j))}},
				Rewrite: &spec.Rewrite{URI: "/"},
				Headers: spec.Headers{Request: spec.HeaderOperations{Set: map[string]string{"X-Route": fmt.Sprint(j)}}},
				Destinations: []spec.Destination{
					{Host: fmt.Sprintf("products%d", j), Port: 8080, Weight: 90},
					{Host: fmt.Sprintf("products%d-canary", j), Port: 8080, Weight: 10},
				},
			})
		}
		d.VirtualServices = append(d.VirtualServices, vs)
	}
	return d
}

// manyRoutesText is the same as YAML.
func manyRoutesText(n int) []byte {
	var b strings.Builder
	for i := 0; i < n; i += 100 {
		fmt.Fprintf(&b, "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: part-%d\n"+
			"spec:\n  hosts:\n  - \"*\"\n  gateways:\n  - gate\n  http:\n", i/100)
		for j := i; j < min(i+100, n); j++ {
			fmt.Fprintf(&b, `  - name: route-%d
    match:
    - uri:
        prefix: /api/v%d/products%d/
    rewrite:
      uri: /
    headers:
      request:
        set:
          X-Route: "%d"
    route:
    - destination:
        host: products%d
        port:
          number: 8080
      weight: 90
    - destination:
        host: products%d-canary
        port:
          number: 8080
      weight: 10
`, j, j%3, j, j, j, j)
		}
	}
	b.WriteString("---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: gate\n" +
		"spec:\n  servers:\n  - port: {number: 80, name: http, protocol: HTTP}\n    hosts: [\"*\"]\n")
	return []byte(b.String())
}

// A source is a Source of declarations in Go.
type source spec.Declarations

func (s source) Declare() (spec.Declarations, error) { return spec.Declarations(s), nil }

// BenchmarkBuild measures the time to compile 10,000 routes from declarations and
// from YAML, and the memory of each route.
func BenchmarkBuild(b *testing.B) {
	const n = 10_000
	declared, text := source(manyRoutes(n)), manyRoutesText(n)
	for _, c := range []struct {
		name   string
		source func() spec.Source
	}{
		{"declarations", func() spec.Source { return declared }},
		{"yaml", func() spec.Source { return istio.Bytes("many.yaml", text) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var gw *gateway.Gateway
			for b.Loop() {
				var err error
				gw, err = gateway.New().Load(c.source()).Build()
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/route")
			b.StopTimer()
			with := liveHeap()
			runtime.KeepAlive(gw)
			gw = nil
			b.ReportMetric((with-liveHeap())/n, "live-B/route")
		})
	}
}

// BenchmarkReplace measures how long it takes to replace a configuration of 10,000 routes
// when one of them has changed: with a destination of its own for each, with 100
// destinations, and with a change that moves all documents after it.
func BenchmarkReplace(b *testing.B) {
	const n = 10_000
	own := string(manyRoutesText(n))
	few := regexp.MustCompile(`host: products\d*(\d\d)\b`).ReplaceAllString(own, "host: products$1")
	for _, c := range []struct {
		name, text, changed string
		remembers           bool
	}{
		{"read again", own, "uri: /x\n", false}, {"remembered", own, "uri: /x\n", true},
		{"few destinations", few, "uri: /x\n", true}, {"moved", few, "uri: /x\n    timeout: 1s\n", true},
	} {
		b.Run(c.name, func(b *testing.B) {
			texts := []string{c.text, strings.Replace(c.text, "uri: /\n", c.changed, 1)}
			files := fstest.MapFS{"many.yaml": {Data: []byte(c.text)}}
			source := istio.FS(files)
			if c.remembers {
				source = source.Remember(new(istio.Memory))
			}
			build := func() *gateway.Builder { return gateway.New().Load(source).BackendURL("*", "http://127.0.0.1:1") }
			gw, err := build().Build()
			require.NoError(b, err)
			defer gw.Close()
			require.NoError(b, gw.Replace(build()))
			i := 0
			for b.Loop() {
				i++
				files["many.yaml"] = &fstest.MapFile{Data: []byte(texts[i%2])}
				require.NoError(b, gw.Replace(build()))
			}
		})
	}
}

// liveHeap returns the number of reachable bytes.
func liveHeap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
