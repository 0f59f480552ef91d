package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/testwire"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// seen is what observers and clients are told of a request.
func seen(o *observe.Outcome) string {
	return strings.TrimRight(fmt.Sprint(o.Status, " ", o.Flags, " ", o.Details), " ")
}

// toClient is a response and its end.
func toClient(response *http.Response, err error) string {
	if err != nil {
		return "no response"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	end := ""
	if err != nil {
		end = " cut"
	}
	return fmt.Sprint(response.StatusCode, " ", string(body), end)
}

func TestStreamIdleTimeout(t *testing.T) {
	const limit = time.Minute
	waits := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	begins := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		// send is a body that the client sends, if it is not nil.
		send   func(w *io.PipeWriter)
		client string
		seen   string
		after  time.Duration
	}{
		{"the handler says nothing", waits, nil, "504 stream timeout", "504 SI stream_idle_timeout", limit},
		{"the handler answers something else", func(w http.ResponseWriter, r *http.Request) {
			waits(w, r)
			http.Error(w, "gone", http.StatusInternalServerError)
		}, nil, "504 stream timeout", "504 SI stream_idle_timeout", limit},
		{"the handler gives up", func(w http.ResponseWriter, r *http.Request) {
			waits(w, r)
			panic(http.ErrAbortHandler)
		}, nil, "504 stream timeout", "504 SI stream_idle_timeout", limit},
		{"the handler looks for the cause", func(w http.ResponseWriter, r *http.Request) {
			waits(w, r)
			w.WriteHeader(http.StatusGatewayTimeout)
			fmt.Fprint(w, context.Cause(r.Context()))
		}, nil, "504 stream timeout", "504 SI stream_idle_timeout", limit},
		{"the body does not come", readsAll, func(*io.PipeWriter) {}, "408 stream timeout", "408 SI stream_idle_timeout", limit},
		{"the body pauses", readsAll, func(w *io.PipeWriter) {
			_, _ = w.Write([]byte("a"))
			time.Sleep(59 * time.Second)
			_, _ = w.Write([]byte("b"))
		}, "408 stream timeout", "408 SI stream_idle_timeout", limit + 59*time.Second},
		{"the body has come", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			waits(w, r)
		}, func(w *io.PipeWriter) { _, _ = w.Write([]byte("a")); _ = w.Close() }, "504 stream timeout", "504 SI stream_idle_timeout", limit},
		{"the response stops", func(w http.ResponseWriter, r *http.Request) {
			begins(w, r)
			waits(w, r)
		}, nil, "200 some cut", "200 via_upstream", limit},
		{"the response stops, and the handler gives up", func(w http.ResponseWriter, r *http.Request) {
			begins(w, r)
			waits(w, r)
			panic(http.ErrAbortHandler)
		}, nil, "200 some cut", "200 SI stream_idle_timeout", limit},
		{"the handler goes on", func(w http.ResponseWriter, r *http.Request) {
			begins(w, r)
			time.Sleep(time.Hour)
			_, err := io.WriteString(w, "more")
			require.Error(t, err)
		}, nil, "200 some cut", "200 SI stream_idle_timeout", limit},
		{"something moves", func(w http.ResponseWriter, r *http.Request) {
			for range 5 {
				time.Sleep(59 * time.Second)
				begins(w, r)
			}
		}, nil, "200 somesomesomesomesome", "200  via_upstream", 5 * 59 * time.Second},
		{"the body moves, and then the response", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(59 * time.Second)
			begins(w, r)
		}, func(w *io.PipeWriter) {
			for range 3 {
				time.Sleep(59 * time.Second)
				_, _ = w.Write([]byte("a"))
			}
			_ = w.Close()
		}, "200 some", "200  via_upstream", 4 * 59 * time.Second},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(tt.name+" over "+protocol, func(t *testing.T) {
				outcome := ""
				b := toApp(tt.handler).Server(plain(80)).Observe(observe.Func(func(o *observe.Outcome) { outcome = seen(o) }))
				c := Config{StreamIdleTimeout: limit, MinBodyRate: spec.NoLimit}
				builtInMemory(t, b, c, func(t *testing.T, m *memory, s *Listeners) {
					client := overPipes(t, m)
					if protocol == "HTTP/1.1" {
						client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(false)
						client.Transport.(*http.Transport).Protocols.SetHTTP1(true)
					}
					defer client.CloseIdleConnections()
					begun := time.Now()
					var got string
					if tt.send == nil {
						got = toClient(client.Get("http://a/"))
					} else {
						body, do := post(t, client, "text/plain")
						go tt.send(body)
						got = toClient(do())
						_ = body.Close()
					}
					require.Equal(t, tt.client, got)
					require.Equal(t, tt.after, time.Since(begun).Truncate(time.Second))
					time.Sleep(2 * time.Hour)
					client.CloseIdleConnections()
					synctest.Wait()
					require.Equal(t, strings.TrimSpace(strings.Replace(tt.seen, "200 via", "200  via", 1)), outcome)
				})
			})
		}
	}
}

// TestIdleUpgrades ends upgraded connections on which nothing moves, in either direction.
func TestIdleUpgrades(t *testing.T) {
	for _, tt := range []struct {
		name         string
		client, says bool
		after        time.Duration
	}{
		{"nothing", false, false, time.Minute},
		{"the client speaks", true, false, 6 * time.Minute},
		{"the handler speaks", false, true, 6 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			handler := func(w http.ResponseWriter, r *http.Request) {
				conn, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
				if tt.says {
					go func() {
						for range 6 {
							time.Sleep(50 * time.Second)
							_, _ = io.WriteString(conn, "x")
						}
					}()
				}
				_, _ = io.Copy(io.Discard, rw)
				<-r.Context().Done()
				_ = conn.Close()
			}
			inMemory(t, plain(80), Config{StreamIdleTimeout: time.Minute}, handler, func(t *testing.T, m *memory, s *Listeners) {
				conn := m.dial("192.0.2.1:1")
				begun := time.Now()
				_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly")
				require.NoError(t, err)
				in := bufio.NewReader(conn)
				status, _ := statusOf(t, in, begun)
				require.Equal(t, 101, status)
				if tt.client {
					go func() {
						for range 6 {
							time.Sleep(50 * time.Second)
							_, _ = io.WriteString(conn, "x")
						}
					}()
				}
				_, err = io.Copy(io.Discard, in)
				require.True(t, err == nil || errors.Is(err, io.ErrClosedPipe), err)
				require.Equal(t, tt.after, time.Since(begun))
				_ = conn.Close()
				synctest.Wait()
			})
		})
	}
}

// TestIdleBackends answers for a backend that says nothing.
func TestIdleBackends(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/some" {
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer backend.Close()
	outcomes := make(chan string, 1)
	b := gateway.New().BackendURL("app", backend.URL).Route(spec.Route{Destinations: []spec.Destination{{Host: "app"}}}).Server(plain(80)).Observe(observe.Func(func(o *observe.Outcome) { outcomes <- seen(o) }))
	s, _ := start(t, b, local(Config{StreamIdleTimeout: 50 * time.Millisecond}, 80))
	for _, tt := range []struct{ path, body, client, seen string }{
		{"/", "", "504 stream timeout", "504 SI stream_idle_timeout"},
		{"/some", "", "200 some cut", "200 SI stream_idle_timeout"},
		{"/", "unfinished", "408 stream timeout", "408 SI stream_idle_timeout"},
	} {
		for _, client := range []*http.Client{{Transport: &http.Transport{DisableKeepAlives: true}}, overH2C(t)} {
			method, body := "GET", io.Reader(nil)
			if tt.body != "" {
				read, write := io.Pipe()
				defer write.Close()
				method, body = "POST", io.MultiReader(strings.NewReader(tt.body), read)
			}
			r, err := http.NewRequest(method, "http://"+s.Addr(80).String()+tt.path, body)
			require.NoError(t, err)
			require.Equal(t, tt.client, toClient(client.Do(r)), tt.path)
			require.Equal(t, tt.seen, testwire.Within(t, outcomes))
		}
	}
}
