package gateway_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// A changing configuration is documents that change one by one. Each function returns a
// variant of its document, or "" for none.
var changing = []func(n int) string{
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate}
spec:
  servers:
  - port: {number: %d, name: http, protocol: HTTP}
    hosts: ["*"]
`, []int{80, 8080}[n%2])
	},
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews.example.com]
  gateways: [gate]
  http:
  - name: canary
    match: [{uri: {prefix: /canary}, headers: {x-user: {exact: "%d"}}}, {uri: {prefix: /both}, port: 8080}]
    route: [{destination: {host: reviews, subset: v2}}]
  - match: [{uri: {prefix: /moved}}]
    redirect: {uri: /reviews}
  - match: [{uri: {prefix: /details}}]
    route: [{destination: {host: details}}]
  - name: all
    timeout: %ds
    route:
    - {destination: {host: reviews, subset: v1}, weight: 90}
    - {destination: {host: reviews, subset: v2}, weight: 10}
    mirror: {host: ratings}
`, n%2, 1+n%3)
	},
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ratings}
spec:
  hosts: [ratings.example.com]
  gateways: [gate]
  http:
  - delegate: {name: parts}
    match: [{uri: {prefix: /parts}}]
  - route: [{destination: {host: elsewhere, port: {number: %d}}}]
`, 9080+n%2)
	},
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: parts}
spec:
  http:
  - match: [{uri: {prefix: /parts/%d}}]
    route: [{destination: {host: nowhere}}]
`, n%3)
	},
	func(n int) string {
		if n%3 == 0 {
			return ""
		}
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy: {connectionPool: {http: {http2MaxRequests: %d}}}
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
`, n%3)
	},
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ratings}
spec:
  hosts: [ratings.default.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.%d}]
`, 1+n%3)
	},
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: other, namespace: other%d}
spec:
  hosts: [ratings.default.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
`, n%2)
	},
	func(n int) string {
		return fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: details}
spec:
  selector: {app: reviews}
  ports: [{port: %d, name: http}]
`, 9080+n%2)
	},
	func(n int) string {
		if n%2 == 0 {
			return ""
		}
		return fmt.Sprintf(`
apiVersion: networking.istio.io/v1alpha3
kind: RateLimitConfig
metadata: {name: all}
spec:
  targetRefs: [{kind: VirtualService, name: reviews}]
  limits: [{requestsPerUnit: %d, unit: MINUTE}]
`, 10+n%4)
	},
	func(n int) string { return strings.Repeat("# a comment moves what is below it\n", n%3) },
}

// TestReplaceIsLikeBuild replaces a configuration again and again by one that differs in a
// document. Whatever is kept of the one before, the result is that of a new Build.
func TestReplaceIsLikeBuild(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 0))
		versions := make([]int, len(changing))
		order := random.Perm(len(changing))
		write := func() fstest.MapFS {
			var b strings.Builder
			for _, i := range order {
				b.WriteString("---" + "\n" + changing[i](versions[i]))
			}
			return fstest.MapFS{"all.yaml": {Data: []byte(b.String())}}
		}
		files := write()
		remembering := istio.FS(changed{&files}).Remember(new(istio.Memory))
		builder := func(s spec.Source, url string) *gateway.Builder {
			return gateway.New().Load(s).BackendURL("reviews", url).BackendURL("nobody", url)
		}
		const one, other = "http://127.0.0.1:1", "http://127.0.0.1:2"
		gw, err := builder(remembering, one).Build()
		require.NoError(t, err)
		for step := range 60 {
			versions[random.IntN(len(versions))] = random.IntN(12)
			if random.IntN(8) == 0 {
				order = random.Perm(len(changing))
			}
			url := one
			if random.IntN(6) == 0 {
				url = other
			}
			files = write()
			fresh, err := builder(istio.FS(files), url).Build()
			require.NoError(t, err, "%s", files["all.yaml"].Data)
			require.NoError(t, gw.Replace(builder(remembering, url)))
			at := fmt.Sprintf("seed %d, step %d:\n%s", seed, step, files["all.yaml"].Data)
			require.Equal(t, fresh.String(), gw.String(), at)
			require.Equal(t, fresh.Warnings(), gw.Warnings(), at)
			require.Equal(t, clusters(fresh), clusters(gw), at)
			for _, path := range []string{"/", "/canary", "/both", "/moved", "/parts/1"} {
				for _, host := range []string{"reviews", "ratings"} {
					r, err := http.NewRequest("GET", "http://"+host+".example.com"+path, nil)
					require.NoError(t, err)
					r.Header.Set("X-User", "1")
					r.RemoteAddr = "192.0.2.1:1"
					require.Equal(t, decided(fresh, r), decided(gw, r), "%s%s, %s", host, path, at)
				}
			}
			require.NoError(t, fresh.Close())
		}
		require.NoError(t, gw.Close())
	}
}

// A changed file system is the one that files points to.
type changed struct{ files *fstest.MapFS }

func (c changed) Open(name string) (fs.File, error) { return c.files.Open(name) }

func clusters(gw *gateway.Gateway) []string {
	var names []string
	for _, c := range gw.Clusters() {
		names = append(names, fmt.Sprint(c))
	}
	slices.Sort(names)
	return names
}

// decided returns a decision with the place of its route, and without what is random.
func decided(gw *gateway.Gateway, r *http.Request) any {
	d := gw.Listeners()[0].Decide(r)
	var place string
	if d.Route != nil {
		place = fmt.Sprintf("%s:%d:%d", d.Route.Origin.File, d.Route.Origin.Line, d.Route.Origin.Column)
	}
	for i := range d.Destinations {
		d.Destinations[i].Headers.Del("X-Request-Id")
	}
	if d.Route != nil {
		d.Route.Origin = spec.Origin{}
	}
	return []any{d, place}
}
