package server

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMalformedHTTP2 sends requests in frames of its own: a client that is correct sends none
// of those that are refused.
func TestMalformedHTTP2(t *testing.T) {
	var reached atomic.Int64
	s, _ := start(t, toApp(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	}).Server(plain(80)), local(Config{}, 80))
	post := [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "a.test"}}
	for _, row := range []struct {
		name   string
		path   string
		fields [][2]string
		served bool
	}{
		{"without a length", "/", nil, true},
		{"with its length", "/", [][2]string{{"content-length", "5"}}, true},
		{"a length that is no number", "/", [][2]string{{"content-length", "five"}}, false},
		{"a signed length", "/", [][2]string{{"content-length", "+5"}}, false},
		{"an empty length", "/", [][2]string{{"content-length", ""}}, false},
		{"two lengths", "/", [][2]string{{"content-length", "5"}, {"content-length", "6"}}, false},
		{"the length twice", "/", [][2]string{{"content-length", "5"}, {"content-length", "5"}}, false},
		{"two lengths in one field", "/", [][2]string{{"content-length", "5, 5"}}, false},
		{"a URL as path", "http://b.test/", nil, false},
		{"a path like a URL", "//b.test/", nil, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", s.Addr(80).String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
			fields := append(append(post[:3:3], [2]string{":path", row.path}), row.fields...)
			request := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
			request = frame(request, frameSettings, 0, 0, nil)
			request = frame(request, frameHeaders, flagEndHeaders, 1, literals(fields))
			request = frame(request, frameData, flagEndStream, 1, []byte("hello"))
			_, err = conn.Write(request)
			require.NoError(t, err)
			before := reached.Load()
			status := statusIn(t, bufio.NewReader(conn))
			if row.served {
				require.EqualValues(t, status200, status)
				return
			}
			require.Contains(t, []byte{status400, reset}, status)
			require.Equal(t, before, reached.Load(), "the request was forwarded")
		})
	}
}

const (
	frameData, frameHeaders, frameReset, frameSettings = 0, 1, 3, 4

	flagEndStream, flagEndHeaders = 1, 4

	// status200 and status400 are entries of HPACK's static table, as indexed fields.
	status200, status400 = 0x80 | 8, 0x80 | 12
)

func frame(to []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	to = append(to, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	to = binary.BigEndian.AppendUint32(to, stream)
	return append(to, payload...)
}

// literals encodes fields as literals with new names, which are short.
func literals(fields [][2]string) []byte {
	var out []byte
	for _, f := range fields {
		out = append(out, 0, byte(len(f[0])))
		out = append(out, f[0]...)
		out = append(out, byte(len(f[1])))
		out = append(out, f[1]...)
	}
	return out
}

// reset is what statusIn returns for a stream that was reset: data that the server did not
// expect can come before its answer.
const reset = 0

// statusIn returns the first byte of the header block of the first answer, or reset.
func statusIn(t *testing.T, in *bufio.Reader) byte {
	t.Helper()
	for {
		var head [9]byte
		_, err := io.ReadFull(in, head[:])
		require.NoError(t, err)
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		_, err = io.ReadFull(in, payload)
		require.NoError(t, err)
		if head[3] == frameHeaders {
			return payload[0]
		}
		if head[3] == frameReset {
			return reset
		}
	}
}
