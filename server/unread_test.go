package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/observe"
)

// outcomes keeps what an observer gets.
type outcomes struct {
	mu   sync.Mutex
	list []observe.Outcome
}

func (o *outcomes) Observe(each *observe.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, *each)
}

// taken returns the outcomes since the last call, once there are n of them.
func (o *outcomes) taken(t *testing.T, n int) (list []observe.Outcome) {
	t.Helper()
	require.Eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.list) >= n
	}, patience, time.Millisecond)
	o.mu.Lock()
	defer o.mu.Unlock()
	list, o.list = o.list, nil
	return list
}

// Requests that no handler sees are counted by status, and observers are told of them as
// Envoy's access log is. Those that a handler sees are not, whatever it answers.
func TestRequestsThatNoHandlerSees(t *testing.T) {
	seen := new(outcomes)
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}).Observe(seen).Server(plain(80)), local(Config{}, 80))
	many := "GET / HTTP/1.1\r\nHost: a\r\n"
	for i := range 1001 {
		many += fmt.Sprintf("X-%d: y\r\n", i)
	}
	for _, tt := range []struct {
		name, text string
		status     int
		details    string
		handled    int // requests that a handler sees before
	}{
		{"no Host", "GET / HTTP/1.1\r\n\r\n", 400, observe.DetailsCodec, 0},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, observe.DetailsCodec, 0},
		{"NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400, observe.DetailsCodec, 0},
		{"a length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, observe.DetailsCodec, 0},
		{"an expectation", "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", 417, observe.DetailsCodec, 0},
		{"a large header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", 431, observe.DetailsHeadTooLarge, 0},
		{"many names", many + "\r\n", 431, observe.DetailsHeadTooLarge, 0},
		{"an unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501, observe.DetailsCoding, 0},
		{"a version to come", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505, observe.DetailsCodec, 0},
		{"after good ones", get + "GET /bad HTTP/1.1\r\nHost: a\r\n\r\n" + "GET / HTTP/1.1\r\n\r\n", 400, observe.DetailsCodec, 2},
		{"good ones alone", get + "GET /bad HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0, "", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := count(s.Ports()[0].Unread)
			conn, _ := dial(t, s, 80)
			_, err := io.WriteString(conn, tt.text)
			require.NoError(t, err)
			_, _ = io.ReadAll(conn)
			want := map[int]uint64{}
			n := tt.handled
			if tt.status != 0 {
				want[tt.status] = 1
				n++
			}
			got := seen.taken(t, n)
			require.Len(t, got, n)
			after := count(s.Ports()[0].Unread)
			for status, n := range before {
				if after[status] -= n; after[status] == 0 {
					delete(after, status)
				}
			}
			require.Equal(t, want, after)
			for _, o := range got[:tt.handled] {
				require.Equal(t, "GET", o.Method)
			}
			if tt.status == 0 {
				return
			}
			o := got[tt.handled]
			require.Equal(t, []any{tt.status, observe.FlagBadRequest, tt.details, "0.0.0.0_80", "HTTP/1.1"}, []any{o.Status, o.Flags, o.Details, o.Listener, o.Protocol})
			require.Equal(t, conn.LocalAddr().String(), o.PeerAddress)
			require.Equal(t, s.Addr(80).String(), o.LocalAddress)
			require.Equal(t, "127.0.0.1", o.ClientAddress)
			require.Nil(t, o.Destination)
		})
	}
}

func count(list []observe.StatusCount) map[int]uint64 {
	out := map[int]uint64{}
	for _, each := range list {
		out[each.Status] = each.Count
	}
	return out
}

// Over HTTP/2 what is refused has its method and path.
func TestRefusedStreams(t *testing.T) {
	seen := new(outcomes)
	s, _ := start(t, toApp(says("app")).Observe(seen).Server(plain(80)), local(Config{}, 80))
	conn, in := dial(t, s, 80)
	request := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	request = frame(request, frameSettings, 0, 0, nil)
	request = frame(request, frameHeaders, flagEndHeaders, 1, literals([][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "a.test"}, {":path", "/x"}, {"content-length", "+5"},
	}))
	request = frame(request, frameData, flagEndStream, 1, []byte("hello"))
	_, err := conn.Write(request)
	require.NoError(t, err)
	if statusIn(t, in) == reset {
		t.Skip("net/http's server has reset it")
	}
	o := seen.taken(t, 1)[0]
	require.Equal(t, []any{400, observe.FlagBadRequest, observe.DetailsHTTP2, "POST", "/x", "a.test", "HTTP/2"},
		[]any{o.Status, o.Flags, o.Details, o.Method, o.Path, o.Authority, o.Protocol})
	require.Equal(t, map[int]uint64{400: 1}, count(s.Ports()[0].Unread))
}

// A head that does not end is answered by our server, without a flag. net/http's closes the
// connection.
func TestSlowHeadsAreCounted(t *testing.T) {
	if defaultEngine != EngineLateen {
		t.Skip("net/http's server answers nothing")
	}
	inMemory(t, plain(80), Config{ReadHeaderTimeout: time.Second}, says("app"), func(t *testing.T, m *memory, s *Listeners) {
		conn := m.dial("192.0.2.1:1")
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
		require.NoError(t, err)
		status, _ := statusOf(t, bufio.NewReader(conn), time.Now())
		require.Equal(t, 408, status)
		_ = conn.Close()
		synctest.Wait()
		require.Equal(t, map[int]uint64{408: 1}, count(s.Ports()[0].Unread))
	})
}

// Connections above the limit of their address are counted apart.
func TestRefusedPerAddress(t *testing.T) {
	inMemory(t, plain(80), Config{MaxConnections: 2, MaxConnectionsPerAddress: 1}, says("app"), func(t *testing.T, m *memory, s *Listeners) {
		var open []net.Conn
		for _, client := range []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1", "192.0.2.3:1"} {
			open = append(open, m.dial(client))
			synctest.Wait()
		}
		p := s.Ports()[0]
		require.Equal(t, []uint64{4, 2, 1}, []uint64{p.Accepted, p.Refused, p.RefusedPerAddress})
		for _, conn := range open {
			_ = conn.Close()
		}
	})
}
