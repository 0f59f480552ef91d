package http1

import (
	"net/http"
	"strconv"
	"time"
)

// MaxLines is how many lines a header or a trailer may have. Each takes memory, however short
// it is.
const MaxLines = 1000

// A refusal is the answer to a request that no handler sees. The connection ends with
// it, because nobody knows where the next request begins.
type refusal struct {
	status int
	// body is sent as text.
	body string
}

func (r *refusal) Error() string { return r.body }

// refuse returns a refusal whose body begins with the status, as net/http's do.
func refuse(status int, why string) *refusal {
	body := strconv.Itoa(status) + " " + http.StatusText(status)
	if why != "" {
		body += ": " + why
	}
	return &refusal{status, body}
}

var (
	badRequest  = refuse(http.StatusBadRequest, "")
	missingHost = refuse(http.StatusBadRequest, "missing required Host header")
	badHost     = refuse(http.StatusBadRequest, "malformed Host header")
	// twoLengths is Envoy's answer to a request whose end is in doubt.
	twoLengths     = &refusal{http.StatusBadRequest, "Bad Request"}
	unknownCoding  = &refusal{http.StatusNotImplemented, "Unsupported transfer encoding"}
	unknownVersion = refuse(http.StatusHTTPVersionNotSupported, "unsupported protocol version")
	unexpectable   = &refusal{http.StatusExpectationFailed, ""}
	slowHead       = refuse(http.StatusRequestTimeout, "")
	slowBody       = refuse(http.StatusRequestTimeout, "")
	headTooLarge   = refuse(http.StatusRequestHeaderFieldsTooLarge, "")
)

// instead makes a refusal the response, of which nothing was sent. The connection ends with it.
func (w *response) instead(r *refusal) {
	w.neverContinue()
	w.out.open()
	w.out.buf = r.appendTo(w.out.buf[:0])
	w.completed, w.lingering = true, w.x.body != nil && !w.x.body.ended.Load()
}

// appendTo appends the whole response.
func (r *refusal) appendTo(out []byte) []byte {
	out = append(out, statusLine(r.status, 1)...)
	if r.body != "" {
		out = append(out, "Content-Type: text/plain; charset=utf-8\r\n"...)
	}
	out = append(out, "Connection: close\r\nDate: "...)
	out = append(out, dateOf(time.Now())...)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(len(r.body)), 10)
	out = append(out, "\r\n\r\n"...)
	return append(out, r.body...)
}

// SlowBodyAnswer returns the whole response to a request whose body is too slow.
func SlowBodyAnswer() []byte { return slowBody.appendTo(nil) }

// statusLines are the status lines of known statuses, for HTTP/1.0 and HTTP/1.1.
var statusLines = func() (lines [2][600]string) {
	for status := range 600 {
		if text := http.StatusText(status); text != "" {
			rest := strconv.Itoa(status) + " " + text + "\r\n"
			lines[0][status], lines[1][status] = "HTTP/1.0 "+rest, "HTTP/1.1 "+rest
		}
	}
	return lines
}()

// statusLine returns a status line for a request with a minor version.
func statusLine(status, minor int) string {
	minor = min(minor, 1)
	if status < 600 && statusLines[minor][status] != "" {
		return statusLines[minor][status]
	}
	code := strconv.Itoa(status)
	return "HTTP/1." + strconv.Itoa(minor) + " " + code + " status code " + code + "\r\n"
}
