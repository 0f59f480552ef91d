// Package http1 is the client side of HTTP/1.1 for a proxy: connections whose
// exchanges run in the caller's goroutine, and a strict reader of responses.
package http1

import (
	"strings"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// A ProtocolError means that a backend sent data that is not valid HTTP/1.1.
// The connection can no longer be used.
type ProtocolError string

func (e ProtocolError) Error() string { return "malformed response: " + string(e) }

// A Field is one header line.
type Field grammar.Field

// A Head is the status line and the header of a response. A Head may be reused
// for the next response.
type Head struct {
	// Minor is the minor version: HTTP/1.0 or HTTP/1.1.
	Minor int
	// Status is from 100 to 599.
	Status int
	// Fields are the header lines as they were received, including framing.
	Fields []Field
	// Length is the Content-Length, or -1 if there is none.
	Length int64
	// Chunked means that the body is chunked.
	Chunked bool
	// Close means that the connection ends with this response.
	Close bool
	// Nominates means that a Connection header names other headers.
	Nominates bool
}

// Get returns the first value of the canonical key.
func (h *Head) Get(key string) string {
	for i := range h.Fields {
		if h.Fields[i].Key == key {
			return h.Fields[i].Value
		}
	}
	return ""
}

// Values returns all values of the canonical key.
func (h *Head) Values(key string) []string {
	var values []string
	for i := range h.Fields {
		if h.Fields[i].Key == key {
			values = append(values, h.Fields[i].Value)
		}
	}
	return values
}

// Reset makes h the zero Head, but keeps the memory of its fields.
func (h *Head) Reset() {
	*h = Head{Fields: h.Fields[:0]}
}

// parse reads the lines of a head without the empty line at its end. Each line
// ends in CRLF.
//
// It follows RFC 9112 where that requires to detect an error, but never where
// it allows to repair one. So it rejects white space before a colon, folded
// lines, more than one Content-Length, Content-Length together with
// Transfer-Encoding, any coding except chunked, and control characters.
func (h *Head) parse(text string, maxFields int) error {
	h.Reset()
	h.Length = -1
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		return ProtocolError("no status line")
	}
	if err := h.parseStatusLine(text[:end-1]); err != nil {
		return err
	}
	var err error
	if h.Fields, err = parseFields(h.Fields, text[end+1:], maxFields); err != nil {
		return err
	}
	return h.frame()
}

// parseStatusLine reads "HTTP/1.1 200" and the optional text after a space.
func (h *Head) parseStatusLine(line string) error {
	if len(line) < 12 || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return ProtocolError("status line")
	}
	h.Minor = int(line[7] - '0')
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return ProtocolError("status code")
		}
		h.Status = h.Status*10 + int(c-'0')
	}
	if h.Status < 100 || h.Status > 599 || len(line) > 12 && line[12] != ' ' {
		return ProtocolError("status code")
	}
	if !grammar.IsText(line[12:]) {
		return ProtocolError("control character in the status line")
	}
	return nil
}

// parseFields appends the header lines of text to fields.
func parseFields(fields []Field, text string, maxFields int) ([]Field, error) {
	for text != "" {
		if len(fields) == maxFields {
			return fields, ProtocolError("too many header lines")
		}
		end := strings.IndexByte(text, '\n')
		f, problem := grammar.ParseField(text[:end-1])
		if problem != "" {
			return fields, ProtocolError(problem)
		}
		text = text[end+1:]
		fields = append(fields, Field(f))
	}
	return fields, nil
}

// frame reads from the fields how the body is delimited, and whether the
// connection stays open.
func (h *Head) frame() error {
	h.Close = h.Minor == 0
	transferEncoding := false
	for i := range h.Fields {
		f := &h.Fields[i]
		switch f.Key {
		case "Content-Length":
			if h.Length >= 0 {
				return ProtocolError("more than one Content-Length")
			}
			n, ok := grammar.ParseLength(f.Value)
			if !ok {
				return ProtocolError("Content-Length")
			}
			h.Length = n
		case "Transfer-Encoding":
			if transferEncoding || !strings.EqualFold(f.Value, "chunked") {
				return ProtocolError("Transfer-Encoding")
			}
			transferEncoding = true
		case "Connection":
			h.parseConnection(f.Value)
		}
	}
	if transferEncoding && (h.Length >= 0 || h.Minor == 0) {
		return ProtocolError("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
	}
	h.Chunked = transferEncoding
	if h.Chunked || h.Length > 0 {
		switch {
		case h.Status < 200:
			return ProtocolError("informational response with a body")
		case h.Status == 204:
			// It must not have a body, but one may follow anyway.
			h.Close = true
		}
	}
	return nil
}

func (h *Head) parseConnection(value string) {
	if value == "keep-alive" {
		return
	}
	for value != "" {
		var token string
		token, value, _ = strings.Cut(value, ",")
		token = grammar.Trim(token)
		switch {
		case strings.EqualFold(token, "close"):
			h.Close = true
		case token != "" && !strings.EqualFold(token, "keep-alive") && !strings.EqualFold(token, "upgrade"):
			h.Nominates = true
		}
	}
}

// Bodiless reports whether the response to a request with the method has no
// body, whatever its header says.
func (h *Head) Bodiless(method string) bool {
	return method == "HEAD" || h.Status < 200 || h.Status == 204 || h.Status == 304
}
