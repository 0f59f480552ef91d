package http1

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

var seeds = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nrest",
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 200 OK\r\nConnection: a, close\r\nX-a:\tb \r\nx-A: \xff\r\n\r\nuntil the end",
	"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\nA: b\n\n",
	"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
}

// A reading is everything that was read from a response.
type reading struct {
	status  int
	minor   int
	header  http.Header
	body    string
	trailer http.Header
	close   bool
}

// readOne reads a response to method with our reader, and reports whether the
// connection may be reused.
func readOne(c *Conn, method string) (reading, bool, error) {
	c.Begin(context.Background())
	var h Head
	if err := c.ReadHead(&h); err != nil {
		c.End(false)
		return reading{}, false, err
	}
	var b Body
	b.Reset(c, &h, method)
	body, err := readBody(&b)
	got := reading{h.Status, h.Minor, collect(h.Fields), body, collect(b.Trailer), h.Close}
	reusable := c.End(err == nil && !h.Close)
	return got, reusable, err
}

func collect(fields []Field) http.Header {
	h := make(http.Header)
	for _, f := range fields {
		h.Add(f.Key, f.Value)
	}
	return h
}

// FuzzReadResponse checks that net/http reads every accepted response in the
// same way.
func FuzzReadResponse(f *testing.F) {
	for _, text := range seeds {
		f.Add(text, false, uint8(0))
		f.Add(text, true, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, head bool, part uint8) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		ours, _, err := readOne(NewConn(&script{text: text, part: int(part)}, &testLimits), method)
		if err != nil {
			return
		}
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), &http.Request{Method: method})
		if err != nil {
			t.Fatalf("we read %+v, net/http: %v", ours, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatalf("we read the body %q, net/http: %v", ours.body, err)
		}
		if ours.status != response.StatusCode || ours.minor != response.ProtoMinor || ours.body != string(body) {
			t.Fatalf("we read %+v, net/http %+v %q", ours, response, body)
		}
		// net/http removes these from the header, or from an answer without a
		// body.
		for _, key := range []string{"Transfer-Encoding", "Trailer", "Content-Length", "Connection"} {
			ours.header.Del(key)
			response.Header.Del(key)
		}
		compare(t, "header", ours.header, response.Header)
		for key := range ours.trailer {
			if key == "Transfer-Encoding" || key == "Trailer" || key == "Content-Length" {
				delete(ours.trailer, key)
			}
		}
		for key, values := range response.Trailer {
			// Announced, but not sent.
			if values == nil {
				delete(response.Trailer, key)
			}
		}
		compare(t, "trailer", ours.trailer, response.Trailer)
	})
}

func compare(t *testing.T, what string, ours, theirs http.Header) {
	if len(ours) != len(theirs) {
		t.Fatalf("%s: we read %q, net/http %q", what, ours, theirs)
	}
	for key, values := range ours {
		if strings.Join(values, "\n") != strings.Join(theirs[key], "\n") {
			t.Fatalf("%s: we read %q, net/http %q", what, ours, theirs)
		}
	}
}

// FuzzReuse checks that a reusable connection is exactly at the end of a
// response, as net/http sees it, and that any other connection is closed.
func FuzzReuse(f *testing.F) {
	for _, text := range seeds {
		f.Add(text, uint8(0), uint8(1))
		f.Add(text, uint8(1), uint8(100))
	}
	f.Fuzz(func(t *testing.T, text string, methods, part uint8) {
		conn := &script{text: text, part: int(part)}
		c := NewConn(conn, &testLimits)
		theirs := bufio.NewReaderSize(strings.NewReader(text), len(text)+1)
		_, _ = theirs.Peek(len(text))
		for i := range 4 {
			method := "GET"
			if methods>>i&1 == 1 {
				method = "HEAD"
			}
			_, reusable, err := readOne(c, method)
			if reusable == conn.closed {
				t.Fatalf("reusable %v, closed %v", reusable, conn.closed)
			}
			if !reusable {
				return
			}
			if err != nil {
				t.Fatalf("reusable after %v", err)
			}
			response, err := http.ReadResponse(theirs, &http.Request{Method: method})
			if err != nil {
				t.Fatalf("reusable, but net/http: %v", err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Fatalf("reusable, but net/http: %v", err)
			}
			if response.Close {
				t.Fatal("reusable, but net/http would close")
			}
			// The text fits into net/http's buffer, and our buffer is empty.
			if rest, _ := theirs.Peek(theirs.Buffered()); string(rest) != conn.text {
				t.Fatalf("we are at %q, net/http at %q", conn.text, rest)
			}
		}
	})
}

// FuzzChunkSize checks that a size equals the value of its digits.
func FuzzChunkSize(f *testing.F) {
	for _, line := range []string{"0", "1f", "A;x", "00000000000000001", "fffffffffffffff", "g", "1 ;x", "", ";"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		size, ok := grammar.ParseChunkSize([]byte(line))
		if ok && size < 0 {
			t.Fatalf("%q is %d", line, size)
		}
	})
}
