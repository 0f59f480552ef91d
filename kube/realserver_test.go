package kube

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// TestRealServer runs the suite with a kube-apiserver and an etcd. KUBEBUILDER_ASSETS is the
// directory with both programs, as setup-envtest prints it.
func TestRealServer(t *testing.T) {
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		t.Skip("KUBEBUILDER_ASSETS is not set: no kube-apiserver is run")
	}
	server := startServer(t, assets)
	config := server.config
	c := newCluster(t, config)
	for _, namespace := range []string{"shop", "other", "istio-system"} {
		c.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + namespace + "}")
	}
	install(c)
	suite(t, func(t *testing.T) *cluster {
		c := newCluster(t, config)
		c.clear()
		return c
	})
	t.Run("the manifests", func(t *testing.T) {
		c := newCluster(t, config)
		c.clear()
		testManifests(t, c)
	})
	t.Run("a restart", func(t *testing.T) {
		c := newCluster(t, config)
		c.clear()
		c.apply(door + "\n---\n" + says("cart", "one"))
		s := serve(t, config, Options{})
		s.answers("http://cart.example.com/", 200, "one")
		server.stop()
		require.Eventually(t, func() bool { return s.source.Status().Kinds[0].Err != nil }, patience, 10*time.Millisecond)
		s.answers("http://cart.example.com/", 200, "one")
		server.start()
		c.apply(says("cart", "two"))
		s.answers("http://cart.example.com/", 200, "two")
	})
}

// The API server accepts the manifests, and their rights are enough for all that is read
// and written, with a right on Secrets by their names.
func testManifests(t *testing.T, c *cluster) {
	files, err := filepath.Glob("../deploy/*.yaml")
	require.NoError(t, err)
	c.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: lateen}")
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if name := filepath.Base(file); name != "kustomization.yaml" && name != "namespace.yaml" {
			c.apply(string(text))
		}
	}
	c.apply(door + "\n---\n" + says("cart", "one") + "\n---\n" + limited + "\n---\n" + opaque("lateen", "web") + `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec: {host: cart, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: secure, namespace: shop}
spec:
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"], tls: {mode: SIMPLE, credentialName: web}}`)
	own := rest.CopyConfig(c.config)
	own.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:lateen:lateen", Groups: []string{"system:serviceaccounts", "system:authenticated"}}
	complete := func() {
		t.Helper()
		s := serve(t, own, Options{WorkloadNamespace: "lateen", Writer: &Writer{Name: "test"}})
		s.answers("http://cart.example.com/", 200, "one")
		read := 0
		for _, k := range s.source.Status().Kinds {
			require.NoError(t, k.Err)
			if k.Kind == "Secret" {
				read += k.Objects
			}
		}
		require.Equal(t, 1, read)
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			u, err := c.of(parse(c.t, limited)[0]).Get(c.t.Context(), "limits", metav1.GetOptions{})
			require.NoError(t, err)
			require.NotNil(t, u.Object["status"])
		}, patience, 10*time.Millisecond, s.log)
		require.NotContains(t, s.log.String(), "level=WARN")
	}
	complete()
	text, err := os.ReadFile("../deploy/rbac.yaml")
	require.NoError(t, err)
	named := strings.Replace(string(text), "resources: [secrets]\n", "resources: [secrets]\n  resourceNames: [web, web-cacert]\n", 1)
	require.NotEqual(t, string(text), named)
	c.apply(named)
	complete()
}

// clear removes all objects of earlier tests.
func (c *cluster) clear() {
	now := int64(0)
	for _, k := range kinds {
		if k.cluster {
			continue
		}
		client := c.client.Resource(schema.GroupVersionResource{Group: k.group, Version: k.versions[0], Resource: k.resource})
		for _, namespace := range []string{"shop", "other", "istio-system"} {
			list, err := client.Namespace(namespace).List(c.t.Context(), metav1.ListOptions{})
			require.NoError(c.t, err, k.title())
			for i := range list.Items {
				require.NoError(c.t, client.Namespace(namespace).Delete(c.t.Context(), list.Items[i].GetName(), metav1.DeleteOptions{GracePeriodSeconds: &now}))
			}
		}
	}
}

// install installs the CustomResourceDefinitions: that of RateLimitConfig, and for Istio's
// kinds one that accepts everything.
func install(c *cluster) {
	text, err := os.ReadFile("../deploy/crds/ratelimitconfig.yaml")
	require.NoError(c.t, err)
	c.apply(string(text))
	for _, k := range kinds {
		if !k.isConfiguration() || k == rateLimitConfigs {
			continue
		}
		var versions strings.Builder
		for i, version := range k.versions {
			fmt.Fprintf(&versions, `
  - name: %s
    served: true
    storage: %t
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    subresources: {status: {}}`, version, i == 0)
		}
		c.apply(fmt.Sprintf(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %s}
spec:
  group: %s
  scope: Namespaced
  names: {kind: %s, plural: %s, singular: %s}
  versions:%s`, k.title(), k.group, k.name, k.resource, strings.ToLower(k.name), versions.String()))
	}
	for _, k := range kinds {
		if k.isConfiguration() {
			require.Eventually(c.t, func() bool {
				_, err := c.client.Resource(schema.GroupVersionResource{Group: k.group, Version: k.versions[0], Resource: k.resource}).List(c.t.Context(), metav1.ListOptions{})
				return err == nil
			}, patience, 50*time.Millisecond, k.title())
		}
	}
}

// A realServer is a kube-apiserver.
type realServer struct {
	config *rest.Config
	// start starts it and waits until it is ready, and stop waits until it has ended.
	start, stop func()
}

// startServer starts an etcd and a kube-apiserver, which end with the test.
func startServer(t *testing.T, assets string) *realServer {
	directory := t.TempDir()
	etcd, peers, port := freePort(t), freePort(t), freePort(t)
	run(t, filepath.Join(assets, "etcd"),
		"--data-dir="+filepath.Join(directory, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls=http://127.0.0.1:"+etcd, "--advertise-client-urls=http://127.0.0.1:"+etcd,
		"--listen-peer-urls=http://127.0.0.1:"+peers, "--initial-advertise-peer-urls=http://127.0.0.1:"+peers,
		"--initial-cluster=default=http://127.0.0.1:"+peers)
	tokens, key := filepath.Join(directory, "tokens.csv"), filepath.Join(directory, "key.pem")
	require.NoError(t, os.WriteFile(tokens, []byte("test,test,test,system:masters\n"), 0o600))
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(block), 0o600))
	config := &rest.Config{Host: "https://127.0.0.1:" + port, BearerToken: "test", TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	server := &realServer{config: config}
	server.start = func() {
		server.stop = run(t, filepath.Join(assets, "kube-apiserver"),
			"--etcd-servers=http://127.0.0.1:"+etcd, "--bind-address=127.0.0.1", "--secure-port="+port,
			"--cert-dir="+filepath.Join(directory, "certificates"), "--token-auth-file="+tokens, "--authorization-mode=RBAC",
			"--service-account-issuer=https://127.0.0.1/", "--service-account-key-file="+key, "--service-account-signing-key-file="+key,
			"--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount")
		require.Eventually(t, func() bool {
			response, err := client.Get(config.Host + "/readyz")
			if err != nil {
				return false
			}
			defer response.Body.Close()
			return response.StatusCode == 200
		}, 2*time.Minute, 100*time.Millisecond)
	}
	server.start()
	return server
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// run runs a program until stop is called, or until the test ends. If that has failed, it
// shows what the program has printed.
func run(t *testing.T, program string, args ...string) (stop func()) {
	var output bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, args...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	command.Stdout, command.Stderr = &output, &output
	require.NoError(t, command.Start())
	stop = sync.OnceFunc(func() {
		cancel()
		_ = command.Wait()
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			lines := strings.Split(output.String(), "\n")
			t.Log(program, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	})
	return stop
}
