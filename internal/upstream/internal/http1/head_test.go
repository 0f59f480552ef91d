package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readText reads the head of a response that arrives in parts of the given
// length.
func readText(text string, part int) (*Head, error) {
	c := NewConn(&script{text: text, part: part}, &testLimits)
	c.Begin(context.Background())
	defer c.End(false)
	h := new(Head)
	return h, c.ReadHead(h)
}

func TestReadHead(t *testing.T) {
	for _, row := range []struct {
		text string
		want Head
	}{
		{"HTTP/1.1 200 OK\r\n\r\n", Head{Minor: 1, Status: 200, Length: -1}},
		{"HTTP/1.1 200\r\n\r\n", Head{Minor: 1, Status: 200, Length: -1}},
		{"HTTP/1.1 200 \r\n\r\n", Head{Minor: 1, Status: 200, Length: -1}},
		{"HTTP/1.1 200 Alles klar \xfc\t!\r\n\r\n", Head{Minor: 1, Status: 200, Length: -1}},
		{"HTTP/1.0 599 X\r\n\r\n", Head{Status: 599, Length: -1, Close: true}},
		{"HTTP/1.1 100 Continue\r\n\r\n", Head{Minor: 1, Status: 100, Length: -1}},
		{"HTTP/1.1 200 OK\r\ncontent-length: 0012\r\n\r\n", Head{Minor: 1, Status: 200, Length: 12, Fields: []Field{{"Content-Length", "0012"}}}},
		{
			"HTTP/1.1 200 OK\r\nTRANSFER-ENCODING:\t Chunked \t\r\n\r\n",
			Head{Minor: 1, Status: 200, Length: -1, Chunked: true, Fields: []Field{{"Transfer-Encoding", "Chunked"}}},
		},
		{
			"HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\n\r\n",
			Head{Minor: 1, Status: 200, Length: -1, Close: true, Fields: []Field{{"Connection", "keep-alive, Close"}}},
		},
		{
			"HTTP/1.1 200 OK\r\nconnection: ,x-a,\r\n\r\n",
			Head{Minor: 1, Status: 200, Length: -1, Nominates: true, Fields: []Field{{"Connection", ",x-a,"}}},
		},
		{
			"HTTP/1.1 200 OK\r\nx-a: 1\r\nX-A:2\r\nETag:\r\nwww-authenticate: b:c\r\nx-ODD.name!: \xff\r\n\r\n",
			Head{Minor: 1, Status: 200, Length: -1, Fields: []Field{
				{"X-A", "1"}, {"X-A", "2"}, {"Etag", ""}, {"Www-Authenticate", "b:c"}, {"X-Odd.name!", "\xff"},
			}},
		},
	} {
		for _, part := range []int{0, 1, 7} {
			h, err := readText(row.text, part)
			require.NoError(t, err, "%q", row.text)
			require.Equal(t, row.want, *h, "%q", row.text)
		}
	}
}

func TestReadHeadErrors(t *testing.T) {
	for _, row := range []struct{ text, problem string }{
		{"\r\n", "no status line"},
		{"HTTP/1.1 200 OK\n\n", "a line does not end in CRLF"},
		{"\n", "a line does not end in CRLF"},
		{"HTTP/1.1 20\r\n\r\n", "status line"},
		{"HTTP/1.1_200\r\n\r\n", "status line"},
		{"HTTP/2.0 200 OK\r\n\r\n", "status line"},
		{"HTTP/1.1 2000\r\n\r\n", "status code"},
		{"HTTP/1.1 200OK\r\n\r\n", "status code"},
		{"HTTP/1.1 099 X\r\n\r\n", "status code"},
		{"HTTP/1.1 600 X\r\n\r\n", "status code"},
		{"HTTP/1.1 200 O\x00\r\n\r\n", "control character in the status line"},
		{"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "header name"},
		{"HTTP/1.1 200 OK\r\nA\r\n\r\n", "header name"},
		{"HTTP/1.1 200 OK\r\n:b\r\n\r\n", "header name"},
		{"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "header name"},
		{"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "control character in a header"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "more than one Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n", "Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456789\r\n\r\n", "Content-Length"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "Transfer-Encoding"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", "beside Content-Length"},
		{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"},
		{"HTTP/1.1 103 X\r\nContent-Length: 1\r\n\r\nx", "informational response with a body"},
		{"HTTP/1.1 100 X\r\nTransfer-Encoding: chunked\r\n\r\n", "informational response with a body"},
		{"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", "too many header lines"},
		{"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "header too large"},
		{strings.Repeat("x", 1<<20), "header too large"},
	} {
		for _, part := range []int{0, 1} {
			_, err := readText(row.text, part)
			var malformed ProtocolError
			require.True(t, errors.As(err, &malformed), "%.60q: %v", row.text, err)
			require.ErrorContains(t, err, row.problem, "%.60q", row.text)
		}
	}
	_, err := readText("", 0)
	require.ErrorIs(t, err, io.EOF)
	_, err = readText("HTTP/1.1 200 OK\r\n", 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// Heads of the maximum size are read.
func TestHeadLimits(t *testing.T) {
	prefix, suffix := "HTTP/1.1 200 OK\r\nA: ", "\r\n\r\n"
	fits := prefix + strings.Repeat("x", testLimits.Bytes-len(prefix)-len(suffix)) + suffix
	for _, part := range []int{0, 1000} {
		_, err := readText(fits, part)
		require.NoError(t, err)
		_, err = readText(strings.Replace(fits, "x", "xx", 1), part)
		require.ErrorContains(t, err, "header too large")
	}
	_, err := readText("HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", 100)+"\r\n", 0)
	require.NoError(t, err)
}

func TestHeadAccess(t *testing.T) {
	h := Head{Fields: []Field{{"A", "1"}, {"B", "2"}, {"A", "3"}}}
	require.Equal(t, "1", h.Get("A"))
	require.Equal(t, "", h.Get("C"))
	require.Equal(t, []string{"1", "3"}, h.Values("A"))
	require.Nil(t, h.Values("C"))
}

func TestBodies(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	for _, row := range []struct {
		head, body, want string
		trailer          []Field
		problem          string
	}{
		{"Content-Length: 3", "abc", "abc", nil, ""},
		{"Content-Length: 3", "ab", "ab", nil, "unexpected EOF"},
		{"Content-Length: 0", "", "", nil, ""},
		{"Content-Length: 100000", long, long, nil, ""},
		{"A: b", "abc", "abc", nil, ""},
		{"A: b", long, long, nil, ""},
		{"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n\r\n", "abc", nil, ""},
		{"Transfer-Encoding: chunked", "3;a=\"b\"\r\nabc\r\n00 ;c\r\n\r\n", "abc", nil, ""},
		{"Transfer-Encoding: chunked", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", nil, ""},
		{"Transfer-Encoding: chunked", "186A0\r\n" + long + "\r\n0\r\nA: b\r\nc: d\r\n\r\n", long, []Field{{"A", "b"}, {"C", "d"}}, ""},
		{"Transfer-Encoding: chunked", "3\r\nab", "ab", nil, "unexpected EOF"},
		{"Transfer-Encoding: chunked", "3\r\nabc", "abc", nil, "unexpected EOF"},
		{"Transfer-Encoding: chunked", "3\r\nabc\r\n", "abc", nil, "unexpected EOF"},
		{"Transfer-Encoding: chunked", "3\r\nabc\r\n0\r\n", "abc", nil, "unexpected EOF"},
		{"Transfer-Encoding: chunked", "3\nabc\r\n0\r\n\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "\r\nabc\r\n0\r\n\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", " 3\r\nabc\r\n0\r\n\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "3 \r\nabc\r\n0\r\n\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "0x3\r\nabc\r\n0\r\n\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "-3\r\nabc\r\n0\r\n\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "ffffffffffffffff\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "3;\x00\r\nabc\r\n", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", strings.Repeat("0", 5000), "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "3;" + strings.Repeat("x", 5000) + "\r\nabc", "", nil, "chunk size"},
		{"Transfer-Encoding: chunked", "3\r\nabcd\r\n0\r\n\r\n", "abc", nil, "no line end after a chunk"},
		{"Transfer-Encoding: chunked", "3\r\nabc\n0\r\n\r\n", "abc", nil, "no line end after a chunk"},
		{"Transfer-Encoding: chunked", "0\r\nA b\r\n\r\n", "", nil, "header name"},
		{"Transfer-Encoding: chunked", "0\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", "", nil, "too many header lines"},
		{"Transfer-Encoding: chunked", "0\r\nA: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "", nil, "header too large"},
	} {
		for _, part := range []int{0, 1, 7, 4096} {
			t.Run(fmt.Sprintf("%.40q/%d", row.head+row.body, part), func(t *testing.T) {
				c := NewConn(&script{text: "HTTP/1.1 200 OK\r\n" + row.head + "\r\n\r\n" + row.body, part: part}, &testLimits)
				c.Begin(t.Context())
				defer c.End(false)
				var h Head
				require.NoError(t, c.ReadHead(&h))
				var b Body
				b.Reset(c, &h, "GET")
				got, err := readBody(&b)
				if len(b.Trailer) > 0 && row.problem == "" {
					require.Equal(t, row.trailer, b.Trailer)
				}
				require.Equal(t, row.want, got)
				if row.problem == "" {
					require.NoError(t, err)
					_, err = b.Next()
					require.ErrorIs(t, err, io.EOF)
					return
				}
				require.ErrorContains(t, err, row.problem)
				_, again := b.Next()
				require.Error(t, again)
				require.NotErrorIs(t, again, io.EOF, "an error stays one")
			})
		}
	}
}

func TestBodiless(t *testing.T) {
	for _, row := range []struct {
		method string
		status int
		want   bool
	}{{"GET", 200, false}, {"HEAD", 200, true}, {"GET", 204, true}, {"GET", 304, true}, {"GET", 103, true}, {"GET", 205, false}} {
		h := Head{Status: row.status, Length: 7}
		require.Equal(t, row.want, h.Bodiless(row.method))
		var b Body
		b.Reset(nil, &h, row.method)
		if row.want {
			require.Zero(t, b.Fixed())
			_, err := b.Next()
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.EqualValues(t, 7, b.Fixed())
		}
	}
}
