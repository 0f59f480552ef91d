package interop

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/spec"
)

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// fronts are clients for each protocol.
func fronts(t *testing.T) map[string]*http.Client {
	clients := map[string]*http.Client{}
	for name, set := range map[string]func(*http.Protocols, bool){
		"HTTP/1.1": (*http.Protocols).SetHTTP1, "HTTP/2": (*http.Protocols).SetUnencryptedHTTP2,
	} {
		transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
		set(transport.Protocols, true)
		t.Cleanup(transport.CloseIdleConnections)
		clients[name] = &http.Client{Transport: transport}
	}
	return clients
}

// A way is the path of a request through the gateway.
type way struct {
	client  *http.Client
	backend *process
	url     string
}

// eachWay runs test for every client, with each of the gateway's clients, with
// and without a timeout of the route.
func eachWay(t *testing.T, test func(t *testing.T, w way)) {
	for front, client := range fronts(t) {
		for name, transport := range transports {
			for policy, timeout := range map[string]time.Duration{"default policy": 0, "route timeout": time.Hour} {
				t.Run(front+"/"+name+"/"+policy, func(t *testing.T) {
					b := startProcess(t, childServes)
					address := to(t, gateway.Transport(transport), func(r *spec.Route) { r.Timeout = timeout }, b)
					test(t, way{client, b, "http://" + address})
					client.CloseIdleConnections()
				})
			}
		}
	}
}

// endless is a body that never ends.
type endless struct{ end <-chan struct{} }

func (b endless) Read([]byte) (int, error) {
	<-b.end
	return 0, io.ErrUnexpectedEOF
}

// A backend notices soon that its client is gone, before the response, in the
// middle of it, and in the middle of the request.
func TestCancellation(t *testing.T) {
	skipShort(t)
	eachWay(t, func(t *testing.T, w way) {
		for _, phase := range []string{"before", "response", "request"} {
			t.Run(phase, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				method, target, body := http.MethodGet, w.url+"/hold", io.Reader(nil)
				switch phase {
				case "response":
					target += "?begin=1"
				case "request":
					method, body = http.MethodPost, io.MultiReader(strings.NewReader("beginning"), endless{ctx.Done()})
				}
				request, err := http.NewRequestWithContext(ctx, method, target, body)
				require.NoError(t, err)
				ended := make(chan error, 1)
				go func() {
					response, err := w.client.Do(request)
					if err == nil {
						_, err = io.Copy(io.Discard, response.Body)
						response.Body.Close()
					}
					ended <- err
				}()
				require.Equal(t, "held", w.backend.next())
				time.Sleep(5 * time.Millisecond) // let the beginning arrive
				cancel()
				// Soon is before so many others are served, one after the other.
				const others = 1000
				served := 0
				for told := false; !told; {
					select {
					case report := <-w.backend.reports:
						require.Equal(t, "gone", report)
						told = true
					default:
						require.Less(t, served, others, "the backend is not told")
						response, err := w.client.Get(w.url + "/")
						require.NoError(t, err)
						_, err = io.Copy(io.Discard, response.Body)
						require.NoError(t, err)
						response.Body.Close()
						served++
					}
				}
				require.Error(t, <-ended)
				t.Logf("told after %d others", served)
			})
		}
	})
}

// A response whose backend is killed in the middle of it never looks complete.
func TestCutResponse(t *testing.T) {
	skipShort(t)
	eachWay(t, func(t *testing.T, w way) {
		for _, framing := range []string{"", "&chunked=1"} {
			for _, length := range []int{10, 4 << 10, 1 << 20} {
				t.Run(fmt.Sprintf("%d%s", length, framing), func(t *testing.T) {
					done := make(chan struct{})
					go func() {
						defer close(done)
						if w.backend.next() == "half" {
							time.Sleep(5 * time.Millisecond) // let it arrive
							_ = w.backend.command.Process.Kill()
						}
					}()
					response, err := w.client.Get(fmt.Sprintf("%s/half?length=%d%s", w.url, length, framing))
					require.NoError(t, err)
					defer response.Body.Close()
					require.Equal(t, http.StatusOK, response.StatusCode)
					body, err := io.ReadAll(response.Body)
					require.Error(t, err, "a response that was cut looks whole")
					require.Len(t, body, length/2, "what came before the cut is lost")
					<-done
					w.backend.kill()
					w.backend.start()
				})
			}
		}
	})
}

// A request whose client is gone in the middle of it never looks complete.
func TestCutRequest(t *testing.T) {
	skipShort(t)
	eachWay(t, func(t *testing.T, w way) {
		for _, length := range []int64{-1, 100} {
			t.Run(strconv.FormatInt(length, 10), func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				body := io.MultiReader(strings.NewReader("beginning"), endless{ctx.Done()})
				request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/take", io.NopCloser(body))
				require.NoError(t, err)
				request.ContentLength = length
				ended := make(chan error, 1)
				go func() {
					_, err := w.client.Do(request)
					ended <- err
				}()
				require.Equal(t, "taking", w.backend.next())
				cancel()
				require.Regexp(t, " false$", w.backend.next(), "a request that was cut looks whole")
				require.Error(t, <-ended)
			})
		}
	})
}

// A slow response is forwarded as it arrives, and delays no other.
func TestSlowBackend(t *testing.T) {
	skipShort(t)
	eachWay(t, func(t *testing.T, w way) {
		clients := startLoad(t, strings.TrimPrefix(w.url, "http://"), "/", 8, 4*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/drip", nil)
		require.NoError(t, err)
		response, err := w.client.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		for i := range drips {
			// The backend sends the next byte only when the client has this one.
			_, err = io.ReadFull(response.Body, make([]byte, 1))
			require.NoError(t, err, "the response is held back")
			if i == drips/2 {
				clients.progress(t, 5)
			}
			w.backend.get("/drop")
		}
		rest, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Empty(t, rest)
		seen := clients.take(0)
		require.Zero(t, seen.failures(), "%v", &seen)
	})
}
