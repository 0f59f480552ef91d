package kube

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The suite is what every API server must be good for: the small one of the tests, and a
// real one.
func suite(t *testing.T, start func(t *testing.T) *cluster) {
	for name, test := range map[string]func(t *testing.T, c *cluster){
		"routes change":        testRoutesChange,
		"endpoints change":     testEndpointsChange,
		"subsets":              testSubsets,
		"a broken object":      testBrokenObject,
		"the last Gateway":     testLastGateway,
		"secrets":              testSecrets,
		"policies":             testPolicies,
		"localities":           testLocalities,
		"what changes nothing": testIrrelevantChanges,
		"conditions":           testConditions,
		"namespaces":           testNamespaces,
		"many objects":         testManyObjects,
	} {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

func TestSuite(t *testing.T) {
	suite(t, func(t *testing.T) *cluster { return newCluster(t, newAPIServer(t).config()) })
}

func testRoutesChange(t *testing.T, c *cluster) {
	c.apply(door + "\n---\n" + says("cart", "one"))
	s := serve(t, c.config, Options{})
	s.answers("http://cart.example.com/", 200, "one")
	c.apply(says("cart", "two"))
	s.answers("http://cart.example.com/", 200, "two")
	c.apply(says("news", "three"))
	s.answers("http://news.example.com/", 200, "three")
	c.remove(says("cart", ""))
	s.answers("http://cart.example.com/", 404, "")
	s.answers("http://news.example.com/", 200, "three")
}

// backend is a server that answers with a text, at the address of this machine. It returns
// its port.
func backend(t *testing.T, text string) uint16 {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }))
	s.Listener.Close()
	var err error
	s.Listener, err = net.Listen("tcp", net.JoinHostPort(machine(), "0"))
	require.NoError(t, err)
	s.Start()
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String()).Port()
}

// machine is an address of this machine. A real API server accepts no endpoint at a
// loopback address.
var machine = sync.OnceValue(func() string {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && prefix.Addr().IsGlobalUnicast() {
			return prefix.Addr().String()
		}
	}
	return "127.0.0.1"
})

// leads is a VirtualService that leads to a Service, with more fields of the destination.
func leads(name, more string) string {
	return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ` + name + `, namespace: shop}
spec:
  hosts: ["` + name + `.example.com"]
  gateways: [door]
  http:
  - route:
    - destination: {host: ` + name + `, port: {number: 80}` + more + `}`
}

func service(name string) string {
	return `apiVersion: v1
kind: Service
metadata: {name: ` + name + `, namespace: shop}
spec:
  selector: {app: ` + name + `}
  ports:
  - {name: http, port: 80, targetPort: 8080}`
}

// slice is an EndpointSlice with one endpoint.
func slice(name, service string, port uint16, ready bool, pod string) string {
	return fmt.Sprintf(`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: %s
  namespace: shop
  labels: {kubernetes.io/service-name: %s}
addressType: IPv4
ports:
- {name: http, port: %d}
endpoints:
- addresses: [%s]
  conditions: {ready: %t}
  targetRef: {kind: Pod, name: %s, namespace: shop}`, name, service, port, machine(), ready, pod)
}

func testEndpointsChange(t *testing.T, c *cluster) {
	one, two := backend(t, "one"), backend(t, "two")
	c.apply(door + "\n---\n" + leads("cart", "") + "\n---\n" + service("cart") + "\n---\n" + slice("cart-1", "cart", one, true, "a"))
	s := serve(t, c.config, Options{})
	s.answers("http://cart.example.com/", 200, "one")
	c.apply(slice("cart-1", "cart", two, true, "b"))
	s.answers("http://cart.example.com/", 200, "two")
	c.apply(slice("cart-1", "cart", two, false, "b"))
	s.answers("http://cart.example.com/", 503, "")
	c.remove(slice("cart-1", "cart", two, false, "b"))
	s.warns("none of its endpoints is ready")
	c.apply(slice("cart-2", "cart", one, true, "a"))
	s.answers("http://cart.example.com/", 200, "one")
	c.remove(service("cart"))
	s.answers("http://cart.example.com/", 503, "")
}

func pod(name, version string) string {
	return `apiVersion: v1
kind: Pod
metadata:
  name: ` + name + `
  namespace: shop
  labels: {app: cart, version: ` + version + `}
spec:
  containers:
  - {name: app, image: example.com/cart}`
}

func testSubsets(t *testing.T, c *cluster) {
	one, two := backend(t, "one"), backend(t, "two")
	c.apply(door + "\n---\n" + leads("cart", ", subset: v2") + "\n---\n" + service("cart") + "\n---\n" +
		slice("cart-1", "cart", one, true, "a") + "\n---\n" + slice("cart-2", "cart", two, true, "b") + "\n---\n" +
		pod("a", "v1") + "\n---\n" + pod("b", "v2"))
	rule := `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  subsets:
  - {name: v2, labels: {version: v2}}`
	s := serve(t, c.config, Options{})
	s.answers("http://cart.example.com/", 503, "")
	// Pods are read from now on.
	c.apply(rule)
	s.answers("http://cart.example.com/", 200, "two")
	c.apply(strings.Replace(rule, "version: v2", "version: v1", 1))
	s.answers("http://cart.example.com/", 200, "one")
	c.remove(rule)
	s.answers("http://cart.example.com/", 503, "")
}

func testLocalities(t *testing.T, c *cluster) {
	node := func(region string) string {
		return `apiVersion: v1
kind: Node
metadata:
  name: node-1
  labels: {topology.kubernetes.io/region: ` + region + `, topology.kubernetes.io/zone: z}`
	}
	at := strings.Replace(slice("cart-1", "cart", 80, true, "a"), "  conditions:", "  nodeName: node-1\n  conditions:", 1)
	c.apply(door + "\n---\n" + leads("cart", "") + "\n---\n" + service("cart") + "\n---\n" + at + "\n---\n" + node("r"))
	s := serve(t, c.config, Options{Nodes: true})
	locality := func(t require.TestingT) string {
		d, err := s.source.Declare()
		require.NoError(t, err)
		require.Len(t, d.Services, 1)
		require.Len(t, d.Services[0].Endpoints, 1)
		return d.Services[0].Endpoints[0].Locality
	}
	require.Equal(t, "r/z", locality(t))
	c.apply(node("other"))
	require.EventuallyWithT(t, func(t *assert.CollectT) { require.Equal(t, "other/z", locality(t)) }, patience, 5*time.Millisecond)
}

func testBrokenObject(t *testing.T, c *cluster) {
	broken := strings.Replace(says("cart", "broken"), "status: 200", "status: 20", 1)
	c.apply(door + "\n---\n" + says("news", "one") + "\n---\n" + broken)
	s := serve(t, c.config, Options{})
	// One broken object is no reason not to serve others.
	s.answers("http://news.example.com/", 200, "one")
	s.answers("http://cart.example.com/", 404, "")
	require.Contains(t, s.warnings(), "VirtualService shop/cart: spec.http[0].directResponse.status: the object is left out: ")
	require.Len(t, s.source.Status().LeftOut, 1)
	c.apply(says("cart", "good"))
	s.answers("http://cart.example.com/", 200, "good")
	require.Empty(t, s.source.Status().LeftOut)

	// The version before stays, and changes of others take effect.
	c.apply(broken)
	c.apply(says("news", "two"))
	s.answers("http://news.example.com/", 200, "two")
	s.warns("VirtualService shop/cart: spec.http[0].directResponse.status: the version before stays in service: ")
	s.answers("http://cart.example.com/", 200, "good")
	c.apply(says("news", "three"))
	s.answers("http://news.example.com/", 200, "three")
	s.answers("http://cart.example.com/", 200, "good")
	require.Equal(t, 1, strings.Count(s.log.String(), "the version before stays in service"), "the log says it once")
	require.Empty(t, s.failures())
	c.apply(says("cart", "better"))
	s.answers("http://cart.example.com/", 200, "better")
	require.NotContains(t, s.warnings(), "stays in service")
}

func testLastGateway(t *testing.T, c *cluster) {
	c.apply(door + "\n---\n" + says("cart", "one"))
	s := serve(t, c.config, Options{})
	s.answers("http://cart.example.com/", 200, "one")
	// Without a Gateway, nothing is for clients.
	c.remove(door)
	s.answers("http://cart.example.com/", 404, "")
	c.apply(door)
	s.answers("http://cart.example.com/", 200, "one")
}

func testSecrets(t *testing.T, c *cluster) {
	secure := `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: secure, namespace: shop}
spec:
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: web}}`
	c.apply(secure + "\n---\n" + opaque("istio-system", "web") + "\n---\n" + opaque("istio-system", "other") + "\n---\n" + opaque("shop", "web"))
	s := serve(t, c.config, Options{})
	names := func() (out []string) {
		for _, k := range s.source.Status().Kinds {
			if k.Kind == "Secret" {
				out = append(out, fmt.Sprintf("%s/%s %d", k.Namespace, k.Name, k.Objects))
			}
		}
		return out
	}
	require.Equal(t, []string{"istio-system/web 1", "istio-system/web-cacert 0"}, names(), "only named Secrets are read")
	d, err := s.source.Declare()
	require.NoError(t, err)
	require.Len(t, d.Credentials, 1)
	require.Equal(t, "web", d.Credentials[0].Name)
	c.apply(opaque("istio-system", "web-cacert"))
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		require.Equal(t, []string{"istio-system/web 1", "istio-system/web-cacert 1"}, names())
	}, patience, 5*time.Millisecond)
	c.remove(secure)
	require.EventuallyWithT(t, func(t *assert.CollectT) { require.Empty(t, names()) }, patience, 5*time.Millisecond)
}

// A policy that Lateen does not execute is an error, if it is for the gateway: without it
// requests would pass that it refuses.
func testPolicies(t *testing.T, c *cluster) {
	policy := func(namespace string) string {
		return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: ` + namespace + `}
spec: {}`
	}
	c.apply(door + "\n---\n" + says("cart", "one") + "\n---\n" + policy("shop"))
	s := serve(t, c.config, Options{})
	s.answers("http://cart.example.com/", 200, "one")
	require.Empty(t, s.warnings())
	c.apply(policy("istio-system"))
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		require.ErrorContains(t, s.opened.Status().Err, "AuthorizationPolicy istio-system/nobody: is not executed by Lateen: requests are not authorized yet")
	}, patience, 5*time.Millisecond)
	before := s.generations()
	c.apply(says("cart", "two"))
	require.Eventually(t, func() bool { return s.generations() > before }, patience, 5*time.Millisecond)
	s.answers("http://cart.example.com/", 200, "one")
	c.remove(policy("istio-system"))
	s.answers("http://cart.example.com/", 200, "two")
}

// opaque is a Secret with keys that Istio reads, and another one.
func opaque(namespace, name string) string {
	return `apiVersion: v1
kind: Secret
metadata: {name: ` + name + `, namespace: ` + namespace + `}
type: Opaque
data: {tls.crt: eA==, tls.key: eA==, password: aGlkZGVu}`
}

func testIrrelevantChanges(t *testing.T, c *cluster) {
	c.apply(door + "\n---\n" + says("cart", "one") + "\n---\n" + service("other") + "\n---\n" + slice("other-1", "other", 80, true, "a"))
	s := serve(t, c.config, Options{})
	s.answers("http://cart.example.com/", 200, "one")
	before := s.generations()
	// Labels of the user are read, but a Service that no route leads to is not.
	c.apply(slice("other-1", "other", 81, true, "b"))
	c.apply(strings.Replace(says("cart", "one"), "namespace: shop}", `namespace: shop, annotations: {example.com/seen: "1"}}`, 1))
	c.apply(says("news", "two"))
	s.answers("http://news.example.com/", 200, "two")
	require.Equal(t, before+1, s.generations())
}

const limited = `apiVersion: networking.istio.io/v1alpha3
kind: RateLimitConfig
metadata: {name: limits, namespace: shop}
spec:
  targetRefs:
  - {kind: VirtualService, name: cart}
  limits:
  - requestsPerUnit: 100
    unit: SECOND`

func testConditions(t *testing.T, c *cluster) {
	c.apply(door + "\n---\n" + says("cart", "one") + "\n---\n" + limited)
	one := serve(t, c.config, Options{Writer: &Writer{Name: "one"}})
	conditions := func(t require.TestingT) string {
		u, err := c.of(parse(c.t, limited)[0]).Get(c.t.Context(), "limits", metav1.GetOptions{})
		require.NoError(t, err)
		var b strings.Builder
		list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		for _, e := range list {
			fmt.Fprintln(&b, field(e, "type"), field(e, "status"), field(e, "observedGeneration"), field(e, "reason"), field(e, "message"))
		}
		return b.String()
	}
	eventually := func(want string) {
		t.Helper()
		require.EventuallyWithT(t, func(t *assert.CollectT) { require.Contains(t, conditions(t), want) }, patience, 5*time.Millisecond, one.log)
	}
	eventually("Accepted True 1 Accepted it has no error\nProgrammed True 1 Programmed it is in service\n")
	// The schema of the CRD cannot tell that this is no regular expression.
	c.apply(limited + "\n    when: {uri: {regex: \"(\"}}")
	eventually("Accepted False 2 Invalid spec.limits[0].when.uri.regex: ")
	eventually("Programmed False 2 Invalid the version before is in service\n")
	// Another one writes when the first one has gone.
	serve(t, c.config, Options{Writer: &Writer{Name: "two"}})
	require.NoError(t, one.opened.Close())
	one.source.Close()
	c.apply(limited)
	eventually("Accepted True 3 Accepted it has no error\nProgrammed True 3 Programmed it is in service\n")
}

func testNamespaces(t *testing.T, c *cluster) {
	other := strings.ReplaceAll(says("cart", "other"), "namespace: shop", "namespace: other")
	c.apply(strings.Replace(door, "namespace: shop", "namespace: other", 1) + "\n---\n" + door + "\n---\n" + other + "\n---\n" + says("news", "one"))
	s := serve(t, c.config, Options{Namespaces: []string{"shop"}})
	s.answers("http://news.example.com/", 200, "one")
	s.answers("http://cart.example.com/", 404, "")
	both := serve(t, c.config, Options{Namespaces: []string{"shop", "other"}})
	both.answers("http://news.example.com/", 200, "one")
	both.answers("http://cart.example.com/", 200, "other")
}

func testManyObjects(t *testing.T, c *cluster) {
	c.apply(door + "\n---\n" + says("cart", "0"))
	s := serve(t, c.config, Options{})
	// There is a change of each of many objects.
	const objects = 200
	var all strings.Builder
	for i := range objects {
		all.WriteString(says(fmt.Sprint("page-", i), fmt.Sprint("text ", i)) + "\n---\n")
	}
	c.apply(all.String() + says("cart", "last"))
	s.answers("http://cart.example.com/", 200, "last")
	s.answers(fmt.Sprintf("http://page-%d.example.com/", objects-1), 200, fmt.Sprint("text ", objects-1))
	require.LessOrEqual(t, s.generations(), objects)
}
