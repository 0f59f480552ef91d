package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// An apiServer is a small API server for tests: it has objects, lists and watches, and it
// fails as it is told.
type apiServer struct {
	*httptest.Server
	t *testing.T

	mu sync.Mutex // guards what follows
	// versions are the served versions of a group with their resources.
	versions map[string][]string
	objects  map[string]map[string]any
	// version is the latest resourceVersion, and oldest the one from which history is
	// complete.
	version, oldest int
	history         []change
	// news is closed and replaced after each change.
	news chan struct{}
	// generation counts the cuts of watches; torn means that they end inside of a line.
	generation int
	torn       bool
	// streams means that a watch can begin with all objects.
	streams bool
	// before is called before each request. If it returns true, it has answered.
	before func(w http.ResponseWriter, r *http.Request) bool
	// requests are the methods and paths of all requests.
	requests []string
}

// A change is one line of a watch.
type change struct {
	kind, path string
	version    int
	object     map[string]any
}

func newAPIServer(t *testing.T) *apiServer {
	s := &apiServer{
		t: t, objects: map[string]map[string]any{}, news: make(chan struct{}), version: 100, oldest: 100,
		versions: map[string][]string{
			"networking.istio.io/v1":      {"gateways", "virtualservices", "destinationrules", "serviceentries", "workloadentries"},
			"networking.istio.io/v1beta1": {"gateways", "virtualservices", "destinationrules", "serviceentries", "workloadentries"},
			"networking.istio.io/v1alpha3": {
				"gateways", "virtualservices", "destinationrules", "serviceentries", "workloadentries", "ratelimitconfigs"},
			"telemetry.istio.io/v1": {"telemetries"},
			"security.istio.io/v1":  {"authorizationpolicies", "requestauthentications"},
			"discovery.k8s.io/v1":   {"endpointslices"},
		},
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.cut(false)
		s.CloseClientConnections()
		s.Server.Close()
	})
	return s
}

// config is how a client reaches the server. Connections do not outlive a test.
func (s *apiServer) config() *rest.Config {
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &rest.Config{Host: s.URL, Transport: transport}
}

func (s *apiServer) do(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.news)
	s.news = make(chan struct{})
}

// cut ends all watches, perhaps inside of a line.
func (s *apiServer) cut(torn bool) {
	s.do(func() { s.generation, s.torn = s.generation+1, torn })
}

// intercept lets a function answer requests, or nobody.
func (s *apiServer) intercept(before func(w http.ResponseWriter, r *http.Request) bool) {
	s.do(func() { s.before = before })
}

// expire forgets the history: a watch must begin anew.
func (s *apiServer) expire() {
	s.do(func() { s.oldest, s.history = s.version+1, nil })
}

// restart is a server whose data are those of an earlier time: the versions are lower.
func (s *apiServer) restart(version int) {
	s.do(func() {
		s.version, s.oldest, s.history = version, version, nil
		s.generation++
		for _, o := range s.objects {
			metadataIn(o)["resourceVersion"] = strconv.Itoa(version)
		}
	})
}

// count returns the number of requests with a part.
func (s *apiServer) count(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

func metadataIn(o map[string]any) map[string]any {
	m, _ := o["metadata"].(map[string]any)
	return m
}

// put changes an object, or makes it. s.mu must be locked.
func (s *apiServer) put(path string, o map[string]any, status bool) {
	s.version++
	m := metadataIn(o)
	kind := "ADDED"
	if before, ok := s.objects[path]; ok {
		kind = "MODIFIED"
		m["creationTimestamp"] = metadataIn(before)["creationTimestamp"]
		m["generation"] = metadataIn(before)["generation"]
		if !status {
			if o["status"] == nil {
				o["status"] = before["status"]
			}
			if fmt.Sprint(before["spec"]) != fmt.Sprint(o["spec"]) {
				m["generation"] = m["generation"].(int) + 1
			}
		}
	} else {
		m["generation"] = 1
		if m["creationTimestamp"] == nil {
			m["creationTimestamp"] = "2026-01-01T00:00:00Z"
		}
	}
	m["resourceVersion"] = strconv.Itoa(s.version)
	m["managedFields"] = []any{map[string]any{"manager": "test", "time": s.version}}
	s.objects[path] = o
	s.history = append(s.history, change{kind, path, s.version, o})
}

func (s *apiServer) remove(path string) bool {
	o, ok := s.objects[path]
	if !ok {
		return false
	}
	s.version++
	delete(s.objects, path)
	gone := maps.Clone(o)
	gone["metadata"] = maps.Clone(metadataIn(o))
	metadataIn(gone)["resourceVersion"] = strconv.Itoa(s.version)
	s.history = append(s.history, change{"DELETED", path, s.version, gone})
	return true
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(statusOf(code, reason, message))
}

func statusOf(code int, reason metav1.StatusReason, message string) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	}
}

// A target is what a path means.
type target struct {
	groupVersion, resource, namespace, name, sub string
}

// path is where the object is kept. All versions have the same objects.
func (t *target) path() string {
	group, _, _ := strings.Cut(t.groupVersion, "/")
	return group + " " + t.resource + " " + t.namespace + " " + t.name
}

func parsePath(path string) (t target) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if parts[0] == "api" {
		t.groupVersion, parts = "v1", parts[2:]
	} else {
		t.groupVersion, parts = parts[1]+"/"+parts[2], parts[3:]
	}
	if len(parts) >= 2 && parts[0] == "namespaces" {
		t.namespace, parts = parts[1], parts[2:]
	}
	for i, to := range []*string{&t.resource, &t.name, &t.sub} {
		if i < len(parts) {
			*to = parts[i]
		}
	}
	return t
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
	before := s.before
	s.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	t := parsePath(r.URL.Path)
	s.mu.Lock()
	resources, served := s.versions[t.groupVersion]
	s.mu.Unlock()
	builtIn := t.groupVersion == "v1" || strings.HasPrefix(t.groupVersion, "coordination.")
	switch {
	case t.resource == "" && served:
		list := metav1.APIResourceList{GroupVersion: t.groupVersion}
		for _, name := range resources {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: name, Namespaced: true})
		}
		_ = json.NewEncoder(w).Encode(list)
	case !builtIn && (!served || !slices.Contains(resources, t.resource)):
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
	case r.Method != http.MethodGet:
		s.write(w, r, &t)
	case t.name != "":
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answer(w, &t)
	case r.URL.Query().Get("watch") != "":
		s.watch(w, r, &t)
	default:
		s.list(w, r, &t)
	}
}

// answer answers with an object.
func (s *apiServer) answer(w http.ResponseWriter, t *target) {
	o, ok := s.objects[t.path()]
	if !ok {
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, t.resource+" "+t.name+" not found")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

func (s *apiServer) write(w http.ResponseWriter, r *http.Request, t *target) {
	var o map[string]any
	data, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(data, &o)
	if r.Method == http.MethodPost {
		t.name, _ = metadataIn(o)["name"].(string)
	}
	s.do(func() {
		before, exists := s.objects[t.path()]
		wanted, _ := metadataIn(o)["resourceVersion"].(string)
		switch {
		case r.Method == http.MethodPost && exists:
			refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists, t.name+" already exists")
			return
		case r.Method != http.MethodPost && !exists:
			refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, t.name+" not found")
			return
		case exists && wanted != "" && wanted != metadataIn(before)["resourceVersion"]:
			refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the object has been modified")
			return
		}
		switch r.Method {
		case http.MethodDelete:
			s.remove(t.path())
			_ = json.NewEncoder(w).Encode(metav1.Status{Status: metav1.StatusSuccess})
			return
		case http.MethodPatch:
			changed := maps.Clone(before)
			changed["metadata"] = maps.Clone(metadataIn(before))
			changed["status"] = o["status"]
			s.put(t.path(), changed, true)
		default:
			s.put(t.path(), o, false)
		}
		s.answer(w, t)
	})
}

// matches reports whether a path is one of those that are asked for.
func (t *target) matches(path string, o map[string]any, r *http.Request) bool {
	all := *t
	prefix := all.path()
	if t.namespace == "" {
		prefix = strings.TrimRight(prefix, " ") + " "
	}
	name, ok := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	return strings.HasPrefix(path, prefix) && (!ok || metadataIn(o)["name"] == name)
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, t *target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion")); at > s.version {
		status := statusOf(http.StatusGatewayTimeout, metav1.StatusReasonTimeout, "Too large resource version")
		status.Details = &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version"}}}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusGatewayTimeout)
		_ = json.NewEncoder(w).Encode(status)
		return
	}
	items := []any{}
	for _, path := range slices.Sorted(maps.Keys(s.objects)) {
		if t.matches(path, s.objects[path], r) {
			items = append(items, s.objects[path])
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": t.groupVersion, "kind": "List", "items": items,
		"metadata": map[string]any{"resourceVersion": strconv.Itoa(s.version)},
	})
}

// watch sends changes until the watches are cut.
func (s *apiServer) watch(w http.ResponseWriter, r *http.Request, t *target) {
	query := r.URL.Query()
	at, _ := strconv.Atoi(query.Get("resourceVersion"))
	initial := query.Get("sendInitialEvents") == "true"
	s.mu.Lock()
	generation, streams := s.generation, s.streams
	tooOld := !initial && at+1 < s.oldest || !initial && at > s.version
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	send := func(kind string, o any) {
		_ = e.Encode(map[string]any{"type": kind, "object": o})
	}
	switch {
	case initial && !streams:
		refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents is forbidden")
		return
	case tooOld:
		send("ERROR", statusOf(http.StatusGone, metav1.StatusReasonExpired, "too old resource version"))
		return
	}
	bookmark := func(version int, end bool) map[string]any {
		metadata := map[string]any{"resourceVersion": strconv.Itoa(version)}
		if end {
			metadata["annotations"] = map[string]any{metav1.InitialEventsAnnotationKey: "true"}
		}
		return map[string]any{"kind": "Bookmark", "apiVersion": t.groupVersion, "metadata": metadata}
	}
	for first := true; ; first = false {
		s.mu.Lock()
		if first && initial {
			for path, o := range s.objects {
				if t.matches(path, o, r) {
					send("ADDED", o)
				}
			}
			at = s.version
			send("BOOKMARK", bookmark(at, true))
		}
		if at+1 < s.oldest {
			send("ERROR", statusOf(http.StatusGone, metav1.StatusReasonExpired, "too old resource version"))
			s.mu.Unlock()
			return
		}
		sent := false
		for _, c := range s.history {
			if c.version > at && t.matches(c.path, c.object, r) {
				send(c.kind, c.object)
				sent = true
			}
		}
		if at < s.version {
			at = s.version
			if !sent && query.Get("allowWatchBookmarks") == "true" {
				send("BOOKMARK", bookmark(at, false))
			}
		}
		ended, torn, news := s.generation != generation, s.torn, s.news
		s.mu.Unlock()
		if ended {
			if torn {
				_, _ = io.WriteString(w, `{"type":"MODIFIED","object":{"apiVersion":"netw`)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-news:
		case <-r.Context().Done():
			return
		}
	}
}
