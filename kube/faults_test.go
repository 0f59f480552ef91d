package kube

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scene is a cluster with one route, and what serves it.
func scene(t *testing.T, prepare func(api *apiServer)) (*apiServer, *cluster, *served) {
	api := newAPIServer(t)
	c := newCluster(t, api.config())
	c.apply(door + "\n---\n" + says("cart", "one"))
	if prepare != nil {
		prepare(api)
	}
	s := serve(t, api.config(), Options{})
	s.answers("http://cart.example.com/", 200, "one")
	return api, c, s
}

// unseen changes objects while nothing is heard of the API server.
func (s *apiServer) unseen(change func(put func(text string))) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(func(text string) {
		for _, u := range parse(s.t, text) {
			group := u.GroupVersionKind().Group
			for _, k := range kinds {
				if k.name == u.GetKind() {
					s.put(group+" "+k.resource+" "+u.GetNamespace()+" "+u.GetName(), u.Object, false)
				}
			}
		}
	})
}

func TestWatchesAreCut(t *testing.T) {
	for _, torn := range []bool{false, true} {
		t.Run(fmt.Sprint("inside of a line: ", torn), func(t *testing.T) {
			api, c, s := scene(t, nil)
			for i := range 5 {
				text := fmt.Sprint("cut ", i)
				api.unseen(func(put func(string)) { put(says("cart", text)) })
				api.cut(torn)
				s.answers("http://cart.example.com/", 200, text)
			}
			c.apply(says("cart", "after all"))
			s.answers("http://cart.example.com/", 200, "after all")
		})
	}
}

func TestHistoryIsGone(t *testing.T) {
	api, c, s := scene(t, nil)
	c.apply(says("news", "one"))
	s.answers("http://news.example.com/", 200, "one")
	api.mu.Lock()
	api.put("networking.istio.io virtualservices shop cart", parse(t, says("cart", "two"))[0].Object, false)
	api.remove("networking.istio.io virtualservices shop news")
	api.mu.Unlock()
	api.expire()
	api.cut(false)
	s.answers("http://cart.example.com/", 200, "two")
	s.answers("http://news.example.com/", 404, "")
}

// A server whose data were restored from an earlier time has lower versions.
func TestVersionsGoBack(t *testing.T) {
	api, c, s := scene(t, nil)
	api.restart(50)
	c.apply(says("cart", "restored"))
	s.answers("http://cart.example.com/", 200, "restored")
}

// A bookmark says from where a watch can go on, so that not all objects are listed again.
func TestBookmarks(t *testing.T) {
	api, c, s := scene(t, nil)
	lists := func() int { return api.count("gateways?") - api.count("gateways?allowWatchBookmarks") }
	before := lists()
	for i := range 20 {
		c.apply(says("cart", fmt.Sprint("change ", i)))
	}
	s.answers("http://cart.example.com/", 200, "change 19")
	// The watch of Gateways has got nothing but bookmarks.
	api.cut(false)
	require.Eventually(t, func() bool {
		return api.count(fmt.Sprint("gateways?allowWatchBookmarks=true&resourceVersion=", 100+2+20)) > 0
	}, patience, time.Millisecond)
	c.apply(says("cart", "two"))
	s.answers("http://cart.example.com/", 200, "two")
	require.Equal(t, before, lists())
}

func TestWatchesBeginWithAllObjects(t *testing.T) {
	api, c, s := scene(t, func(api *apiServer) { api.streams = true })
	c.apply(says("cart", "two"))
	s.answers("http://cart.example.com/", 200, "two")
	api.cut(true)
	c.apply(says("cart", "three"))
	s.answers("http://cart.example.com/", 200, "three")
	require.Zero(t, api.count("virtualservices?resourceVersion"))
}

// While the API server fails, what is known is served.
func TestServerFails(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request){
		"500": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError, "no leader")
		},
		"503 without a body": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"a proxy's page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprint(w, "<html>sign in</html>")
		},
		"401": func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
		},
		"no answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = fmt.Fprint(w, `{"kind":"List","items":[`)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			api, _, s := scene(t, nil)
			var failed atomic.Int64
			api.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				failed.Add(1)
				fail(w, r)
				return true
			})
			api.expire()
			api.cut(true)
			require.Eventually(t, func() bool { return failed.Load() > 20 }, patience, time.Millisecond)
			s.answers("http://cart.example.com/", 200, "one")
			if repeats := strings.HasSuffix(name, "answer"); !repeats {
				// Without an answer, client-go repeats a request for some time.
				require.Eventually(t, func() bool { return s.source.Status().Kinds[0].Err != nil }, patience, time.Millisecond)
				require.Equal(t, 1, strings.Count(s.log.String(), "kind=gateways.networking.istio.io namespace=\"\" error"), "once")
			}
			api.unseen(func(put func(string)) { put(says("cart", "recovered")) })
			api.intercept(nil)
			s.answers("http://cart.example.com/", 200, "recovered")
			require.EventuallyWithT(t, func(t *assert.CollectT) {
				for _, k := range s.source.Status().Kinds {
					require.NoError(t, k.Err)
				}
			}, patience, 5*time.Millisecond)
		})
	}
}

func TestTooManyRequests(t *testing.T) {
	var refused atomic.Int64
	api, c, s := scene(t, func(api *apiServer) {
		api.before = func(w http.ResponseWriter, r *http.Request) bool {
			if refused.Add(1) > 20 {
				return false
			}
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "too many")
			return true
		}
	})
	api.intercept(nil)
	c.apply(says("cart", "two"))
	s.answers("http://cart.example.com/", 200, "two")
}

// A kind that may not be read is a warning that names the right. Others are read.
func TestRightIsMissing(t *testing.T) {
	var granted atomic.Bool
	api, _, s := scene(t, func(api *apiServer) {
		api.before = func(w http.ResponseWriter, r *http.Request) bool {
			if granted.Load() || !strings.Contains(r.URL.Path, "/serviceentries") {
				return false
			}
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, `serviceentries is forbidden: User "lateen" cannot list`)
			return true
		}
	})
	require.Contains(t, s.log.String(), "the right to list and watch serviceentries.networking.istio.io in the whole cluster is missing")
	to := backend(t, "entry")
	api.unseen(func(put func(string)) {
		put(strings.ReplaceAll(leads("entry", ""), "host: entry", "host: entry.example.org"))
		put(fmt.Sprintf(`apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: entry, namespace: shop}
spec:
  hosts: [entry.example.org]
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: %d}]
  resolution: STATIC
  endpoints: [{address: %s}]`, to, machine()))
	})
	api.cut(false)
	s.answers("http://entry.example.com/", 503, "")
	granted.Store(true)
	s.answers("http://entry.example.com/", 200, "entry")
}

// Another version of the same objects is read if the preferred one is not served, and a
// kind that is installed later is read from then on.
func TestVersions(t *testing.T) {
	api, c, s := scene(t, func(api *apiServer) {
		delete(api.versions, "networking.istio.io/v1")
		delete(api.versions, "telemetry.istio.io/v1")
		api.versions["networking.istio.io/v1alpha3"] = []string{"gateways", "virtualservices"}
	})
	versions := func() map[string]string {
		out := map[string]string{}
		for _, k := range s.source.Status().Kinds {
			out[k.Kind] = k.Version
		}
		return out
	}
	require.Equal(t, "v1beta1", versions()["VirtualService"])
	require.Empty(t, versions()["RateLimitConfig"])
	require.Contains(t, s.log.String(), "the cluster has no such kind: it is looked for again from time to time\" kind=ratelimitconfigs.networking.istio.io")
	api.do(func() {
		api.versions["networking.istio.io/v1alpha3"] = []string{"gateways", "virtualservices", "ratelimitconfigs"}
	})
	c.apply(strings.NewReplacer("requestsPerUnit: 100", "requestsPerUnit: 1", "SECOND", "YEAR").Replace(limited))
	s.answers("http://cart.example.com/", 429, "")
	require.Equal(t, 1, strings.Count(s.log.String(), "kind=ratelimitconfigs.networking.istio.io\n"))

	// A version that is no longer served is replaced by another one.
	api.do(func() {
		delete(api.versions, "networking.istio.io/v1beta1")
		api.generation++
	})
	api.unseen(func(put func(string)) {
		put(strings.Replace(says("cart", ""), "status: 200", "status: 404", 1))
	})
	require.EventuallyWithT(t, func(t *assert.CollectT) { require.Equal(t, "v1alpha3", versions()["VirtualService"]) }, patience, 5*time.Millisecond)

	// The objects of a kind that is removed are gone.
	api.do(func() {
		api.versions["networking.istio.io/v1alpha3"] = []string{"gateways", "virtualservices"}
		api.generation++
		api.expireLocked()
	})
	s.answers("http://cart.example.com/", 404, "")
}

func (s *apiServer) expireLocked() { s.oldest, s.history = s.version+1, nil }

// At start, the API server is waited for, and the error says what is missing.
func TestServerIsOutOfReach(t *testing.T) {
	api := newAPIServer(t)
	api.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/virtualservices") {
			<-r.Context().Done()
			return true
		}
		return false
	})
	c, err := clientsOf(api.config())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = open(ctx, c, Options{}, quick)
	require.EqualError(t, err, "the API server "+api.URL+" could not be read in time; virtualservices.networking.istio.io: no answer")

	api.Server.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = open(ctx, c, Options{}, quick)
	require.ErrorContains(t, err, "connection refused")
}

// Changes that come at once are read a few times, and the last one counts.
func TestBurst(t *testing.T) {
	api, _, s := scene(t, nil)
	before := s.generations()
	const changes = 5000
	template := parse(t, says("cart", ""))[0]
	api.do(func() {
		for i := range changes {
			u := template.DeepCopy()
			route := u.Object["spec"].(map[string]any)["http"].([]any)[0].(map[string]any)
			route["directResponse"].(map[string]any)["body"] = map[string]any{"string": fmt.Sprint("change ", i+1)}
			api.put("networking.istio.io virtualservices shop cart", u.Object, false)
		}
	})
	s.answers("http://cart.example.com/", 200, fmt.Sprint("change ", changes))
	require.Less(t, s.generations()-before, changes/50)
}

// With the default pauses, changes are in sync within 2 s after the API server has
// recovered: the longest pause, and the longest quiet.
func TestDefaultPauses(t *testing.T) {
	require.Less(t, defaultPauses.last*3/2+defaultQuiet, 2*time.Second)
	require.Less(t, defaultPauses.lease.renewed, defaultPauses.lease.duration)
}

// A source that is closed still has what it knows, and Watch says that it follows nothing.
func TestClosed(t *testing.T) {
	api := newAPIServer(t)
	newCluster(t, api.config()).apply(door)
	c, err := clientsOf(api.config())
	require.NoError(t, err)
	s, err := open(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)}, quick)
	require.NoError(t, err)
	s.Close()
	s.Close()
	d, err := s.Declare()
	require.NoError(t, err)
	require.Len(t, d.Servers, 1)
	require.EqualError(t, s.Watch(t.Context(), nil), "the source is closed")
}
