package upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/internal/testwire"
)

// frontClients are clients of both protocols.
func frontClients(t *testing.T) map[string]*http.Transport {
	clients := make(map[string]*http.Transport)
	for _, protocol := range []string{"http/1.1", "h2c"} {
		client := &http.Transport{Protocols: new(http.Protocols), MaxIdleConnsPerHost: 100}
		client.Protocols.SetHTTP1(protocol == "http/1.1")
		client.Protocols.SetUnencryptedHTTP2(protocol == "h2c")
		t.Cleanup(client.CloseIdleConnections)
		clients[protocol] = client
	}
	return clients
}

// Whatever clients and backends do to each other, an answer belongs to its own
// request.
func TestEveryAnswerIsItsRequests(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		address := httpBackend(t, func(w http.ResponseWriter, r *http.Request) {
			id := r.URL.RawQuery
			w.Header().Set("X-Id", id)
			switch r.URL.Path {
			case "/echo":
				_, _ = io.Copy(w, r.Body)
			case "/chunks":
				for range 5 {
					_, _ = io.WriteString(w, id+"\n")
					_ = http.NewResponseController(w).Flush()
				}
			case "/cut":
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, id)
				panic(http.ErrAbortHandler)
			case "/close":
				w.Header().Set("Connection", "close")
				_, _ = io.WriteString(w, id)
			case "/long":
				_, _ = io.WriteString(w, strings.Repeat(id+"\n", 20_000))
			case "/early":
				w.WriteHeader(http.StatusForbidden)
			}
		})
		f := proxy(t, transport, address)
		exchanges := 40
		if testing.Short() {
			exchanges = 16
		}
		for protocol, client := range frontClients(t) {
			t.Run(protocol, func(t *testing.T) {
				var running sync.WaitGroup
				for worker := range 8 {
					running.Go(func() {
						for i := range exchanges {
							id := fmt.Sprintf("%d.%d", worker, i)
							if err := tryExchange(t.Context(), client, f.server.URL, (worker+i)%8, id); err != nil {
								t.Errorf("%s: %v", id, err)
							}
						}
					})
				}
				running.Wait()
			})
		}
	})
}

// tryExchange sends a request of the given kind with its id, and returns the
// error in its answer.
func tryExchange(ctx context.Context, client *http.Transport, url string, kind int, id string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path, method, body, want := "/echo", "POST", io.Reader(nil), id
	switch kind {
	case 0:
		body = strings.NewReader(id)
	case 1:
		body = io.MultiReader(strings.NewReader(id))
	case 2:
		path, method, want = "/chunks", "GET", strings.Repeat(id+"\n", 5)
	case 3:
		path, method = "/cut", "GET"
	case 4:
		path, method = "/close", "GET"
	case 5:
		path, method, want = "/long", "GET", strings.Repeat(id+"\n", 20_000)
	case 6:
		// The client disconnects in the middle of the answer.
		path, method = "/long", "GET"
	case 7:
		path, body, want = "/early", bytes.NewReader(make([]byte, 100_000)), ""
	}
	r, err := http.NewRequestWithContext(ctx, method, url+path+"?"+id, body)
	if err != nil {
		return err
	}
	response, err := client.RoundTrip(r)
	if err != nil {
		// A cut answer may not have a head, and a client whose upload is refused
		// may fail to send it.
		if kind == 3 || kind == 7 {
			return nil
		}
		return err
	}
	defer response.Body.Close()
	if got := response.Header.Get("X-Id"); got != id && response.StatusCode < 500 {
		return fmt.Errorf("the answer is that to %q", got)
	}
	if kind == 6 {
		_, _ = io.ReadFull(response.Body, make([]byte, 10))
		cancel()
		return nil
	}
	got, err := io.ReadAll(response.Body)
	switch {
	case kind == 3:
		if err == nil && response.StatusCode == 200 {
			return fmt.Errorf("%q looks whole", got)
		}
		return nil
	case kind == 7:
		return nil
	case err != nil:
		return err
	case string(got) != want:
		return fmt.Errorf("body of %d bytes, not %d", len(got), len(want))
	}
	return nil
}

// Over HTTP/2, an upload that the backend does not want ends with its answer.
func TestEarlyResponseOverHTTP2(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		f := proxy(t, transport, testwire.Backend(t, answerEarly))
		body, out := io.Pipe()
		defer out.Close()
		r, err := http.NewRequestWithContext(t.Context(), "POST", f.server.URL, body)
		require.NoError(t, err)
		response, err := frontClients(t)["h2c"].RoundTrip(r)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, 413, response.StatusCode)
		got, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, "big", string(got))
	})
}

// A body that is longer than the gateway allows gets the right answer.
func TestTooLongBody(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		u := newUpstream(lingering{t}, to(transport, httpBackend(lingering{t}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		})))
		f := serveFront(lingering{t}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 10)
			u.ServeHTTP(w, r)
		}))
		response, text := f.do("POST", "/", io.MultiReader(strings.NewReader("more than ten bytes")))
		require.Equal(t, 413, response.StatusCode)
		require.Equal(t, "Payload Too Large", text)
	})
}
