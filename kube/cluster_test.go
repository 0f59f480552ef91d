package kube

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/live"
)

// patience bounds everything that is waited for.
const patience = 30 * time.Second

// A cluster is one that tests write to: a small one of their own, or a real one.
type cluster struct {
	t      *testing.T
	config *rest.Config
	client dynamic.Interface
}

func newCluster(t *testing.T, config *rest.Config) *cluster {
	unbounded := rest.CopyConfig(config)
	unbounded.QPS = -1
	client, err := dynamic.NewForConfig(unbounded)
	require.NoError(t, err)
	return &cluster{t, config, client}
}

// parse reads the documents of a text.
func parse(t *testing.T, text string) (out []*unstructured.Unstructured) {
	for document := range strings.SplitSeq(text, "\n---\n") {
		o := map[string]any{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &o))
		data, err := (&unstructured.Unstructured{Object: o}).MarshalJSON()
		require.NoError(t, err, document)
		u := new(unstructured.Unstructured)
		require.NoError(t, u.UnmarshalJSON(data))
		out = append(out, u)
	}
	return out
}

// of returns the client for objects like one.
func (c *cluster) of(u *unstructured.Unstructured) dynamic.ResourceInterface {
	resource, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	for _, k := range kinds {
		if k.name == u.GetKind() {
			// The guess of the plural of Gateway is wrong.
			resource.Resource = k.resource
		}
	}
	client := c.client.Resource(resource)
	if u.GetNamespace() == "" {
		return client
	}
	return client.Namespace(u.GetNamespace())
}

// apply makes the objects of a text, or changes them.
func (c *cluster) apply(text string) {
	c.t.Helper()
	for _, u := range parse(c.t, text) {
		err := c.put(u)
		for apierrors.IsConflict(err) {
			// Its status was written meanwhile.
			err = c.put(u)
		}
		require.NoError(c.t, err)
	}
}

func (c *cluster) put(u *unstructured.Unstructured) error {
	ctx := context.Background()
	before, err := c.of(u).Get(ctx, u.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = c.of(u).Create(ctx, u, metav1.CreateOptions{})
		return err
	}
	if err == nil {
		u.SetResourceVersion(before.GetResourceVersion())
		_, err = c.of(u).Update(ctx, u, metav1.UpdateOptions{})
	}
	return err
}

// remove removes the objects of a text.
func (c *cluster) remove(text string) {
	c.t.Helper()
	for _, u := range parse(c.t, text) {
		require.NoError(c.t, c.of(u).Delete(context.Background(), u.GetName(), metav1.DeleteOptions{}))
	}
}

// quick are pauses that make no test wait.
var quick = pauses{
	first: 5 * time.Millisecond, last: 20 * time.Millisecond, denied: 50 * time.Millisecond, absent: 50 * time.Millisecond,
	gone: 0, list: patience,
	lease: leaseTimes{duration: 2 * time.Second, renewed: time.Second, retry: 20 * time.Millisecond},
}

// A log keeps lines.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A served gateway serves what is in a cluster.
type served struct {
	t       *testing.T
	source  *Source
	opened  *live.Configuration
	log     *log
	mu      sync.Mutex
	updates []live.Update
}

// serve serves what is in a cluster until the test ends.
func serve(t *testing.T, config *rest.Config, options Options) *served {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s := &served{t: t, log: new(log)}
	options.Quiet, options.Log = 5*time.Millisecond, slog.New(slog.NewTextHandler(s.log, nil))
	c, err := clientsOf(config)
	require.NoError(t, err)
	s.source, err = open(ctx, c, options, quick)
	require.NoError(t, err)
	t.Cleanup(s.source.Close)
	s.opened, err = live.Open(s.source, gateway.New, live.Options{OnUpdate: func(u live.Update) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.updates = append(s.updates, u)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.opened.Close()) })
	return s
}

// generations is how often the configuration was replaced.
func (s *served) generations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.updates)
}

// failures are the errors of all replacements.
func (s *served) failures() (out []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.updates {
		if err := s.updates[i].Err; err != nil {
			out = append(out, err)
		}
	}
	return out
}

// get returns the answer to a request.
func (s *served) get(url string) (status int, body string) {
	w := httptest.NewRecorder()
	s.opened.Gateway().ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w.Code, w.Body.String()
}

// answers waits until a request has an answer.
func (s *served) answers(url string, status int, body string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(t *assert.CollectT) {
		gotStatus, gotBody := s.get(url)
		require.Equal(t, status, gotStatus, gotBody)
		require.Contains(t, gotBody, body)
	}, patience, 5*time.Millisecond, s.log)
}

// warnings are those of what is served.
func (s *served) warnings() string {
	var b strings.Builder
	for _, w := range s.opened.Gateway().Warnings() {
		b.WriteString(w.String() + "\n")
	}
	return b.String()
}

// warns waits for a warning.
func (s *served) warns(text string) {
	s.t.Helper()
	require.EventuallyWithT(s.t, func(t *assert.CollectT) { require.Contains(t, s.warnings(), text) }, patience, 5*time.Millisecond, s.log)
}

// door is a Gateway for all hosts.
const door = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: shop}
spec:
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}`

// says is a VirtualService that answers with a text.
func says(name, text string) string {
	return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ` + name + `, namespace: shop}
spec:
  hosts: ["` + name + `.example.com"]
  gateways: [door]
  http:
  - directResponse: {status: 200, body: {string: "` + text + `"}}`
}
