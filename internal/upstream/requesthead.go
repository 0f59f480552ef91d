package upstream

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// appendHead appends the head of x's request, for HTTP/1.1. close asks the backend
// to close the connection.
func (x *exchange) appendHead(out []byte, closing bool) ([]byte, error) {
	r := x.r
	if !grammar.IsToken(r.Method) {
		return out, fmt.Errorf("invalid method %q", r.Method)
	}
	out = append(out, r.Method...)
	out = append(out, ' ')
	out = append(out, x.path...)
	if x.query != "" || r.URL.ForceQuery {
		out = append(out, '?')
		out = append(out, x.query...)
	}
	out = append(out, " HTTP/1.1\r\nHost: "...)
	out = append(out, r.Host...)
	out = append(out, "\r\n"...)
	lines := 2

	names := nominated(r.Header)
	for key, values := range r.Header {
		if framing(key) || !names.forwarded(key) {
			continue
		}
		if !grammar.IsToken(key) {
			return out, fmt.Errorf("invalid header name %q", key)
		}
		for _, value := range values {
			out = append(out, key...)
			out = append(out, ": "...)
			out = append(out, value...)
			out = append(out, "\r\n"...)
		}
		lines += len(values)
	}
	out, n := x.appendFraming(out)
	lines += n
	switch {
	case x.upgrade != "":
		out = append(out, "Connection: Upgrade\r\nUpgrade: "...)
		out = append(out, x.upgrade...)
		out = append(out, "\r\n"...)
		lines += 2
	case closing:
		out = append(out, "Connection: close\r\n"...)
		lines++
	}
	if acceptsTrailers(r.Header) {
		out = append(out, "Te: trailers\r\n"...)
		lines++
	}
	// More line ends than lines were written, or a NUL, mean an attempt to
	// inject something.
	if bytes.Count(out, crByte) != lines || bytes.Count(out, lfByte) != lines || bytes.IndexByte(out, 0) >= 0 {
		return out, fmt.Errorf("invalid character in the request's headers")
	}
	return append(out, "\r\n"...), nil
}

var crByte, lfByte = []byte{'\r'}, []byte{'\n'}

// appendFraming appends the headers that give the body's length, and returns
// the number of lines.
func (x *exchange) appendFraming(out []byte) ([]byte, int) {
	r := x.r
	switch {
	case !hasBody(r):
		if _, ok := r.Header["Content-Length"]; !ok && r.Method != http.MethodPost && r.Method != http.MethodPut && r.Method != http.MethodPatch {
			return out, 0
		}
		return append(out, "Content-Length: 0\r\n"...), 1
	case r.ContentLength > 0:
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, r.ContentLength, 10)
		return append(out, "\r\n"...), 1
	}
	out = append(out, "Transfer-Encoding: chunked\r\n"...)
	if len(r.Trailer) == 0 {
		return out, 1
	}
	out = append(out, "Trailer: "...)
	separator := ""
	for key := range r.Trailer {
		out = append(out, separator...)
		out = append(out, key...)
		separator = ", "
	}
	return append(out, "\r\n"...), 2
}

// framing reports whether the header with the canonical key is written from the
// request's other fields.
func framing(key string) bool {
	return key == "Host" || key == "Content-Length"
}

// isHeaderValue reports whether a header's value stays within its line.
func isHeaderValue(value string) bool { return !strings.ContainsAny(value, "\r\n\x00") }
