// Package localreply writes the gateway's own responses, in the form that Envoy
// uses.
package localreply

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Reply is a response that the gateway makes itself.
type Reply struct {
	Status            int
	ContentType, Body string
	// GRPCStatus is the grpc-status for a gRPC client. Empty means Envoy's for Status.
	GRPCStatus string
	// Header has the other headers. It is a map to change: another one is ignored.
	Header http.Header
}

// Write answers r with status and body, as Envoy's local replies do.
//
// An ordinary client gets the status, and if there is a body, its
// content-length and the content-type text/plain, without a charset. For HEAD
// the body itself is left out. A gRPC client (see IsGRPC) gets status 200,
// content-type application/grpc, the grpc-status for status, and the
// percent-encoded body as grpc-message. Write also sends the headers that w
// already holds, except those that describe a body.
//
// Call Write before any other write to w.
func Write(w http.ResponseWriter, r *http.Request, status int, body string) {
	reply := Reply{Status: status, ContentType: plainText, Body: body}
	reply.write(w, r)
}

const plainText = "text/plain"

// WriteEdited is Write with a reply that edit may change before. edit may be nil.
func WriteEdited(w http.ResponseWriter, r *http.Request, status int, body string, edit func(*http.Request, *Reply)) {
	reply := Reply{Status: status, ContentType: plainText, Body: body}
	reply.Write(w, r, edit)
}

// Write answers r with the reply, as the function Write does, after edit. edit may be
// nil. It is not called for gRPC clients and for what is no error. If it sets a status
// that no response can have, the status does not change.
func (reply *Reply) Write(w http.ResponseWriter, r *http.Request, edit func(*http.Request, *Reply)) {
	if edit != nil && reply.Status >= 400 && !IsGRPC(r) {
		status := reply.Status
		edited := *reply
		edited.Header = w.Header()
		if edited.Body == "" {
			edited.ContentType = ""
		}
		edit(r, &edited)
		if edited.Status < 200 || edited.Status > 599 {
			edited.Status = status
		}
		edited.write(w, r)
		return
	}
	reply.write(w, r)
}

func (reply *Reply) write(w http.ResponseWriter, r *http.Request) {
	h, status, body := w.Header(), reply.Status, reply.Body
	for _, name := range bodyHeaders {
		delete(h, name)
	}
	if IsGRPC(r) {
		code := reply.GRPCStatus
		if code == "" {
			code = grpcStatus(status)
		}
		h["Content-Type"] = []string{"application/grpc"}
		h["Grpc-Status"] = []string{code}
		if body != "" && r.Method != http.MethodHead {
			h["Grpc-Message"] = []string{grpcMessage(body)}
		}
		w.WriteHeader(http.StatusOK)
		return
	}
	if body == "" || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	if reply.ContentType != "" {
		h["Content-Type"] = []string{reply.ContentType}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A failure here is a failure of the client's connection. It cannot be
		// reported.
		_, _ = io.WriteString(w, body)
	}
}

// bodyHeaders would describe a body other than the reply's.
var bodyHeaders = [...]string{
	"Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Trailer",
	"Grpc-Status", "Grpc-Message",
}

// DescribesBody reports whether a header is about the body, so that a reply does not keep
// it.
func DescribesBody(name string) bool {
	return slices.Contains(bodyHeaders[:], http.CanonicalHeaderKey(name))
}

// IsGRPC reports whether r gets its local replies as gRPC: its content-type is
// exactly application/grpc, or begins with application/grpc+.
func IsGRPC(r *http.Request) bool {
	values := r.Header["Content-Type"]
	if len(values) == 0 {
		return false
	}
	rest, ok := strings.CutPrefix(values[0], "application/grpc")
	return ok && (rest == "" || rest[0] == '+')
}

// grpcStatus is Envoy's gRPC code for an HTTP status.
func grpcStatus(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "13" // INTERNAL
	case http.StatusUnauthorized:
		return "16" // UNAUTHENTICATED
	case http.StatusForbidden:
		return "7" // PERMISSION_DENIED
	case http.StatusNotFound:
		return "12" // UNIMPLEMENTED
	case http.StatusRequestEntityTooLarge:
		return "8" // RESOURCE_EXHAUSTED, as gRPC's own limits; Envoy has no code for it
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return "14" // UNAVAILABLE
	}
	return "2" // UNKNOWN
}

// grpcMessage percent-encodes the bytes that gRPC does not allow in a status
// message: everything except printable ASCII, and the percent sign.
func grpcMessage(body string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if c := body[i]; c < ' ' || c > '~' || c == '%' {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
