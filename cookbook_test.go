package gateway_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/metrics"
	"github.com/lateengo/gateway/server"
	"github.com/lateengo/gateway/spec"
	"github.com/lateengo/gateway/spec/istio"
)

// named returns a handler that writes its name.
func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, name) })
}

// getWith is get with one request header.
func getWith(h http.Handler, url, name, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Testers always get the new version. Of all other requests it gets 5 %.
func Example_canary() {
	gw, err := gateway.New().
		Route(spec.Route{
			Name: "testers",
			Match: []spec.Match{ // one of these
				{Headers: map[string]spec.StringMatch{"X-Canary": spec.Exact("always")}},
				{Headers: map[string]spec.StringMatch{"Cookie": spec.Regex(`(.*; )?canary=always(;.*)?`)}},
			},
			Destinations: []spec.Destination{{Host: "shop-v2"}},
		}).
		Route(spec.Route{
			Name:         "everybody",
			Destinations: []spec.Destination{{Host: "shop", Weight: 95}, {Host: "shop-v2", Weight: 5}},
		}).
		Backend("shop", named("v1")).
		Backend("shop-v2", named("v2")).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	fmt.Print(getWith(gw, "/", "X-Canary", "always").Body)
	fmt.Print(getWith(gw, "/", "Cookie", "session=7; canary=always").Body)
	v2 := 0
	for range 10_000 {
		if get(gw, "/").Body.String() == "v2\n" {
			v2++
		}
	}
	fmt.Println("about 5 %:", v2 > 350 && v2 < 650)
	// Output:
	// v2
	// v2
	// about 5 %: true
}

// The counts of both versions show whether the new one fails more often.
func Example_watchCanary() {
	counts := new(metrics.Metrics)
	gw, err := gateway.New().
		Observe(counts).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop", Weight: 90}, {Host: "shop-v2", Weight: 10}}}).
		Backend("shop", named("v1")).
		Backend("shop-v2", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		})).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	for range 1000 {
		get(gw, "/")
	}
	for _, s := range counts.Series() {
		share := float64(s.Failures()) / float64(s.Requests())
		fmt.Printf("%s: promised %d %%, %.0f %% failed\n", s.Destination.Host, s.Destination.Weight, 100*share)
	}
	// Output:
	// shop-v2.default.svc.cluster.local: promised 10 %, 100 % failed
	// shop.default.svc.cluster.local: promised 90 %, 0 % failed
}

// Each user has a limit, and a lower one for the search.
func Example_limitPerUserAndPath() {
	user := spec.RateLimitAction{Kind: spec.ActionRequestHeader, Name: "X-User", Key: "user"}
	search := spec.RateLimitAction{
		Kind: spec.ActionHeaderMatch, Key: "path", Value: "search",
		Conditions: []spec.ActionCondition{{Name: ":path", Match: spec.Prefix("/search")}},
	}
	limited, err := gateway.RateLimitPolicy(spec.RateLimitPolicy{
		Descriptors: []spec.RateLimitDescriptor{
			{Actions: []spec.RateLimitAction{user}},
			{Actions: []spec.RateLimitAction{user, search}},
		},
		Global: &spec.GlobalRateLimit{Descriptors: []spec.DescriptorLimit{{
			Key:         "user",
			Limit:       &spec.DescriptorRate{Requests: 60, Unit: time.Minute},
			Descriptors: []spec.DescriptorLimit{{Key: "path", Value: "search", Limit: &spec.DescriptorRate{Requests: 10, Unit: time.Minute}}},
		}}},
	}, nil) // or a Limiter that all replicas share
	if err != nil {
		fmt.Println(err)
		return
	}
	h := limited(named("shop"))
	for _, path := range []string{"/search", "/"} {
		allowed := 0
		for range 50 {
			if getWith(h, path, "X-User", "alice").Code == http.StatusOK {
				allowed++
			}
		}
		fmt.Println(path, allowed)
	}
	// A refused search counts among all requests of the user, as in Envoy.
	// Output:
	// /search 10
	// / 10
}

// Each API key has its own limit. Clients without a key share a limit by
// address.
func Example_limitPerKey() {
	gw, err := gateway.New().
		Route(spec.Route{
			RateLimits: []spec.RateLimit{
				{
					Requests: 3,
					Unit:     time.Minute,
					Per:      []spec.LimitKey{{Header: "X-Api-Key"}},
				},
				{
					Requests: 1,
					Unit:     time.Minute,
					Per:      []spec.LimitKey{{RemoteAddress: true}},
					// The zero StringMatch means: the header is absent.
					When: &spec.Match{WithoutHeaders: map[string]spec.StringMatch{"X-Api-Key": {}}},
				},
			},
			Destinations: []spec.Destination{{Host: "api"}},
		}).
		Backend("api", named("api")).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	for _, key := range []string{"alice", "alice", "alice", "alice", "bob"} {
		fmt.Println(key, getWith(gw, "/", "X-Api-Key", key).Code)
	}
	fmt.Println("no key", get(gw, "/").Code)
	fmt.Println("no key", get(gw, "/").Code)
	// Output:
	// alice 200
	// alice 200
	// alice 200
	// alice 429
	// bob 200
	// no key 200
	// no key 429
}

// A limit per header does not apply to requests without the header.
func Example_limitPerKeyOnly() {
	perKey, err := gateway.RateLimit(spec.RateLimit{
		Requests: 1,
		Unit:     time.Minute,
		Per:      []spec.LimitKey{{Header: "X-Api-Key"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := perKey(named("api"))

	fmt.Println("alice", getWith(handler, "/", "X-Api-Key", "alice").Code)
	fmt.Println("alice", getWith(handler, "/", "X-Api-Key", "alice").Code)
	fmt.Println("no key", get(handler, "/").Code)
	fmt.Println("no key", get(handler, "/").Code)
	// Output:
	// alice 200
	// alice 429
	// no key 200
	// no key 200
}

// A request without a key gets 401, because the first route does not match it.
func Example_requireKey() {
	gw, err := gateway.New().
		Route(spec.Route{
			Match:        []spec.Match{{Headers: map[string]spec.StringMatch{"X-Api-Key": {}}}}, // present
			Destinations: []spec.Destination{{Host: "api"}},
		}).
		Route(spec.Route{
			DirectResponse: &spec.DirectResponse{Status: http.StatusUnauthorized, Body: []byte(`{"error":"send X-Api-Key"}`)},
			Headers: spec.Headers{
				Response: spec.HeaderOperations{Set: map[string]string{"Content-Type": "application/json"}},
			},
		}).
		Backend("api", named("api")).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	fmt.Println(getWith(gw, "/", "X-Api-Key", "alice").Code)
	w := get(gw, "/")
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Body)
	// Output:
	// 200
	// 401 application/json {"error":"send X-Api-Key"}
}

// Unmatched requests go to the fallback.
func Example_jsonNotFound() {
	notFound := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":"no such page"}`)
	})
	gw, err := gateway.New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/shop")}},
			Destinations: []spec.Destination{{Host: "shop"}},
		}).
		Backend("shop", named("shop")).
		Fallback(notFound).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	w := get(gw, "/other")
	fmt.Println(w.Code, w.Body)
	// Output: 404 {"error":"no such page"}
}

// jsonErrors makes JSON of an error that the gateway answers itself.
func jsonErrors(_ *http.Request, reply *gateway.LocalReply) {
	body, _ := json.Marshal(map[string]string{"error": http.StatusText(reply.Status)})
	reply.ContentType, reply.Body = "application/json", string(body)+"\n"
}

// A test of a limit does not wait.
func TestLimitWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit, err := gateway.RateLimit(spec.RateLimit{Requests: 1, Unit: time.Minute})
		require.NoError(t, err)
		h := limit(named("api"))
		require.Equal(t, http.StatusOK, get(h, "/").Code)
		require.Equal(t, http.StatusTooManyRequests, get(h, "/").Code)
		time.Sleep(time.Minute)
		require.Equal(t, http.StatusOK, get(h, "/").Code)
	})
}

// All error responses of the gateway become JSON.
func Example_jsonErrors() {
	gw, err := gateway.New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/shop")}},
			RateLimits:   []spec.RateLimit{{Requests: 1, Unit: time.Minute}},
			Destinations: []spec.Destination{{Host: "shop"}},
		}).
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/stock")}},
			Destinations: []spec.Destination{{Host: "stock"}},
		}).
		Backend("shop", named("shop")).
		BackendURL("stock", "http://127.0.0.1:1"). // nothing listens there
		LocalReply(jsonErrors).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	for _, path := range []string{"/shop", "/shop", "/stock", "/other"} {
		w := get(gw, path)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 shop
	// 429 {"error":"Too Many Requests"}
	// 503 {"error":"Service Unavailable"}
	// 404 {"error":"Not Found"}
}

// A server at a URL gets the client's Host header, unless the route rewrites it.
func Example_retry() {
	var requests atomic.Int64
	reviews := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%2 == 1 { // every first try fails
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, r.Host, r.URL)
	}))
	defer reviews.Close()

	retry := &spec.Retry{
		Attempts:      2,
		PerTryTimeout: time.Second,
		On:            []string{"connect-failure", "refused-stream", "503"},
	}
	gw, err := gateway.New().
		Route(spec.Route{
			Match:        []spec.Match{{URI: spec.Prefix("/internal/")}},
			Rewrite:      &spec.Rewrite{URI: "/", Authority: "reviews.internal"},
			Timeout:      3 * time.Second, // for all tries together
			Retry:        retry,
			Destinations: []spec.Destination{{Host: "reviews"}},
		}).
		Route(spec.Route{
			Timeout:      3 * time.Second,
			Retry:        retry,
			Destinations: []spec.Destination{{Host: "reviews"}},
		}).
		BackendURL("reviews", reviews.URL). // such as http://10.0.0.7:8080
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	fmt.Print(get(gw, "http://shop.example.com/7").Body)
	fmt.Print(get(gw, "http://shop.example.com/internal/7").Body)
	fmt.Println(requests.Load(), "tries")
	// Output:
	// shop.example.com /7
	// reviews.internal /7
	// 4 tries
}

// A TLS port, a plain-text port that redirects to it, and a graceful shutdown.
func Example_tls() {
	certFile, keyFile, client, cleanUp, err := testCertificate()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cleanUp()

	gw, err := gateway.New().
		Server(spec.Server{
			Port: 443, Hosts: []string{"*"},
			TLS: &spec.ServerTLS{Mode: spec.TLSSimple, CredentialName: "shop"},
		}).
		Server(spec.Server{
			Port: 80, Hosts: []string{"*"},
			TLS: &spec.ServerTLS{HTTPSRedirect: true},
		}).
		Route(spec.Route{Destinations: []spec.Destination{{Host: "shop"}}}).
		Backend("shop", named("shop")).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	s := server.New(gw, server.Config{
		Credentials: map[string]gateway.Credential{"shop": {CertificateFile: certFile, KeyFile: keyFile}},
		Addresses:   map[int]string{443: "127.0.0.1:0", 80: "127.0.0.1:0"}, // leave this out for ports 443 and 80
	})
	if err := s.Start(); err != nil {
		fmt.Println(err)
		return
	}
	for _, warning := range s.Warnings() { // such as a certificate that cannot be read
		fmt.Println(warning)
	}

	stopped, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	for _, url := range []string{"https://" + s.Addr(443).String(), "http://" + s.Addr(80).String()} {
		response, err := client.Get(url)
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(response.StatusCode)
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	stop() // in a program: defer stop()

	<-stopped.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := errors.Join(s.Shutdown(ctx), gw.Close()); err != nil {
		fmt.Println(err) // some requests did not finish in time
	}
	// Output:
	// 200
	// 301
}

// testCertificate writes the files of a certificate, and returns a client that
// trusts it and does not follow redirects.
func testCertificate() (certFile, keyFile string, client *http.Client, cleanUp func(), err error) {
	issuer := httptest.NewTLSServer(http.NotFoundHandler())
	directory, err := os.MkdirTemp("", "cookbook")
	cleanUp = func() {
		issuer.Close()
		_ = os.RemoveAll(directory)
	}
	certificate := issuer.TLS.Certificates[0]
	key, keyErr := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	certFile, keyFile = filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")
	err = errors.Join(err, keyErr,
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	client = issuer.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return certFile, keyFile, client, cleanUp, err
}

// A Builder reads its files again at each Replace.
func Example_reload() {
	directory, err := os.MkdirTemp("", "cookbook")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "shop.yaml")
	write := func(destination string) {
		text := fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*"]
  http: [{route: [{destination: %s}]}]
`, destination)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			fmt.Println(err)
		}
	}
	write("{host: shop}")

	builder := gateway.New().
		Load(istio.Files(file)).
		Backend("shop", named("v1")).
		Backend("shop-v2", named("v2"))
	gw, err := builder.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()
	report := func(err error) {
		fmt.Println("the old configuration stays:", strings.ReplaceAll(err.Error(), directory, ""))
	}
	reload := func() {
		if err := gw.Replace(builder); err != nil {
			report(err) // the old configuration stays
		}
	}

	fmt.Print(get(gw, "/").Body)
	write("{host: shop-v2}")
	reload()
	fmt.Print(get(gw, "/").Body)
	write("{hots: shop}")
	reload()
	fmt.Print(get(gw, "/").Body)
	// Output:
	// v1
	// v2
	// the old configuration stays: /shop.yaml:7:34: VirtualService default/shop: spec.http[0].route[0].destination.hots: unknown field; did you mean "host"?
	// v2
}

// Header values may contain operators, which are computed for each request.
func Example_operators() {
	gw, err := gateway.New().
		Route(spec.Route{
			Name: "shop",
			Headers: spec.Headers{
				Request: spec.HeaderOperations{Set: map[string]string{
					"X-Client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
					"X-User":   "%REQ(X-User?X-Login):8%", // at most 8 bytes
				}},
				Response: spec.HeaderOperations{Set: map[string]string{
					"X-Route": "%ROUTE_NAME% gave %RESPONSE_CODE%, 100%%",
				}},
			},
			Destinations: []spec.Destination{{Host: "shop"}},
		}).
		Backend("shop", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, r.Header.Get("X-Client"), r.Header.Get("X-User"))
		})).
		Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close()

	w := getWith(gw, "/", "X-Login", "alice.cooper")
	fmt.Print(w.Body)
	fmt.Println(w.Header().Get("X-Route"))
	// Output:
	// 192.0.2.1 alice.co
	// shop gave 200, 100%
}

// TestGuideOperators compares the guide's list of operators with the code: all of
// them exist, and none is missing.
func TestGuideOperators(t *testing.T) {
	guide, err := os.ReadFile("docs/guide.md")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, match := range regexp.MustCompile("`%([A-Z_0-9]+)(\\([^`]*\\))?(:[0-9]+)?%`").FindAllStringSubmatch(string(guide), -1) {
		listed[match[1]] = true
		_, err := gateway.Headers(spec.Headers{Response: spec.HeaderOperations{
			Set: map[string]string{"X": strings.Trim(match[0], "`")},
		}})
		require.NoError(t, err)
	}
	for _, file := range []string{"operators.go", "tlsoperators.go"} {
		code, err := os.ReadFile(filepath.Join("internal", "header", file))
		require.NoError(t, err)
		names := regexp.MustCompile(`(?m)^\t"([A-Z_0-9]+)": `).FindAllStringSubmatch(string(code), -1)
		require.NotEmpty(t, names)
		for _, name := range names {
			require.True(t, listed[name[1]], "the guide does not list %s", name[1])
		}
	}
	require.True(t, listed["HOSTNAME"])
}
