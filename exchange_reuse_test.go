package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/upstream"
	"github.com/lateengo/gateway/spec"
)

// Exchanges are used again for requests that nobody keeps, and none of them may
// see anything of another.
func TestExchangesThatAreUsedAgain(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Fail") != "" {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %s %s %s", r.URL, r.Header["X-N"], r.Header["X-Color"],
			r.Header["X-Forwarded-For"], r.Header["X-Added"], body))
	}))
	defer backend.Close()
	for _, transport := range []upstream.Transport{upstream.Direct, upstream.NetHTTP} {
		t.Run(fmt.Sprint(transport), func(t *testing.T) {
			gw, err := New().Transport(transport).BackendURL("app", backend.URL).Route(spec.Route{
				Match:        []spec.Match{{URI: spec.Prefix("/a")}},
				Rewrite:      &spec.Rewrite{URI: "/b"},
				Headers:      spec.Headers{Request: ops{Add: lines{"X-Added": "yes"}}, Response: ops{Add: lines{"X-Response": "yes"}}},
				Destinations: []spec.Destination{{Host: "app"}},
			}).Build()
			require.NoError(t, err)
			defer gw.Close()
			server := httptest.NewServer(gw.Owning())
			defer server.Close()

			var running sync.WaitGroup
			for client := range 8 {
				running.Go(func() {
					for i := range 200 {
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

func TestWhichExchangesAreUsedAgain(t *testing.T) {
	direct := &destination{direct: true}
	body := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	none := httptest.NewRequest(http.MethodGet, "/", nil)
	over2 := func(length int64) *http.Request {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
		r.ProtoMajor, r.ContentLength = 2, length
		return r
	}
	tests := []struct {
		name  string
		v     view
		d     *destination
		route routeProgram
		want  bool
	}{
		{"no body", view{r: none, owned: true}, direct, routeProgram{}, true},
		{"not owned", view{r: none}, direct, routeProgram{}, false},
		{"a body", view{r: body, owned: true}, direct, routeProgram{}, false},
		{"none over HTTP/2", view{r: over2(0), owned: true}, direct, routeProgram{}, true},
		{"a body of unknown length over HTTP/2", view{r: over2(-1), owned: true}, direct, routeProgram{}, false},
		{"a handler", view{r: none, owned: true}, &destination{}, routeProgram{}, false},
		{"net/http's client", view{r: none, owned: true}, &destination{remote: true}, routeProgram{}, false},
		{"an upgrade", view{r: none, owned: true, upgrade: true}, direct, routeProgram{}, false},
		{"a mirror", view{r: none, owned: true}, direct, routeProgram{mirrors: make([]mirrorProgram, 1)}, false},
		{"a timeout", view{r: none, owned: true}, direct, routeProgram{timeout: 1}, false},
		{"a timeout of each try", view{r: none, owned: true}, direct, routeProgram{retry: &retryProgram{perTry: 1}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.route.retry == nil {
				tt.route.retry = new(retryProgram)
			}
			require.Equal(t, tt.want, tt.route.forgets(&tt.v, tt.d))
		})
	}
}
