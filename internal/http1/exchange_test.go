package http1

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Exchanges are used again if the handler has forgotten them, and none of them sees
// anything of another. What a handler keeps otherwise stays as it was.
func TestExchangesThatAreUsedAgain(t *testing.T) {
	type keepsake struct {
		r      *http.Request
		header http.Header
		w      http.ResponseWriter
		n      string
	}
	var mu sync.Mutex
	var kept []keepsake
	address := start(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.Header.Get("X-N")
		if strings.HasSuffix(n, "7") {
			mu.Lock()
			kept = append(kept, keepsake{r, r.Header, w, n})
			mu.Unlock()
		} else {
			w.(interface{ RequestForgotten() }).RequestForgotten()
		}
		w.Header().Set("X-N", n)
		if strings.HasSuffix(n, "3") {
			w.Header().Set("X-Three", n)
			if r.Context().Err() != nil { // it asks, and so the exchange is not used again
				return
			}
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%v %s %q %d", r.Header, r.URL, body, r.ContentLength)
	})})
	requests := 300
	if testing.Short() {
		requests = 60
	}
	var clients sync.WaitGroup
	for client := range 6 {
		clients.Go(func() {
			conn, in := dial(t, address)
			for i := range requests {
				n := fmt.Sprint(client, ".", i)
				body, length := "", 0
				if i%4 == 1 {
					body = "body " + n
					length = len(body)
				}
				more := ""
				if i%5 == 2 {
					more = "X-More: " + n + "\r\nX-More: b\r\n"
				}
				send(t, conn, fmt.Sprintf("POST /%s?%s HTTP/1.1\r\nHost: a\r\nX-N: %s\r\n%sContent-Length: %d\r\n\r\n%s", n, n, n, more, length, body))
				response, got := answered(t, in)
				header := http.Header{"X-N": {n}, "Content-Length": {fmt.Sprint(length)}}
				if more != "" {
					header["X-More"] = []string{n, "b"}
				}
				if want := fmt.Sprintf("%v /%s?%s %q %d", header, n, n, body, length); got != want || response.Header.Get("X-N") != n || (response.Header.Get("X-Three") != "") != (i%10 == 3) {
					t.Errorf("%s %v, not %s", got, response.Header, want)
					return
				}
			}
		})
	}
	clients.Wait()
	require.NotEmpty(t, kept)
	for _, k := range kept {
		require.Equal(t, k.n, k.header.Get("X-N"))
		require.Equal(t, k.n, k.r.Header.Get("X-N"))
		require.Equal(t, "/"+k.n, k.r.URL.Path)
		require.Equal(t, k.n, k.w.Header().Get("X-N"))
		require.Error(t, k.r.Context().Err())
	}
}
