package server

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/observe"
	"github.com/lateengo/gateway/spec"
)

// h2frame is a frame of HTTP/2.
func h2frame(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = binary.BigEndian.AppendUint32(append(head, flags), stream)
	return string(head) + payload
}

// aGet is the header of GET / to the host a.
const aGet = "\x82\x86\x84\x41\x01a"

// TestTailsThatAreNotTaken resets a stream whose client never takes what a handler has left
// behind. A handler may take as long as it wants.
func TestTailsThatAreNotTaken(t *testing.T) {
	for _, tt := range []struct {
		engine      Engine
		takes       time.Duration
		least, most time.Duration
	}{
		{EngineLateen, 0, 20 * time.Second, 21 * time.Second},
		{EngineLateen, 19 * time.Second, 14 * time.Second, 21 * time.Second},
		{EngineLateen, time.Hour, 14 * time.Second, 21 * time.Second},
		{EngineNetHTTP, 0, 20 * time.Second, 21 * time.Second},
		{EngineNetHTTP, time.Hour, 20 * time.Second, 21 * time.Second},
	} {
		t.Run(fmt.Sprint(tt.engine, " after ", tt.takes), func(t *testing.T) {
			handler := func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(tt.takes)
				_, _ = io.WriteString(w, "some")
			}
			inMemory(t, plain(80), Config{Engine: tt.engine, StreamIdleTimeout: spec.NoLimit}, handler, func(t *testing.T, m *memory, s *Listeners) {
				conn := m.dial("192.0.2.1:1")
				defer conn.Close()
				begun := time.Now()
				closed := h2frame(4, 0, 0, "\x00\x04\x00\x00\x00\x00") // SETTINGS: streams begin with a window of 0
				go func() {
					_, _ = io.WriteString(conn, clientPreface+closed+h2frame(headersFrame, 5, 1, aGet))
				}()
				require.NoError(t, conn.SetReadDeadline(begun.Add(2*time.Hour)))
				var all []byte
				for !strings.Contains(string(all), h2frame(3, 0, 1, "\x00\x00\x00\x02")) {
					part := make([]byte, 1000)
					n, err := conn.Read(part)
					require.NoError(t, err)
					all = append(all, part[:n]...)
				}
				waited := time.Since(begun) - tt.takes
				require.GreaterOrEqual(t, waited, tt.least)
				require.Less(t, waited, tt.most)
			})
		})
	}
}

// A handler over HTTP/2 may set a deadline of its own, near or far, and take it back.
func TestStreamsWithDeadlines(t *testing.T) {
	for _, engine := range []Engine{EngineLateen, EngineNetHTTP} {
		for _, tt := range []struct {
			wants, revoked bool
			after          time.Duration
		}{
			{true, false, time.Second},
			{true, false, 7 * time.Second},
			{true, false, 10 * time.Minute},
			{true, true, 7 * time.Second},
			{false, false, 0},
		} {
			t.Run(fmt.Sprint(engine, tt), func(t *testing.T) {
				handler := func(w http.ResponseWriter, r *http.Request) {
					if tt.wants {
						require.NoError(t, http.NewResponseController(w).SetWriteDeadline(time.Now().Add(tt.after)))
					}
					if tt.revoked {
						require.NoError(t, http.NewResponseController(w).SetWriteDeadline(time.Time{}))
					}
					select {
					case <-r.Context().Done():
					case <-time.After(time.Hour):
						_, _ = io.WriteString(w, "some")
					}
				}
				inMemory(t, plain(80), Config{Engine: engine, StreamIdleTimeout: spec.NoLimit}, handler, func(t *testing.T, m *memory, s *Listeners) {
					begun := time.Now()
					response, err := overPipes(t, m).Get("http://a/")
					if tt.wants && !tt.revoked {
						require.Error(t, err)
						require.InDelta(t, tt.after.Seconds(), time.Since(begun).Seconds(), 1)
						return
					}
					require.NoError(t, err)
					body, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.NoError(t, response.Body.Close())
					require.Equal(t, "some", string(body))
				})
			})
		}
	}
}

// TestRapidReset ends a connection whose client resets its requests at once, again and again,
// and does not run more handlers than streams.
func TestRapidReset(t *testing.T) {
	var running, most, calls atomic.Int64
	handler := func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(time.Hour) // it does not care
		running.Add(-1)
	}
	inMemory(t, plain(80), Config{MaxConcurrentStreams: 10}, handler, func(t *testing.T, m *memory, s *Listeners) {
		conn := m.dial("192.0.2.1:1")
		defer conn.Close()
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, err := io.WriteString(conn, clientPreface+h2frame(4, 0, 0, ""))
		require.NoError(t, err)
		sent := 0
		for ; err == nil && sent < 1000; sent++ {
			id := uint32(2*sent + 1)
			_, err = io.WriteString(conn, h2frame(headersFrame, 5, id, aGet)+h2frame(3, 0, id, "\x00\x00\x00\x08"))
			time.Sleep(10 * time.Millisecond)
		}
		require.Error(t, err, "the connection ends")
		require.Less(t, sent, 200, "it is told to go away, and has a second for that")
		synctest.Wait()
		require.LessOrEqual(t, most.Load(), int64(10))
		require.LessOrEqual(t, calls.Load(), int64(10))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		require.Zero(t, running.Load())
	})
}

// TestPrefacesThatNeverCome closes connections that were opened for HTTP/2, and say nothing.
func TestPrefacesThatNeverCome(t *testing.T) {
	ca := newAuthority(t)
	for _, first := range []string{"", "PRI", clientPreface[:len(clientPreface)-1]} {
		for _, secured := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q %v", first, secured), func(t *testing.T) {
				server, c := plain(80), Config{}
				if secured {
					server = secure("a.test", simple("a"))
					c.Credentials = map[string]gateway.Credential{"a": {Certificate: ca.issue("a.test")}}
				}
				inMemory(t, server, c, says("app"), func(t *testing.T, m *memory, s *Listeners) {
					conn := m.dial("192.0.2.1:1")
					if secured {
						conn = tls.Client(conn, &tls.Config{RootCAs: ca.pool, ServerName: "a.test", NextProtos: []string{"h2"}, Time: time.Now})
						require.NoError(t, conn.(*tls.Conn).Handshake())
					}
					defer conn.Close()
					begun := time.Now()
					go func() { _, _ = io.WriteString(conn, first) }()
					require.NoError(t, conn.SetReadDeadline(begun.Add(time.Hour)))
					_, _ = io.Copy(io.Discard, conn)
					require.InDelta(t, 10, time.Since(begun).Seconds(), 1)
				})
			})
		}
	}
}

// TestTrailerLines refuses trailers of many lines, however short.
func TestTrailerLines(t *testing.T) {
	var failed error
	handler := func(w http.ResponseWriter, r *http.Request) {
		if _, failed = io.Copy(io.Discard, r.Body); failed != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, len(r.Trailer))
	}
	for n, fits := range map[int]bool{990: true, 1001: false} {
		inMemory(t, plain(80), Config{}, handler, func(t *testing.T, m *memory, s *Listeners) {
			if s.config.Engine == EngineLateen {
				conn := m.dial("192.0.2.1:1")
				defer conn.Close()
				go func() {
					_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
					for i := range n {
						_, _ = fmt.Fprintf(conn, "x%d:1\r\n", i)
					}
					_, _ = io.WriteString(conn, "\r\n")
				}()
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.Equal(t, fits, err == nil)
				if fits {
					require.Equal(t, 200, response.StatusCode)
				}
				require.Equal(t, fits, failed == nil)
			}

			client := overPipes(t, m)
			defer client.CloseIdleConnections()
			r, err := http.NewRequest("POST", "http://a/", io.MultiReader(strings.NewReader("x")))
			require.NoError(t, err)
			r.Trailer = http.Header{}
			for i := range n {
				r.Trailer[fmt.Sprint("X", i)] = []string{"1"}
			}
			want := "200 990"
			if !fits {
				want = "431 Request Header Fields Too Large"
			}
			require.Equal(t, want, toClient(client.Do(r)))
		})
	}
}

// TestSlowBodiesAreSeen tells observers what clients with slow bodies get, and tells of panics.
func TestSlowBodiesAreSeen(t *testing.T) {
	for _, tt := range []struct {
		name, seen string
		handler    http.HandlerFunc
		panics     uint64
	}{
		{"another answer", "408  request_overall_timeout", readsAll, 0},
		{"aborted", "408  request_overall_timeout", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}, 0},
		{"another panic", "408 LR handler_panic", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(errors.New("something else"))
		}, 1},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(tt.name+" over "+protocol, func(t *testing.T) {
				outcome := ""
				log, lines := linesOf()
				b := toApp(tt.handler).Server(plain(80)).Observe(observe.Func(func(o *observe.Outcome) { outcome = seen(o) }))
				builtInMemory(t, b, Config{Logger: log}, func(t *testing.T, m *memory, s *Listeners) {
					client := overPipes(t, m)
					defer client.CloseIdleConnections()
					if protocol == "HTTP/1.1" {
						client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(false)
						client.Transport.(*http.Transport).Protocols.SetHTTP1(true)
					}
					body, do := post(t, client, "text/plain")
					response, err := do()
					require.NoError(t, err)
					require.Equal(t, 408, response.StatusCode)
					_ = response.Body.Close()
					_ = body.Close()
					synctest.Wait()
					require.Equal(t, tt.seen, outcome)
					require.Equal(t, tt.panics, s.Ports()[0].Panics)
					require.EqualValues(t, 1, s.Ports()[0].SlowBodies)
				})
				if tt.panics > 0 {
					require.Contains(t, <-lines, "something else")
				}
			})
		}
	}
}
