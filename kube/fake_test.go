package kube

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
)

// A source reads what client-go's fake has, and follows its changes.
func TestFake(t *testing.T) {
	lists := map[schema.GroupVersionResource]string{}
	for _, k := range kinds {
		lists[schema.GroupVersionResource{Group: k.group, Version: k.versions[0], Resource: k.resource}] = k.name + "List"
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists)
	c := &cluster{t: t, client: client}
	c.apply(door + "\n---\n" + leads("cart", "") + "\n---\n" + service("cart") + "\n---\n" + slice("cart-1", "cart", 8080, true, "a"))
	s, err := open(t.Context(), clients{
		objects: client, host: "fake",
		serves: func(context.Context, *kind, string) (bool, error) { return true, nil },
	}, Options{}, quick)
	require.NoError(t, err)
	defer s.Close()
	d, err := s.Declare()
	require.NoError(t, err)
	require.Len(t, d.Servers, 1)
	require.Len(t, d.VirtualServices, 1)
	require.Len(t, d.Services, 1)
	require.Equal(t, "VirtualService shop/cart: spec: here", d.VirtualServices[0].Origin.At("", "here").String())
	require.Len(t, d.Services[0].Endpoints, 1)

	changed := make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Watch(ctx, func() { changed <- struct{}{} }) }()
	c.apply(says("news", "one"))
	<-changed
	d, err = s.Declare()
	require.NoError(t, err)
	require.Len(t, d.VirtualServices, 2)
	cancel()
	require.NoError(t, <-done)
}

// Of an object, only what is read is kept.
func TestObjects(t *testing.T) {
	for _, tt := range []struct {
		kind       *kind
		text, want string
	}{
		{kinds[1], `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
  namespace: b
  uid: 1-2
  resourceVersion: "5"
  generation: 3
  labels: {app: a}
  managedFields: [{manager: kubectl}]
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", networking.istio.io/exportTo: "."}
spec: {hosts: ["<a>"], unknown: 1}
status: {observedGeneration: 3}
more: 1`, `{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"annotations":{"networking.istio.io/exportTo":"."},` +
			`"labels":{"app":"a"},"name":"a","namespace":"b"},"more":1,"spec":{"hosts":["<a>"],"unknown":1}}`},
		{secrets, opaque("a", "b"), `{"apiVersion":"v1","data":{"tls.crt":"eA==","tls.key":"eA=="},"kind":"Secret","metadata":{"name":"b","namespace":"a"},"type":"Opaque"}`},
		{pods, pod("a", "v1"), `{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"app":"cart","version":"v1"},"name":"a","namespace":"shop"},"spec":{}}`},
		{nodes, `
apiVersion: v1
kind: Node
metadata: {name: a, labels: {topology.kubernetes.io/region: r, kubernetes.io/arch: amd64}}
status: {images: [{names: [a]}]}`, `{"apiVersion":"v1","kind":"Node","metadata":{"labels":{"topology.kubernetes.io/region":"r"},"name":"a"}}`},
	} {
		o, err := newObject(tt.kind, parse(t, tt.text)[0])
		require.NoError(t, err)
		require.Equal(t, tt.want+"\n", o.text)
	}
}

func TestReferences(t *testing.T) {
	r := func(text string) references {
		u := parse(t, text)[0]
		for _, k := range kinds {
			if k.name == u.GetKind() {
				metadata, _ := u.Object["metadata"].(map[string]any)
				return referencesOf(k, metadata, u.Object)
			}
		}
		return references{}
	}
	require.Equal(t, references{hosts: []string{"cart"}}, r(leads("Cart.shop.svc", "")))
	require.Equal(t, references{service: "cart", pods: []key{{pods, "shop", "a"}}}, r(slice("x", "cart", 1, true, "a")))
	gateway := r(`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: a, namespace: b}
spec:
  servers:
  - port: {number: 443}
    tls: {credentialName: one, caCertCredentialName: two}
  - port: {number: 8443}
    tls: {credentialNames: [three, four]}`)
	require.ElementsMatch(t, []string{"one", "two", "three", "four"}, gateway.credentials)
	require.Equal(t, []int64{443, 8443}, gateway.ports)
	for credential, want := range map[string][]string{
		"web": {"web", "web-cacert"}, "web-cacert": {"web", "web-cacert"}, "kubernetes://web": {"web", "web-cacert"},
		"own/web": {"web", "web-cacert"}, "other/web": nil, "file:///web": nil, "": nil,
	} {
		require.Equal(t, want, secretNames(credential, "own"), credential)
	}
}
