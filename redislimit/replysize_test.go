package redislimit

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lateengo/gateway/ratelimit"
)

func TestReplySizes(t *testing.T) {
	const fits = "*100000\r\n"
	for _, row := range []struct {
		name, replies string
		want          bool
	}{
		{"an answer of the script", "*3\r\n:0\r\n:-12\r\n:9223372036854775807\r\n", true},
		{"errors", "-NOSCRIPT No matching script. Please use EVAL.\r\n!5\r\nERR x\r\n", true},
		{"nothing", "$-1\r\n*-1\r\n_\r\n$0\r\n\r\n*0\r\n%0\r\n", true},
		{"a string with a number", "$11\r\n*1000000000\r\n:1\r\n", true},
		{"a status with a number", "+1000000000\r\n-1000000000\r\n(1000000000\r\n", true},
		{"the version of RESP3", "%2\r\n+a\r\n*2\r\n:1\r\n$1\r\nx\r\n+b\r\n=5\r\ntxt:x\r\n", true},
		{"an attribute", "|1\r\n+ttl\r\n:3600\r\n*1\r\n:1\r\n>2\r\n+message\r\n+x\r\n", true},
		{"many replies", strings.Repeat("*3\r\n:0\r\n:1\r\n:2\r\n", 300_000), true},
		{"many strings", strings.Repeat("$1000\r\n"+strings.Repeat("x", 1000)+"\r\n", 5000), true},
		{"a large array", fits, true},
		{"a huge array", "*1000000000\r\n", false},
		{"a huge number", "*" + strings.Repeat("9", 1000) + "\r\n", false},
		{"a huge map", "%1000000000\r\n", false},
		{"a huge set", "~1000000000\r\n", false},
		{"a huge push", ">1000000000\r\n", false},
		{"a huge attribute", "|1000000000\r\n", false},
		{"a huge string", "$1000000000\r\n", false},
		{"a huge error", "!1000000000\r\n", false},
		{"a huge verbatim string", "=1000000000\r\n", false},
		{"an endless line", "+" + strings.Repeat("x", maxReply), false},
		{"an array of large arrays", "*3\r\n" + strings.Repeat(fits, 3), false},
		{"an array in an array, and so on", strings.Repeat("*1\r\n", 1<<20), false},
		{"a huge array in a reply", "%1\r\n+modules\r\n*1000000000\r\n", false},
		{"a huge array behind a string", "*2\r\n$3\r\nabc\r\n*1000000000\r\n", false},
		{"something else", "HTTP/1.1 400 Bad Request\r\n\r\n\x00\n\n\r", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			whole := new(replySizes)
			require.Equal(t, row.want, whole.accept([]byte(row.replies)))
			// It does not matter where the replies are split.
			split, accepted := new(replySizes), true
			for i := range len(row.replies) {
				accepted = accepted && split.accept([]byte{row.replies[i]})
			}
			require.Equal(t, row.want, accepted)
			if row.want {
				require.Equal(t, whole, split)
			}
		})
	}
}

// A server that announces a huge reply is a failure, and not more.
func TestServerAnnouncesAHugeReply(t *testing.T) {
	for _, reply := range []string{"*1000000000\r\n", "%500000000\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 1024))
				_, _ = io.WriteString(conn, reply)
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}
		}()
		limiter := New(newClient(t, l.Addr().String()), Options{})
		_, err = limiter.Limit(context.Background(), perMinute)
		require.ErrorIs(t, err, errReplySize)
		require.NoError(t, l.Close())
		<-done
	}
}

// The client notices that a server has closed its socket.
func TestBoundedConnectionsHaveASocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	dial := boundReplies((&net.Dialer{}).DialContext)
	conn, err := dial(context.Background(), "tcp", l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.Implements(t, (*syscall.Conn)(nil), conn)

	dial = boundReplies(func(context.Context, string, string) (net.Conn, error) { return nil, os.ErrDeadlineExceeded })
	_, err = dial(context.Background(), "tcp", "")
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// What it counts in many descriptors is not too large.
func TestManyDescriptors(t *testing.T) {
	s := startServer(t)
	l := New(newClient(t, s.address), Options{})
	request := ratelimit.Request{Domain: "shop/limits", Hits: 1}
	for range 1000 {
		request.Descriptors = append(request.Descriptors, ratelimit.Descriptor{Entries: bob(), Requests: 10, Unit: time.Hour})
	}
	r, err := l.Limit(context.Background(), request)
	require.NoError(t, err)
	require.Len(t, r.Statuses, 1000)
}

func FuzzReplySizes(f *testing.F) {
	f.Add([]byte("*3\r\n:0\r\n:-12\r\n$5\r\nhello\r\n"), 4)
	f.Add([]byte("%1\r\n+a\r\n*1000000000\r\n"), 11)
	f.Fuzz(func(t *testing.T, replies []byte, at int) {
		at = min(max(at, 0), len(replies))
		whole, split := new(replySizes), new(replySizes)
		require.Equal(t, whole.accept(replies), split.accept(replies[:at]) && split.accept(replies[at:]))
		require.GreaterOrEqual(t, whole.missing, 0)
		require.GreaterOrEqual(t, whole.skip, 0)
		require.GreaterOrEqual(t, whole.size, 0)
	})
}
