package http1

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateengo/gateway/internal/http1/grammar"
)

// A wishes is what the handler's header says about things that the server decides, at the
// time of WriteHeader.
type wishes struct {
	// length, contentType, date and trailer mean that the header has these keys, or
	// for trailer also one with http.TrailerPrefix, perhaps without a value. encoded
	// means that there is a Content-Encoding.
	length, contentType, date, trailer, encoded bool
	// connection and coding are the values of Connection and Transfer-Encoding.
	connection, coding []string
	// lengths means that Content-Length has a value.
	lengths bool
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// beginHead writes the status line and the handler's headers.
func (w *response) beginHead() {
	w.out.text(statusLine(w.status, w.x.request.ProtoMinor))
	header := w.x.answer
	var room [32]string
	keys := room[:0]
	for key := range header {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		values := header[key]
		switch key {
		case "Content-Length":
			w.said.length, w.said.lengths = true, first(values) != ""
			w.takeLength(first(values))
			continue
		case "Transfer-Encoding":
			w.said.coding = values
			continue
		case "Connection":
			w.said.connection = slices.Clone(values)
			continue
		case "Content-Type":
			if w.said.contentType = true; w.status == http.StatusNotModified {
				continue
			}
		case "Content-Encoding":
			w.said.encoded = first(values) != ""
		case "Date":
			w.said.date = true
		case "Trailer":
			w.said.trailer = w.said.trailer || len(values) > 0
			w.announce(values)
		default:
			if strings.HasPrefix(key, http.TrailerPrefix) {
				w.said.trailer = true
				continue
			}
		}
		w.fields(key, values)
	}
}

// fields writes the lines of a header that a handler has set. What is not allowed in
// a line is left out, as in net/http.
func (w *response) fields(key string, values []string) {
	if !grammar.IsToken(key) {
		return
	}
	for _, value := range values {
		w.out.field(key, inLine(value))
	}
}

// inLine returns a value without line ends, which would begin another header.
func inLine(value string) string {
	for i := range len(value) {
		if value[i] == '\r' || value[i] == '\n' {
			value = lineEnds.Replace(value)
			break
		}
	}
	return grammar.Trim(value)
}

var lineEnds = strings.NewReplacer("\n", " ", "\r", " ")

// takeLength reads the Content-Length of the handler.
func (w *response) takeLength(text string) {
	if text == "" {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		w.x.conn.server.log(slog.LevelWarn, fmt.Sprintf("http: invalid Content-Length of %q", text))
		delete(w.x.answer, "Content-Length")
		w.said.lengths = false
		return
	}
	w.contentLength = n
}

// announce takes down the names of trailers.
func (w *response) announce(values []string) {
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			if key := http.CanonicalHeaderKey(grammar.Trim(name)); key != "" && mayTrail(key) {
				w.trailers = append(w.trailers, key)
			}
		}
	}
}

// mayTrail reports whether a header may be in a trailer.
func mayTrail(key string) bool {
	switch key {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Range",
		"Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te", "Trailer", "Transfer-Encoding",
		"Www-Authenticate":
		return false
	}
	return !strings.HasPrefix(key, "If-")
}

// inform sends an informational response.
func (w *response) inform(status int) {
	w.out.open()
	w.out.text(statusLine(status, w.x.request.ProtoMinor))
	for _, key := range sortedKeys(w.x.answer) {
		if key != "Content-Length" && key != "Transfer-Encoding" {
			w.fields(key, w.x.answer[key])
		}
	}
	w.out.text("\r\n")
	w.continuing.Lock()
	defer w.continuing.Unlock()
	_ = w.out.flush(w.x.conn)
	w.out.sent = false // of the final response
}

func sortedKeys(h http.Header) []string {
	keys := make([]string, 0, len(h))
	for key := range h {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// completeHead completes the head, with the first part of the body. It decides as
// net/http does how the body is framed, and whether the connection goes on.
func (w *response) completeHead(body []byte) {
	if w.completed {
		return
	}
	w.completed = true
	x, s := w.x, &w.said
	head, minor := x.request.Method == http.MethodHead, x.request.ProtoMinor
	allowed := hasBody(w.status)
	if w.done && !s.trailer && first(s.coding) == "" && allowed && !s.length && (!head || len(body) > 0) {
		// The whole body is known.
		w.contentLength = int64(len(body))
	}
	known := w.contentLength >= 0
	connection := w.decideConnection(known || head || !allowed)
	switch coding := first(s.coding); {
	case head || !allowed || known && (coding == "" || coding == "identity"):
	case known && minor > 0:
		w.x.conn.server.log(slog.LevelWarn, fmt.Sprintf("http: WriteHeader called with both Transfer-Encoding of %q and a Content-Length of %d", coding, w.contentLength))
		w.chunking, known = true, false
	case minor > 0 && coding == "identity":
		// The body ends with the connection.
		w.closing = true
	case minor > 0:
		w.chunking = true
	default:
		known, w.closing = false, true
	}
	if w.closing && w.status != http.StatusSwitchingProtocols {
		if !hasWord(s.connection, "close") {
			s.connection = nil
		}
		if connection = ""; minor > 0 && s.connection == nil {
			connection = "close"
		}
	}
	w.writeRest(body, known && allowed, connection)
}

// decideConnection decides whether the connection goes on after the response. It
// returns the Connection header that says so, if one is needed. delimited means that
// the client will know where the response ends.
func (w *response) decideConnection(delimited bool) (connection string) {
	x, s := w.x, &w.said
	retired := x.conn.server.retired.Load()
	switch wants10 := x.request.ProtoMinor == 0 && x.keeps; {
	case wants10 && !x.closes && delimited:
		if s.connection == nil {
			connection = "keep-alive"
		}
	case x.request.ProtoMinor == 0 || x.closes:
		w.closing = true
	}
	if retired || first(s.connection) == "close" || w.status == http.StatusSwitchingProtocols {
		w.closing = true
	}
	if x.body != nil && !w.settleBody() {
		w.closing, w.lingering = true, true
	}
	return connection
}

// longestRest is how much of a request's body that the handler did not read the server
// reads to keep the connection, as in net/http.
const longestRest = 256 << 10

// restTime is how long the rest of a body may take.
const restTime = 5 * time.Second

// settleBody prepares the connection for a response while the request's body may not
// have been read. Many clients read a response only after they have sent the request.
// It reports whether the connection may go on.
func (w *response) settleBody() bool {
	b := w.x.body
	if b.ended.Load() {
		return true
	}
	if w.x.expects && w.x.request.ProtoMinor > 0 || w.tooLarge() {
		return false
	}
	if w.closing || w.fullDuplex || !b.mu.TryLock() {
		return true // finish sees to it
	}
	defer b.mu.Unlock()
	if b.failure != nil {
		return false
	}
	_ = w.x.conn.in.deadline.Want(time.Now().Add(restTime))
	ended := b.discard(longestRest + 1)
	_ = w.x.conn.in.deadline.Want(time.Time{})
	b.closed = true
	return ended
}

// writeRest writes the headers that the server adds, and the end of the head.
func (w *response) writeRest(body []byte, known bool, connection string) {
	s, o := &w.said, &w.out
	if !s.date {
		o.field("Date", dateOf(time.Now()))
	}
	if known && !w.chunking && w.status != http.StatusNotModified {
		if s.lengths || !s.length {
			o.text("Content-Length: ")
			o.buf = strconv.AppendInt(o.buf, w.contentLength, 10)
			o.text("\r\n")
		}
	}
	if hasBody(w.status) && !s.contentType && !s.encoded && first(s.coding) == "" && len(body) > 0 {
		o.field("Content-Type", http.DetectContentType(body))
	}
	if connection != "" {
		o.field("Connection", connection)
	} else {
		w.fields("Connection", s.connection)
	}
	if w.chunking {
		if coding := first(s.coding); coding != "" && coding != "chunked" {
			w.fields("Transfer-Encoding", s.coding)
		}
		o.text("Transfer-Encoding: chunked\r\n")
	}
	o.text("\r\n")
}

// appendTrailers writes the trailers that the handler has set by now.
func (w *response) appendTrailers() {
	for _, key := range w.trailers {
		w.fields(key, w.x.answer[key])
	}
	for _, key := range sortedKeys(w.x.answer) {
		if name, ok := strings.CutPrefix(key, http.TrailerPrefix); ok {
			w.fields(name, w.x.answer[key])
		}
	}
}

// hasWord reports whether a list in header values has a word, in any letter case.
func hasWord(values []string, word string) bool {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			if grammar.IsWord(grammar.Trim(part), word) {
				return true
			}
		}
	}
	return false
}
