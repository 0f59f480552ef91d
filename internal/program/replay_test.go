package program_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway"
	"github.com/lateengo/gateway/internal/forward"
	"github.com/lateengo/gateway/internal/testgateway"
	"github.com/lateengo/gateway/internal/testhttp"
	"github.com/lateengo/gateway/spec"
)

// The clock of a timeout starts when the whole request has arrived.
func TestTimeoutBeginsWithTheEndOfTheRequest(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		took    time.Duration
		status  int
	}{
		{"reads, then answers", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) }, 300 * ms, 200},
		{"reads, then takes all its time", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			time.Sleep(99 * ms)
		}, 399 * ms, 200},
		{"reads, then takes too long", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			time.Sleep(101 * ms)
		}, 400 * ms, 504},
		{"does not read, and answers early", func(http.ResponseWriter, *http.Request) { time.Sleep(50 * ms) }, 50 * ms, 200},
		{"does not read, and takes all its time", func(http.ResponseWriter, *http.Request) { time.Sleep(399 * ms) }, 399 * ms, 200},
		{"does not read, and takes too long", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Hour) }, 400 * ms, 504},
	} {
		for _, ending := range []error{io.EOF, io.ErrUnexpectedEOF} {
			t.Run(row.name+", "+ending.Error(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(100*ms)).Backend("*", row.handler))
					r := httptest.NewRequest("POST", "/", &testhttp.SlowBody{Parts: []string{"a", "b"}, Each: 100 * ms, Err: ending})
					w, took, panicked := testhttp.OutcomeOf(gw, r)
					require.Nil(t, panicked)
					require.Equal(t, row.took, took)
					require.Equal(t, row.status, w.Code)
					require.Equal(t, row.took < 300*ms, w.Header().Get("Connection") == "close",
						"what is left of a body must not be taken for a request")
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// While a body has not arrived, there is no timeout.
func TestNoTimeoutWhileTheClientSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(time.Second)).Backend("*", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			if n != 60 || err != nil {
				panic(err)
			}
		})))
		r := httptest.NewRequest("POST", "/", &testhttp.SlowBody{Parts: strings.Split(strings.Repeat("x", 60), ""), Each: time.Minute, Err: io.EOF})
		w, took, panicked := testhttp.OutcomeOf(gw, r)
		require.Nil(t, panicked)
		require.Equal(t, 200, w.Code)
		require.Equal(t, 61*time.Minute, took)
	})
}

// Each try reads the whole body, whatever the try before has done with it.
func TestReplayBody(t *testing.T) {
	for _, row := range []struct {
		name string
		size int
		// read is how much the first try reads.
		read       int
		replayable bool
	}{
		{"nothing of little", 10, 0, true},
		{"half of little", 10, 5, true},
		{"all of little", 10, 10, true},
		{"all of as much as is kept", forward.ReplayLimit, forward.ReplayLimit, true},
		{"all of one byte more", forward.ReplayLimit + 1, forward.ReplayLimit + 1, false},
		{"nothing of too much", 10 * forward.ReplayLimit, 0, true},
		{"the beginning of too much", 10 * forward.ReplayLimit, 1, true},
		{"all of too much", 10 * forward.ReplayLimit, 10 * forward.ReplayLimit, false},
	} {
		for _, ahead := range []bool{false, true} {
			t.Run(row.name, func(t *testing.T) {
				text := make([]byte, row.size)
				for i := range text {
					text[i] = byte(i % 251)
				}
				r := httptest.NewRequest("POST", "/", bytes.NewReader(text))
				b := forward.NewReplayBody(r, ahead)
				defer b.Finish()
				first := b.Reader
				got := make([]byte, row.read)
				_, err := io.ReadFull(first, got)
				require.NoError(t, err)
				require.True(t, bytes.Equal(text[:row.read], got))
				require.NoError(t, first.Close())
				if row.replayable && ahead && row.read > 0 && row.size > forward.ReplayLimit {
					// How far it has read ahead is not defined.
					return
				}
				require.Equal(t, row.replayable, b.Replayable())
				if !row.replayable {
					rest, err := io.ReadAll(first)
					require.NoError(t, err)
					require.Empty(t, rest)
					return
				}
				b.Again()
				_, err = first.Read(make([]byte, 1))
				require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
				all, err := io.ReadAll(b.Reader)
				require.NoError(t, err)
				require.True(t, bytes.Equal(text, all))
			})
		}
	}
}

// A try that was abandoned during a read takes nothing from the next.
func TestReplayBodyHasOneReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := httptest.NewRequest("POST", "/", &testhttp.SlowBody{Parts: []string{"a", "b", "c"}, Each: time.Second, Err: io.EOF})
		b := forward.NewReplayBody(r, false)
		defer b.Finish()
		first := b.Reader
		var err error
		go func() { _, err = io.ReadAll(first) }()
		time.Sleep(1500 * time.Millisecond)
		b.Again()
		text, second := io.ReadAll(b.Reader)
		require.NoError(t, second)
		require.Equal(t, "abc", string(text))
		synctest.Wait()
		require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
	})
}

func TestReplayBodyEndsAsTheSourceDoes(t *testing.T) {
	broken := errors.New("broken")
	for _, ahead := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", &testhttp.SlowBody{Parts: []string{"a"}, Err: broken})
			b := forward.NewReplayBody(r, ahead)
			defer b.Finish()
			for range 2 {
				text, err := io.ReadAll(b.Reader)
				require.Equal(t, "a", string(text))
				require.ErrorIs(t, err, broken)
				b.Again()
			}
		})
	}
}

func TestBodiesOfAnySizePassATimedRoute(t *testing.T) {
	for _, protocol := range testhttp.Protocols {
		for _, size := range []int{1, forward.ReadSize, forward.ReplayLimit, forward.ReplayLimit + 1, 5 << 20} {
			t.Run(protocol.Name, func(t *testing.T) {
				gw, spy := testgateway.Routed(t, gateway.Native, spec.Route{Timeout: time.Minute, Retry: &spec.Retry{Attempts: 2, On: []string{"5xx"}}})
				spy.Then = func(w http.ResponseWriter, r *http.Request) {
					sum := sha256.New()
					_, _ = io.Copy(sum, r.Body)
					_, _ = w.Write(sum.Sum(nil))
				}
				client, url := protocol.Client(t, gw)
				text := bytes.Repeat([]byte{'x'}, size)
				for _, body := range []io.Reader{bytes.NewReader(text), struct{ io.Reader }{bytes.NewReader(text)}} {
					response, err := client.Post(url, "text/plain", body)
					require.NoError(t, err)
					got, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.NoError(t, response.Body.Close())
					want := sha256.Sum256(text)
					require.Equal(t, want[:], got)
				}
			})
		}
	}
}

// An answer does not wait for the unread rest of a request.
func TestEarlyResponse(t *testing.T) {
	const ms = time.Millisecond
	for _, protocol := range testhttp.Protocols {
		for _, row := range []struct {
			name   string
			route  spec.Route
			then   http.HandlerFunc
			status int
		}{
			{"timed", spec.Route{Timeout: time.Minute}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403},
			{"per try", spec.Route{Retry: &spec.Retry{Attempts: 1, PerTryTimeout: time.Minute}}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 403},
			{"after a part", spec.Route{Timeout: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.ReadFull(r.Body, make([]byte, 4))
				w.WriteHeader(403)
			}, 403},
			{"retried", spec.Route{Timeout: time.Minute, Retry: &spec.Retry{Attempts: 1, On: []string{"5xx"}, Backoff: ms}},
				func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, 503},
		} {
			t.Run(row.name+" "+protocol.Name, func(t *testing.T) {
				gw, spy := testgateway.Routed(t, gateway.Native, row.route)
				spy.Then = row.then
				client, url := protocol.Client(t, gw)
				body, sending := io.Pipe()
				defer sending.Close()
				go func() { _, _ = io.WriteString(sending, "part") }()
				response, err := client.Post(url, "text/plain", body)
				require.NoError(t, err)
				require.Equal(t, row.status, response.StatusCode)
				require.Equal(t, protocol.Name == "HTTP/1.1", response.Close)
				require.NoError(t, response.Body.Close())
			})
		}
	}
}

// Data that a client sends after an early answer is the rest of its body and
// not another request.
func TestNothingIsSmuggledBehindAnEarlyResponse(t *testing.T) {
	var calls atomic.Int32
	gw, spy := testgateway.Routed(t, gateway.Native, testhttp.TimedOutAfter(time.Minute))
	spy.Then = func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, "early")
	}
	server := httptest.NewServer(gw)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n28\r\nhalf")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, "early", string(body))
	_, _ = io.WriteString(conn, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
	_, _ = io.WriteString(conn, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
	_, _ = io.Copy(io.Discard, in)
	require.EqualValues(t, 1, calls.Load())
}

// A client is asked to continue when its body is needed.
func TestExpectContinue(t *testing.T) {
	for _, row := range []struct {
		name string
		then http.HandlerFunc
		want []int
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, []int{403}},
		{"read", func(w http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); w.WriteHeader(201) }, []int{100, 201}},
	} {
		t.Run(row.name, func(t *testing.T) {
			gw, spy := testgateway.Routed(t, gateway.Native, testhttp.TimedOutAfter(time.Minute))
			spy.Then = row.then
			server := httptest.NewServer(gw)
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
			require.NoError(t, err)
			in := bufio.NewReader(conn)
			var got []int
			for {
				response, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				got = append(got, response.StatusCode)
				if response.StatusCode != 100 {
					break
				}
				_, err = io.WriteString(conn, "ok")
				require.NoError(t, err)
			}
			require.Equal(t, row.want, got)
		})
	}
}

// A backend that neither reads nor answers is timed out even if the client
// waits to be asked for its body.
func TestExpectContinueDoesNotHoldTheClockForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw := testgateway.Built(t, gateway.New().Route(testhttp.TimedOutAfter(10*time.Second)).Backend("*", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(time.Hour)
		})))
		r := httptest.NewRequest("POST", "/", strings.NewReader("body"))
		r.Header.Set("Expect", "100-continue")
		w, took, panicked := testhttp.OutcomeOf(gw, r)
		require.Nil(t, panicked)
		require.Equal(t, 504, w.Code)
		require.Equal(t, forward.ContinueWait+10*time.Second, took)
		time.Sleep(2 * time.Hour)
	})
}
