package program_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// Exchanges are reused for requests that nothing refers to, and none of them
// may see anything of another.
func TestExchangesThatAreUsedAgain(t *testing.T) {
	exchanges := 200
	if testing.Short() {
		exchanges = 60
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Fail") != "" {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %s %s %s", r.URL, r.Header["X-N"], r.Header["X-Color"],
			r.Header["X-Forwarded-For"], r.Header["X-Added"], body))
	}))
	defer backend.Close()
	for _, transport := range []gateway.Transport{gateway.TransportDirect, gateway.TransportNetHTTP} {
		t.Run(fmt.Sprint(transport), func(t *testing.T) {
			gw, err := gateway.New().Transport(transport).BackendURL("app", backend.URL).Route(spec.Route{
				Match:        []spec.Match{{URI: spec.Prefix("/a")}},
				Rewrite:      &spec.Rewrite{URI: "/b"},
				Headers:      spec.Headers{Request: testhttp.Ops{Add: testhttp.Lines{"X-Added": "yes"}}, Response: testhttp.Ops{Add: testhttp.Lines{"X-Response": "yes"}}},
				Destinations: []spec.Destination{{Host: "app"}},
			}).Build()
			require.NoError(t, err)
			defer gw.Close()
			server := httptest.NewServer(gw.InPlace())
			defer server.Close()

			var running sync.WaitGroup
			for client := range 8 {
				running.Go(func() {
					for i := range exchanges {
						n := fmt.Sprint(client, ".", i)
						r, _ := http.NewRequest(http.MethodGet, server.URL+"/a/"+n, nil)
						r.Header["X-N"] = []string{n}
						want := []string{n}
						if i%3 == 0 {
							r.Header["X-Color"] = []string{"red " + n, "blue"}
						}
						body := ""
						switch i % 5 {
						case 1:
							r.Method, body = http.MethodPost, "body "+n
							r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
						case 2:
							r.Header.Set("X-Fail", "1")
						}
						response, err := server.Client().Do(r)
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, response.Body)
						response.Body.Close()
						if i%5 == 2 {
							if response.StatusCode/100 != 5 {
								t.Errorf("status %d", response.StatusCode)
							}
							continue
						}
						seen := fmt.Sprintf("/b/%s %s %s [127.0.0.1] [yes] %s", n, want, r.Header["X-Color"], body)
						if got := response.Header.Get("X-Seen"); got != strings.TrimSpace(seen) || response.Header.Get("X-Response") != "yes" {
							t.Errorf("%q, not %q", got, seen)
						}
					}
				})
			}
			running.Wait()
		})
	}
}
